/* Wrapped factories: their trampolines, and the up-calls of a port. */
#ifndef C4TRACE_FACTORIES_H
#define C4TRACE_FACTORIES_H

#include "tracer.h"

/* Set i calls c4t_factories[i]; framing and context are filled in when it is handed out. */
C4T_INTERNAL extern const c4t_socket_factory c4t_trampolines[C4T_TRAMPOLINES];

/* The wrapped factory whose trampolines these are, or NULL. */
C4T_INTERNAL struct c4t_factory *c4t_factory_of_traced(const c4t_socket_factory *factory);
/* The live wrapped factory around an inner one with these callbacks, best with this context too, or NULL. */
C4T_INTERNAL struct c4t_factory *c4t_factory_of_inner(const c4t_socket_factory *factory);

/* Wrap a factory that was met on its way to LiteCore, or find it wrapped already (its context may be another one: a traced
 * factory passes on whatever context it is called with). `sees_releases`: of whatever calls _FLBuf_Release, and not only of a library
 * that refers to it. NULL: leave it as it is; `failure` says why. */
C4T_INTERNAL struct c4t_factory *c4t_wrap_interposed(struct c4trace_tracer *tracer, struct c4t_port *port,
                                                     const c4t_socket_factory *inner, const char *name,
                                                     bool sees_releases, c4trace_failure *failure);

/* tracer.c: this tracer's up-calls go to `port` (NULL: none to be had). */
C4T_INTERNAL void c4t_tracer_knows(struct c4trace_tracer *tracer, struct c4t_port *port, const char *version);
/* tracer.c: this process will consume the segment soon: record from the first event on. 0: nobody. */
C4T_INTERNAL void c4t_expect_consumer(struct c4trace_tracer *tracer, uint32_t pid);
/* tracer.c: open, and not stopped. c4t_setup_lock held. */
C4T_INTERNAL bool c4t_is_held(const struct c4trace_tracer *tracer);

/* upcalls.c: the port for these real up-calls, its traced ones filled in; NULL when all ports are taken. c4t_setup_lock held. */
C4T_INTERNAL struct c4t_port *c4t_port_for(const c4t_upcalls *real, void *library);
/* upcalls.c: fromNative (or, `second`, fromNative2, whose last argument is `is_incoming`) of these up-calls. */
C4T_INTERNAL c4t_socket *c4t_call_from_native(const c4t_upcalls *upcalls, size_t factory_size,
                                              const c4t_socket_factory *given, void *handle, const c4t_address *address,
                                              bool second, bool is_incoming);
/* upcalls.c: `socket` is the one that this thread's fromNative is making. */
C4T_INTERNAL void c4t_from_native_attached(struct c4t_factory *factory, c4t_socket *socket);
/* upcalls.c: the traced _FLBuf_Retain, NULL where this LiteCore has none. c4t_setup_lock held. */
C4T_INTERNAL void *c4t_traced_retain(struct c4t_port *port);
/* upcalls.c: i-th C name (of the up-calls, and _FLBuf_Release), and its slot in a table of up-calls. */
C4T_INTERNAL const char *c4t_upcall_name(int i);
C4T_INTERNAL void **c4t_upcall_slot(c4t_upcalls *upcalls, int i);

/* A LiteCore in this process. */
struct c4t_litecore {
    void *library;
    c4t_upcalls real; /* factory_size 0: a version c4trace does not know */
    char version[64];
};
#define C4T_PATH_MAX 4096
/* litecore.c: whether a library that is named like one is loaded; where. */
C4T_INTERNAL bool c4t_litecore_is_loaded(char path[C4T_PATH_MAX]);
/* litecore.c: load the library at `path` (NULL: the one that is loaded already; -1 where there is none). 0 or an error of ours. */
C4T_INTERNAL int c4t_litecore_load(const char *path, struct c4t_litecore *litecore, c4trace_failure *failure);
/* litecore.c: the one that the library around `address` is linked to; false where that has no c4socket_ functions. */
C4T_INTERNAL bool c4t_litecore_behind(const void *address, struct c4t_litecore *litecore);

/* litecore.c: whether this library holds `address`. */
C4T_INTERNAL bool c4t_is_ours(const void *address);
/* litecore.c: what the library around `address` would find under this name without us; NULL: nothing. */
C4T_INTERNAL void *c4t_symbol_behind(const void *address, const char *name);

/* relocate.c: how many references of a library to traced functions were turned. */
struct c4t_turned {
    int upcalls;
    int releases; /* to _FLBuf_Release */
};
/* relocate.c: turn the relocations for c4socket_ and for buffers' references of the library that holds `address` to the port's tracing
 * functions. Undone by c4t_relocate_undo for this tracer, when no other tracer turned the same. */
C4T_INTERNAL struct c4t_turned c4t_relocate(struct c4trace_tracer *tracer, struct c4t_port *port, const void *address);
/* relocate.c: whether the library that holds `address` refers to a function of this name, which it has not itself. */
C4T_INTERNAL bool c4t_refers_to(const void *address, const char *name);
/* relocate.c: references of the library that holds `address`, to functions of its own that were led to `release` and `retain` of ours,
 * lead to its own again, for good. */
C4T_INTERNAL void c4t_references_past(const void *address, const void *release, const void *retain);
C4T_INTERNAL void c4t_relocate_undo(struct c4trace_tracer *tracer);

#endif
