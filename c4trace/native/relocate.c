/* Turning the relocations of the inner factory's library: its references to c4socket_ functions lead to the tracing ones, whether bound
 * lazily, at load with read-only relocations, or through the GOT alone (-fno-plt). */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "factories.h"

#if defined(__x86_64__)
#define IS_FUNCTION_SLOT(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT || (type) == R_X86_64_64)
#elif defined(__aarch64__)
#define IS_FUNCTION_SLOT(type)                                                                                         \
    ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT || (type) == R_AARCH64_ABS64)
#else
#error "c4trace knows the relocations of x86-64 and aarch64 only"
#endif

#define TURNS_MAX 512

/* One slot that was turned, and for which tracers. Under c4t_setup_lock. */
static struct turn {
    void *_Atomic *slot;
    void *before;
    void *after;
    bool protected;   /* lies in a read-only relocation segment */
    uint32_t tracers; /* bit i: c4t_tracers[i] wants it */
} turns[TURNS_MAX];
static int turn_count;

/* What the dynamic section of a loaded library says. */
struct image {
    ElfW(Addr) base;
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * tables[2]; /* DT_RELA, DT_JMPREL */
    size_t sizes[2];              /* bytes */
    ElfW(Addr) relro, relro_end;  /* 0, 0: none */
};

/* glibc relocates the pointers of a mapped dynamic section, other loaders leave offsets. */
static const void *pointer(ElfW(Addr) base, ElfW(Addr) value) {
    return (const void *)(value < base ? base + value : value);
}

static void read_dynamic(struct image *image, const ElfW(Dyn) * d) {
    for (; d->d_tag != DT_NULL; d++) {
        switch (d->d_tag) {
        case DT_SYMTAB:
            image->symbols = pointer(image->base, d->d_un.d_ptr);
            break;
        case DT_STRTAB:
            image->strings = pointer(image->base, d->d_un.d_ptr);
            break;
        case DT_RELA:
            image->tables[0] = pointer(image->base, d->d_un.d_ptr);
            break;
        case DT_RELASZ:
            image->sizes[0] = d->d_un.d_val;
            break;
        case DT_JMPREL:
            image->tables[1] = pointer(image->base, d->d_un.d_ptr);
            break;
        case DT_PLTRELSZ:
            image->sizes[1] = d->d_un.d_val;
            break;
        default:
            break;
        }
    }
}

struct wanted {
    ElfW(Addr) address; /* lies in the image looked for */
    struct image *image;
};

static int find_image(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    struct wanted *wanted = data;
    bool inside = false;
    const ElfW(Phdr) *dynamic = NULL, *relro = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        ElfW(Addr) start = info->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_LOAD && wanted->address >= start && wanted->address < start + p->p_memsz) inside = true;
        if (p->p_type == PT_DYNAMIC) dynamic = p;
        if (p->p_type == PT_GNU_RELRO) relro = p;
    }
    if (!inside) return 0;
    struct image *image = wanted->image;
    image->base = info->dlpi_addr;
    if (relro) {
        /* As the loader does: of a page that is read-only in part, nothing is. */
        ElfW(Addr) within_page = (ElfW(Addr))sysconf(_SC_PAGESIZE) - 1;
        image->relro = (info->dlpi_addr + relro->p_vaddr) & ~within_page;
        image->relro_end = (info->dlpi_addr + relro->p_vaddr + relro->p_memsz) & ~within_page;
    }
    if (dynamic) read_dynamic(image, (const ElfW(Dyn) *)(info->dlpi_addr + dynamic->p_vaddr));
    return 1;
}

static bool set_slot(struct turn *turn, void *value) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *start = (void *)((uintptr_t)turn->slot & ~(page - 1));
    if (turn->protected && mprotect(start, page, PROT_READ | PROT_WRITE)) return false;
    atomic_store_explicit(turn->slot, value, memory_order_release); /* release: the port behind it is ready */
    if (turn->protected) mprotect(start, page, PROT_READ);
    return true;
}

/* Turn one slot for this tracer; true when it is turned (now or already). */
static bool turn_slot(struct c4trace_tracer *tracer, const struct image *image, void *_Atomic *slot, void *traced) {
    uint32_t bit = UINT32_C(1) << tracer->index;
    for (int i = 0; i < turn_count; i++) {
        if (turns[i].slot != slot || !turns[i].tracers) continue;
        turns[i].tracers |= bit;
        return true;
    }
    int i = 0;
    while (i < turn_count && turns[i].tracers) i++;
    if (i == TURNS_MAX) return false;
    if (i == turn_count) turn_count++;
    struct turn *turn = &turns[i];
    turn->slot = slot;
    turn->before = atomic_load_explicit(
        slot, memory_order_relaxed); /* relaxed: lazy binding may change it; both values lead to LiteCore */
    turn->after = traced;
    turn->protected = (ElfW(Addr))slot >= image->relro && (ElfW(Addr))slot < image->relro_end;
    turn->tracers = set_slot(turn, traced) ? bit : 0;
    return turn->tracers != 0;
}

