/* libc4trace_dlsym.so: dlsym and dlvsym, interposed for hosts that look LiteCore's functions up (P/Invoke, JNA, ctypes, cffi, Dart). What
 * they look up in a LiteCore leads to the function of libc4trace.so; everything else goes on to the loader's own dlsym, with all
 * registers and the stack as they came, so that RTLD_NEXT and RTLD_DEFAULT still see the caller.
 *
 * A library of its own, so that a host that is merely preloaded into keeps the loader's dlsym. It may be called at any time, before
 * the constructors of any library: nothing here allocates, locks or needs to be set up, or calls a function of libc, which a sanitizer
 * may have made its own and look up right now.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIDDEN __attribute__((visibility("hidden")))
#define SYMBOL_HIDDEN 0x8000u /* in a table of versions: not the default version */

/* libc4trace.so: what is given in place of `found`, which is named `name`, to code at `caller`; often `found` itself. */
void *c4trace_looked_up(void *found, const char *name, const void *caller);

typedef void *(*dlsym_function)(void *, const char *);
typedef void *(*dlvsym_function)(void *, const char *, const char *);

struct table {
    const ElfW(Sym) * symbols;
    const char *strings;
    const uint32_t *hash;
    const uint16_t *versions;
};

static bool begins_with(const char *text, const char *with) {
    while (*with && *text == *with) text++, with++;
    return !*with;
}

static bool is_same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static uint32_t gnu_hash(const char *name) {
    uint32_t hash = 5381;
    for (; *name; name++) hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* glibc relocates the pointers of a mapped dynamic section, other loaders leave offsets. */
static const void *pointer(ElfW(Addr) base, ElfW(Addr) value) {
    return (const void *)(value < base ? base + value : value);
}

static bool read_table(struct table *table, ElfW(Addr) base, const ElfW(Dyn) * d) {
    *table = (struct table){0};
    for (; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB) table->symbols = pointer(base, d->d_un.d_ptr);
        if (d->d_tag == DT_STRTAB) table->strings = pointer(base, d->d_un.d_ptr);
        if (d->d_tag == DT_GNU_HASH) table->hash = pointer(base, d->d_un.d_ptr);
        if (d->d_tag == DT_VERSYM) table->versions = pointer(base, d->d_un.d_ptr);
    }
    return table->symbols && table->strings && table->hash;
}

/* The definition of `name` in its default version. */
static const ElfW(Sym) * find_symbol(const struct table *table, const char *name) {
    const uint32_t *hash = table->hash;
    uint32_t bucket_count = hash[0], first = hash[1], bloom_words = hash[2];
    const uint32_t *buckets = &hash[4] + bloom_words * (sizeof(ElfW(Addr)) / sizeof *hash);
    const uint32_t *chain = buckets + bucket_count;
    uint32_t wanted = gnu_hash(name), i = bucket_count ? buckets[wanted % bucket_count] : 0;
    for (; i >= first && i; i++) {
        uint32_t has = chain[i - first];
        const ElfW(Sym) *symbol = &table->symbols[i];
        if ((has | 1) == (wanted | 1) && symbol->st_shndx != SHN_UNDEF &&
            !(table->versions && table->versions[i] & SYMBOL_HIDDEN) && is_same(table->strings + symbol->st_name, name))
            return symbol;
        if (has & 1) break; /* the end of its chain */
    }
    return NULL;
}

/* The next one behind ours, as RTLD_NEXT would have it: another tool's, or the loader's. The loader's own list of what is loaded needs
 * no function that could be another's. */
static void *real(void *_Atomic *known, const char *name) {
    /* relaxed, both: an address, and code is always there */
    void *function = atomic_load_explicit(known, memory_order_relaxed);
    if (function) return function;
    bool passed_us = false;
    for (const struct link_map *map = _r_debug.r_map; map && !function; map = map->l_next) {
        struct table table;
        if (passed_us && read_table(&table, map->l_addr, map->l_ld)) {
            const ElfW(Sym) *symbol = find_symbol(&table, name);
            if (symbol) function = (void *)(map->l_addr + symbol->st_value);
        }
        passed_us |= map->l_ld == _DYNAMIC;
    }
    atomic_store_explicit(known, function, memory_order_relaxed);
    return function;
}

