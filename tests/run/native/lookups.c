/* Every way to ask for a symbol, and what comes of it; the same with c4trace as without it, but for LiteCore's own functions.
 *
 *   lookups LIBRARY...      libraries to look LiteCore's functions up in
 *
 * With NEXT defined it is a library whose `puts_behind` asks for the next `puts`, and whose constructor asks before anything else runs.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* File and symbol that an address belongs to. */
static const char *place(void *address) {
    static char text[600];
    Dl_info info;
    if (!address) return "nowhere";
    if (!dladdr(address, &info)) return "somewhere";
    const char *slash = strrchr(info.dli_fname, '/');
    snprintf(text, sizeof text, "%s", slash ? slash + 1 : info.dli_fname);
    return text;
}

#ifdef NEXT
void *puts_behind(void);
void *own_behind(const char *name);
int puts(const char *text) { return printf("[%s]\n", text); }
void *puts_behind(void) { return dlsym(RTLD_NEXT, "puts"); }
/* Of this library and those it was loaded with. */
void *own_behind(const char *name) { return dlsym(RTLD_DEFAULT, name); }
__attribute__((constructor)) static void early(void) { printf("early %s\n", place(dlsym(RTLD_NEXT, "puts"))); }
#else
static void tell(const char *what, void *found) {
    const char *error = dlerror();
    printf("%s: %s%s%s\n", what, place(found), error ? ", " : "", error ? error : "");
}

static void *look_up_often(void *library) {
    for (int i = 0; i < 2000; i++)
        if (!dlsym(library, "c4socket_opened") || !dlsym(RTLD_DEFAULT, "malloc") || dlsym(library, "no_such_name"))
            return library;
    return NULL;
}

static void in_threads(void *library) {
    pthread_t threads[4];
    void *failed;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, look_up_often, library);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        if (failed) printf("a thread found what is not there, or did not find what is\n");
    }
}

int main(int argc, char **argv) {
    void *c = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD), *program = dlopen(NULL, RTLD_NOW);
    tell("default", dlsym(RTLD_DEFAULT, "getpid"));
    tell("default, missing", dlsym(RTLD_DEFAULT, "no_such_name"));
    tell("next", dlsym(RTLD_NEXT, "getpid"));
    tell("next, missing", dlsym(RTLD_NEXT, "main"));
    tell("handle", dlsym(c, "getpid"));
    tell("handle, missing", dlsym(c, "no_such_name"));
    tell("handle, missing, of interest", dlsym(c, "c4repl_new"));
    tell("handle, missing, of interest too", dlsym(c, "_FLBuf_Release"));
    tell("program", dlsym(program, "main"));
    tell("version", dlvsym(c, "getpid", "GLIBC_2.2.5"));
    tell("version, of default", dlvsym(RTLD_DEFAULT, "getpid", "GLIBC_2.2.5"));
    tell("version, missing", dlvsym(c, "getpid", "NO_SUCH_1.0"));
    tell("version, of interest", dlvsym(c, "c4repl_new", "CBL"));
    for (int i = 1; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        tell(argv[i], library ? dlsym(library, "printf") : NULL);
        void *(*puts_behind)(void) = library ? (void *(*)(void))dlsym(library, "puts_behind") : NULL;
        void *(*own_behind)(const char *) = library ? (void *(*)(const char *))dlsym(library, "own_behind") : NULL;
        dlerror();
        if (puts_behind) tell("next, of a library", puts_behind());
        if (own_behind) tell("default, of a library", own_behind("puts_behind"));
        if (!library || puts_behind) continue;
        dlsym(library, "no_such_name"); /* its error is gone with the next lookup that finds something */
        tell("LiteCore", dlsym(library, "c4repl_new"));
        tell("LiteCore, release", dlsym(library, "_FLBuf_Release"));
        tell("LiteCore, version", dlvsym(library, "c4repl_new", "CBL"));
        tell("LiteCore, wrong version", dlvsym(library, "c4repl_new", "NOT"));
        tell("LiteCore, other", dlsym(library, "c4_getVersion"));
        tell("LiteCore, missing", dlsym(library, "c4socket_noSuchThing"));
        in_threads(library);
    }
    return 0;
}
#endif
