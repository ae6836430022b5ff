/* At a process' end: what is to be said of a LiteCore that was there, and of which no function was ever called where that is seen. */
#include <link.h>

#include "preload.h"

/* What makes a replicator or a connection. */
static const char *const making[] = {"c4repl_new", "c4repl_newWithSocket", "c4socket_fromNative",
                                     "c4socket_registerFactory"};

static int refers_to_it(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
        const void *inside = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        for (size_t k = 0; k < sizeof making / sizeof *making; k++)
            if (c4t_refers_to(inside, making[k])) return 1;
        return 0;
    }
    return 0;
}

__attribute__((destructor)) static void tell_of_one_never_met(void) {
    char path[C4T_PATH_MAX];
    if (c4t_asked_name() && c4t_none_was_met() && c4t_litecore_is_loaded(path))
        c4t_tell(dl_iterate_phdr(refers_to_it, NULL) ? "loaded" : "unlinked", path);
}