static bool is_of_interest(void *handle, const char *name) {
    if (handle == RTLD_DEFAULT || handle == RTLD_NEXT || !name) return false;
    return begins_with(name, "c4socket_") || begins_with(name, "c4repl_new") || begins_with(name, "_FLBuf_Re");
}

/* Where a lookup goes on: to `jump`, or, where that is NULL, back to its caller with `value`. */
struct way {
    void *jump;
    void *value;
};

static struct way answer(void *jump, void *found, void *instead) {
    return instead == found ? (struct way){jump, NULL} : (struct way){NULL, instead};
}

/* What dlerror says is what the last lookup here left: that of the caller's own, failed or not. */
HIDDEN struct way c4t_dlsym_way(void *handle, const char *name, const void *caller) {
    static void *_Atomic known;
    dlsym_function next = (dlsym_function)real(&known, "dlsym");
    if (!next || !is_of_interest(handle, name)) return (struct way){(void *)next, NULL};
    void *found = next(handle, name);
    void *instead = found ? c4trace_looked_up(found, name, caller) : NULL;
    if (instead != found) next(handle, name);
    return answer((void *)next, found, instead);
}

HIDDEN struct way c4t_dlvsym_way(void *handle, const char *name, const char *version, const void *caller) {
    static void *_Atomic known;
    dlvsym_function next = (dlvsym_function)real(&known, "dlvsym");
    if (!next || !is_of_interest(handle, name)) return (struct way){(void *)next, NULL};
    void *found = next(handle, name, version);
    void *instead = found ? c4trace_looked_up(found, name, caller) : NULL;
    if (instead != found) next(handle, name, version);
    return answer((void *)next, found, instead);
}

#define BEGIN(name) ".text\n.globl " #name "\n.type " #name ", %function\n" #name ":\n.cfi_startproc\n"
#define END(name) ".cfi_endproc\n.size " #name ", .-" #name "\n"

#if defined(__x86_64__)
/* At a call the stack is aligned; struct way comes back in rax and rdx. */
__asm__(BEGIN(dlsym) "endbr64\n"
                     "push %rdi\npush %rsi\nsub $8, %rsp\n.cfi_adjust_cfa_offset 24\n"
                     "mov 24(%rsp), %rdx\n"
                     "call c4t_dlsym_way\n"
                     "add $8, %rsp\npop %rsi\npop %rdi\n.cfi_adjust_cfa_offset -24\n"
                     "test %rax, %rax\nje 1f\njmp *%rax\n"
                     "1: mov %rdx, %rax\nret\n" END(dlsym));
__asm__(BEGIN(dlvsym) "endbr64\n"
                      "push %rdi\npush %rsi\npush %rdx\n.cfi_adjust_cfa_offset 24\n"
                      "mov 24(%rsp), %rcx\n"
                      "call c4t_dlvsym_way\n"
                      "mov %rdx, %r11\n"
                      "pop %rdx\npop %rsi\npop %rdi\n.cfi_adjust_cfa_offset -24\n"
                      "test %rax, %rax\nje 1f\njmp *%rax\n"
                      "1: mov %r11, %rax\nret\n" END(dlvsym));
#elif defined(__aarch64__)
/* struct way comes back in x0 and x1; x16 and x17 are anybody's. */
#define WAY(name, caller)                                                                                              \
    __asm__(BEGIN(name) "hint #34\n" /* bti c */                                                                       \
                        "stp x29, x30, [sp, #-48]!\n.cfi_adjust_cfa_offset 48\n"                                       \
                        "stp x0, x1, [sp, #16]\nstr x2, [sp, #32]\n"                                                   \
                        "mov " #caller ", x30\n"                                                                       \
                        "bl c4t_" #name "_way\n"                                                                       \
                        "mov x16, x0\nmov x17, x1\n"                                                                   \
                        "ldp x0, x1, [sp, #16]\nldr x2, [sp, #32]\n"                                                   \
                        "ldp x29, x30, [sp], #48\n.cfi_adjust_cfa_offset -48\n"                                        \
                        "cbz x16, 1f\nbr x16\n"                                                                        \
                        "1: mov x0, x17\nret\n" END(name))
WAY(dlsym, x2);
WAY(dlvsym, x3);
#else
#error "c4trace knows x86-64 and aarch64 only"
#endif