/* What a reference to `symbol` is turned to; NULL: it stays. What a library releases by a function of its own is its own affair. */
static void *traced_function(struct c4t_port *port, const ElfW(Sym) * symbol, const char *name) {
    if (!strncmp(name, "_FLBuf_", 7) && symbol->st_shndx != SHN_UNDEF) return NULL;
    if (!strcmp(name, "_FLBuf_Retain")) return c4t_traced_retain(port);
    for (int i = 0; c4t_upcall_name(i); i++)
        if (!strcmp(name, c4t_upcall_name(i))) return *c4t_upcall_slot(&port->traced, i);
    return NULL;
}

/* A library whose slots we will restore must not be unloaded before that. */
static void pin(const void *address) {
    Dl_info info;
    if (dladdr(address, &info) && info.dli_fname) dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_NOW | RTLD_NODELETE);
}

/* The dynamic section of the library that holds `address`. */
static bool image_of(const void *address, struct image *image) {
    struct wanted wanted = {(ElfW(Addr))address, image};
    return dl_iterate_phdr(find_image, &wanted) && image->symbols && image->strings;
}

/* What a walk over a library's references is for. */
struct walk {
    struct image image;
    const char *wanted; /* only count references to what has this name, and is another library's */
    struct c4trace_tracer *tracer;
    struct c4t_port *port;
    const void *past[2]; /* where references to its own functions must not lead */
    struct c4t_turned found;
    int references;
};

static void lead_past(const struct walk *walk, const ElfW(Sym) * symbol, void *_Atomic *slot) {
    const void *now = atomic_load_explicit(slot, memory_order_relaxed); /* relaxed: either leads to the same function */
    if (!now || (now != walk->past[0] && now != walk->past[1])) return;
    struct turn turn = {.slot = slot};
    turn.protected = (ElfW(Addr))slot >= walk->image.relro && (ElfW(Addr))slot < walk->image.relro_end;
    set_slot(&turn, (void *)(walk->image.base + symbol->st_value));
}

static void at_reference(struct walk *walk, const ElfW(Rela) * rela) {
    const struct image *image = &walk->image;
    const ElfW(Sym) *symbol = &image->symbols[ELF64_R_SYM(rela->r_info)];
    const char *name = image->strings + symbol->st_name;
    void *_Atomic *slot = (void *_Atomic *)(image->base + rela->r_offset);
    if (walk->past[0]) {
        if (symbol->st_shndx != SHN_UNDEF) lead_past(walk, symbol, slot);
        return;
    }
    if (walk->wanted) {
        walk->references += symbol->st_shndx == SHN_UNDEF && !strcmp(name, walk->wanted);
        return;
    }
    void *traced = traced_function(walk->port, symbol, name);
    if (!traced || rela->r_addend || !turn_slot(walk->tracer, image, slot, traced)) return;
    walk->found.releases += !strcmp(name, "_FLBuf_Release");
    walk->found.upcalls += !strncmp(name, "c4socket_", 9);
}

static void over_references(struct walk *walk) {
    for (int t = 0; t < 2; t++) {
        const ElfW(Rela) *rela = walk->image.tables[t];
        for (size_t i = 0; rela && i < walk->image.sizes[t] / sizeof *rela; i++)
            if (IS_FUNCTION_SLOT(ELF64_R_TYPE(rela[i].r_info))) at_reference(walk, &rela[i]);
    }
}

struct c4t_turned c4t_relocate(struct c4trace_tracer *tracer, struct c4t_port *port, const void *address) {
    struct walk walk = {.tracer = tracer, .port = port};
    if (!image_of(address, &walk.image)) return walk.found;
    pin(address);
    over_references(&walk);
    return walk.found;
}

bool c4t_refers_to(const void *address, const char *name) {
    struct walk walk = {.wanted = name};
    if (image_of(address, &walk.image)) over_references(&walk);
    return walk.references > 0;
}

void c4t_references_past(const void *address, const void *release, const void *retain) {
    struct walk walk = {.past = {release, retain}};
    /* This thread may be inside LiteCore with the lock held; then a later call leads past. */
    if (pthread_mutex_trylock(&c4t_setup_lock)) return;
    if (image_of(address, &walk.image)) over_references(&walk);
    pthread_mutex_unlock(&c4t_setup_lock);
}

void c4t_relocate_undo(struct c4trace_tracer *tracer) {
    uint32_t bit = UINT32_C(1) << tracer->index;
    for (int i = 0; i < turn_count; i++) {
        struct turn *turn = &turns[i];
        if (!(turn->tracers & bit)) continue;
        turn->tracers &= ~bit;
        if (turn->tracers) continue;
        /* Somebody else may have turned it after us: then it stays, and our up-call passes on. */
        if (atomic_load_explicit(turn->slot, memory_order_relaxed) == turn->after) set_slot(turn, turn->before);
    }
}
