/* References of a library whose read-only part does not end with a page: the loader leaves that page writable, and so must we. */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "stand_in.h"

static uint64_t opened;
__attribute__((visibility("default"))) void c4socket_opened(c4t_socket *socket);
void c4socket_opened(c4t_socket *socket) {
    (void)socket;
    opened++;
}

/* A copy of the library whose read-only part is 8 bytes shorter, as where the machine's pages are larger than the linker's. */
static void copy_with_a_partial_page(const char *path) {
    int from = open(C4T_LIBRARY_DIR "/lib_partial.so", O_RDONLY), to = open(path, O_RDWR);
    static char bytes[4 << 20];
    ssize_t size = read(from, bytes, sizeof bytes);
    CHECK(size > 0 && size < (ssize_t)sizeof bytes);
    const Elf64_Ehdr *header = (void *)bytes;
    Elf64_Phdr *parts = (void *)(bytes + header->e_phoff);
    int found = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (parts[i].p_type == PT_GNU_RELRO) parts[i].p_memsz -= 8, found++;
    CHECK(found == 1 && write(to, bytes, (size_t)size) == size && !close(from) && !close(to));
}

static int relro_of(struct dl_phdr_info *info, size_t size, void *end) {
    (void)size;
    if (!strstr(info->dlpi_name, "c4trace-partial-")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
            *(uintptr_t *)end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    return 1;
}

static void a_page_that_was_writable_stays_so(void) {
    char path[] = "/tmp/c4trace-partial-XXXXXX";
    close(mkstemp(path));
    copy_with_a_partial_page(path);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "%s\n", dlerror());
    CHECK(library && !unlink(path));
    uintptr_t end = 0;
    CHECK(dl_iterate_phdr(relro_of, &end) && end);
    volatile char *last = (volatile char *)end;
    *last = *last; /* the loader rounds down */
    c4trace_tracer *tracer = open_tracer("partial", C4T_CAPTURE_HEADERS, 0);
    const c4t_socket_factory *traced = wrap(tracer, dlsym(library, "partial_factory"), "f");
    CHECK_EQUAL(c4trace_upcalls_seen(tracer, traced), C4T_UPCALLS_RELOCATION);
    *last = *last;
    c4trace_close(tracer, 0);
    *last = *last;
}

int main(void) {
    enter_folder();
    a_page_that_was_writable_stays_so();
    leave_folder();
    return 0;
}
