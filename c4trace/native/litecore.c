/* Finding a LiteCore in this process: its c4socket_ functions, its version, the size of its factory struct. */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factories.h"

/* "3.0.0 …" -> size of C4SocketFactory, 0 where c4trace does not know the version: `attached` came with 3.4 and 4.1 (rule C4S-006). */
static size_t size_by_version(int major, int minor) {
    if (major == 2) return minor >= 5 ? C4T_FACTORY_SIZE_64 : 0;
    if (major == 3) return minor >= 4 ? C4T_FACTORY_SIZE_72 : C4T_FACTORY_SIZE_64;
    if (major == 4) return minor >= 1 ? C4T_FACTORY_SIZE_72 : C4T_FACTORY_SIZE_64;
    return 0;
}

/* Official builds may give a commit in place of a version. c4repl_getCorrelationID came in the releases that added `attached`. */
static size_t factory_size_of(const struct c4t_litecore *litecore) {
    int major = 0, minor = 0;
    if (sscanf(litecore->version, "%d.%d.", &major, &minor) == 2) return size_by_version(major, minor);
    return dlsym(litecore->library, "c4repl_getCorrelationID") ? C4T_FACTORY_SIZE_72 : C4T_FACTORY_SIZE_64;
}

/* Commits that are known to be a release. */
static const struct {
    const char *commit, *version;
} releases[] = {{"b018a12d", "3.0.0"}};

static void name_release(struct c4t_litecore *litecore) {
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
        if (!strncmp(litecore->version, releases[i].commit, 8))
            snprintf(litecore->version, sizeof litecore->version, "%s (%s)", releases[i].version, releases[i].commit);
}

static void read_version(struct c4t_litecore *litecore) {
    void *library = litecore->library;
    c4t_slice (*get)(void) = (c4t_slice (*)(void))dlsym(library, "c4_getVersion");
    if (!get) get = (c4t_slice (*)(void))dlsym(library, "c4_getBuildInfo");
    if (!get) return;
    c4t_slice text = get();
    if (!text.buf) return;
    snprintf(litecore->version, sizeof litecore->version, "%.*s", (int)text.size, (const char *)text.buf);
    if (litecore->real.release_buffer) litecore->real.release_buffer(text.buf);
}

static bool bind(struct c4t_litecore *litecore, void *library) {
    memset(litecore, 0, sizeof *litecore);
    litecore->library = library;
    c4t_upcalls *real = &litecore->real;
    for (int i = 0; c4t_upcall_name(i); i++) *c4t_upcall_slot(real, i) = dlsym(library, c4t_upcall_name(i));
    real->error_message = (c4t_slice (*)(c4t_error))dlsym(library, "c4error_getMessage");
    if (!real->opened || !real->received || !real->closed || !real->completed_write || !real->got_http_response ||
        !real->close_requested)
        return false;
    read_version(litecore);
    name_release(litecore);
    real->factory_size = factory_size_of(litecore);
    return true;
}

/* A LiteCore that is loaded already, even RTLD_LOCAL: the first library that is named like one. */
static int find_loaded(struct dl_phdr_info *info, size_t size, void *path) {
    (void)size;
    const char *base = strrchr(info->dlpi_name, '/');
    base = base ? base + 1 : info->dlpi_name;
    if (strncmp(base, "libLiteCore.so", 14) && strncmp(base, "libcblite.so", 12)) return 0;
    snprintf(path, C4T_PATH_MAX, "%s", info->dlpi_name);
    return 1;
}

bool c4t_litecore_is_loaded(char path[C4T_PATH_MAX]) { return dl_iterate_phdr(find_loaded, path); }

int c4t_litecore_load(const char *path, struct c4t_litecore *litecore, c4trace_failure *failure) {
    char found[C4T_PATH_MAX];
    if (!path) {
        if (!c4t_litecore_is_loaded(found)) return -1;
        path = found;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return c4t_fail(failure, C4TRACE_NO_LITECORE,
                        "cannot load LiteCore: %s; give the path of libLiteCore.so that the program uses", dlerror());
    if (!bind(litecore, library)) {
        dlclose(library);
        return c4t_fail(failure, C4TRACE_NO_LITECORE,
                        "%s has no c4socket_ functions; give the path of libLiteCore.so itself", path);
    }
    return C4TRACE_OK; /* kept open: its functions are called as long as the process lives */
}

/* Handle of the library that defines the function at `address`. */
static void *library_of(const void *address) {
    Dl_info info;
    if (!address || !dladdr(address, &info) || !info.dli_fname) return NULL;
    void *library = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_NOW);
    return library ? library : dlopen(NULL, RTLD_NOW); /* the program itself */
}

bool c4t_is_ours(const void *address) {
    Dl_info theirs, ours;
    return dladdr(address, &theirs) && dladdr((void *)c4t_is_ours, &ours) && theirs.dli_fbase == ours.dli_fbase;
}

void *c4t_symbol_behind(const void *address, const char *name) {
    void *library = library_of(address);
    void *found = library ? dlsym(library, name) : NULL;
    /* Seen from the program itself an interposed function of ours comes first. */
    return found && c4t_is_ours(found) ? dlsym(RTLD_NEXT, name) : found;
}

bool c4t_litecore_behind(const void *address, struct c4t_litecore *litecore) {
    void *library = library_of(c4t_symbol_behind(address, "c4socket_opened"));
    return library && bind(litecore, library);
}
