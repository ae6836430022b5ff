/* For a host that is linked to no LiteCore: every function of the stand-in is looked up in the library that $STAND_IN names. */
#ifndef LOOKUPS_H
#define LOOKUPS_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTIONS(M)                                                                                                   \
    M(c4repl_new)                                                                                                      \
    M(c4repl_newWithSocket)                                                                                            \
    M(c4socket_fromNative)                                                                                             \
    M(c4socket_fromNative2)                                                                                            \
    M(c4socket_registerFactory)                                                                                        \
    M(c4socket_gotHTTPResponse)                                                                                        \
    M(c4socket_opened)                                                                                                 \
    M(c4socket_received)                                                                                               \
    M(c4socket_completedWrite)                                                                                         \
    M(c4socket_closeRequested)                                                                                         \
    M(c4socket_closed)                                                                                                 \
    M(_FLBuf_Release)                                                                                                  \
    M(stand_in_got)                                                                                                    \
    M(stand_in_factory)                                                                                                \
    M(stand_in_play)                                                                                                   \
    M(stand_in_upcalls)                                                                                                \
    M(stand_in_bytes)                                                                                                  \
    M(stand_in_buffers)
#define DECLARE(name) static __typeof__(&name) looked_up_##name;
FUNCTIONS(DECLARE)

static void *looked_up(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found || dlerror()) {
        fprintf(stderr, "host: %s: %s\n", name, dlerror());
        exit(2);
    }
    return found;
}

static void look_up(void) {
    void *library = dlopen(getenv("STAND_IN"), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "host: %s\n", dlerror());
        exit(2);
    }
#define LOOK_UP(name) looked_up_##name = (__typeof__(&name))looked_up(library, #name);
    FUNCTIONS(LOOK_UP)
}

#define c4repl_new looked_up_c4repl_new
#define c4repl_newWithSocket looked_up_c4repl_newWithSocket
#define c4socket_fromNative looked_up_c4socket_fromNative
#define c4socket_fromNative2 looked_up_c4socket_fromNative2
#define c4socket_registerFactory looked_up_c4socket_registerFactory
#define c4socket_gotHTTPResponse looked_up_c4socket_gotHTTPResponse
#define c4socket_opened looked_up_c4socket_opened
#define c4socket_received looked_up_c4socket_received
#define c4socket_completedWrite looked_up_c4socket_completedWrite
#define c4socket_closeRequested looked_up_c4socket_closeRequested
#define c4socket_closed looked_up_c4socket_closed
#define _FLBuf_Release looked_up__FLBuf_Release
#define stand_in_got looked_up_stand_in_got
#define stand_in_factory looked_up_stand_in_factory
#define stand_in_play looked_up_stand_in_play
#define stand_in_upcalls looked_up_stand_in_upcalls
#define stand_in_bytes looked_up_stand_in_bytes
#define stand_in_buffers looked_up_stand_in_buffers

#endif
