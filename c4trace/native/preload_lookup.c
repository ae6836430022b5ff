/* Functions of LiteCore that a host looks up itself (dlsym/dlsym.c) lead to the interposed ones. */
#include <stdio.h>
#include <string.h>

#include "preload.h"

__attribute__((visibility("default"))) void *c4trace_looked_up(void *found, const char *name, const void *caller);

/* The interposed functions, by names that nobody else can have. */
#define FUNCTIONS(M)                                                                                                   \
    M(c4socket_gotHTTPResponse)                                                                                        \
    M(c4socket_gotPeerCertificate)                                                                                     \
    M(c4socket_opened)                                                                                                 \
    M(c4socket_received)                                                                                               \
    M(c4socket_completedWrite)                                                                                         \
    M(c4socket_closeRequested)                                                                                         \
    M(c4socket_closed)                                                                                                 \
    M(c4socket_fromNative)                                                                                             \
    M(c4socket_fromNative2)                                                                                            \
    M(c4socket_registerFactory)                                                                                        \
    M(c4repl_new)                                                                                                      \
    M(c4repl_newWithSocket)                                                                                            \
    M(_FLBuf_Release)                                                                                                  \
    M(_FLBuf_Retain)
#define DECLARE(name) C4T_INTERNAL void c4t_at_##name(void);
#define ENTRY(name) {#name, c4t_at_##name},
FUNCTIONS(DECLARE)
static const struct {
    const char *name;
    void (*function)(void);
} functions[] = {FUNCTIONS(ENTRY)};

static void *function_named(const char *name) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(name, functions[i].name)) return (void *)functions[i].function;
    return NULL;
}

void *c4trace_looked_up(void *found, const char *name, const void *caller) {
    void *ours = function_named(name);
    /* Our own lookups are for what is LiteCore's. */
    if (!ours || !c4t_asked_name() || c4t_is_ours(caller) || c4t_is_ours(found)) return found;
    const struct c4t_met *met = c4t_meet_looked_up(found, caller);
    return met && met->port ? ours : found;
}
