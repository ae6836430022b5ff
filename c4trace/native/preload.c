/* Symbol interposition: where libc4trace.so is preloaded (c4trace run) or linked before LiteCore, references to these functions bind to
 * it. Nothing happens until one of them is first called, so a process without LiteCore, and every child, runs as if c4trace were not there.
 *
 * The symbols are in preload_jump.c.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "preload.h"
#include "sessions.h"

#define INTERPOSED(result, name, parameters)                                                                           \
    C4T_INTERNAL result c4t_preloaded_##name parameters;                                                               \
    __attribute__((used)) result c4t_preloaded_##name parameters
#define CALLER __builtin_return_address(0)

/* Why a factory is left as it is; a host may make thousands of them. */
static void tell_once(const char *name, const char *why) {
    static _Atomic bool told;
    char text[640];
    if (atomic_exchange_explicit(&told, true, memory_order_relaxed)) return; /* relaxed: a mark */
    snprintf(text, sizeof text, "a factory of %.60s is not traced: %s", name, why);
    c4t_tell("note", text);
}

/* The traced factory in place of one that is on its way to LiteCore, with that one's context; false: leave it. */
static bool traced_form(const struct c4t_met *met, const c4t_socket_factory *given, c4t_socket_factory *traced) {
    struct c4trace_tracer *tracer = met && met->port ? c4t_preloaded_tracer(met) : NULL;
    if (!tracer || c4t_factory_of_traced(given)) return false;
    c4t_socket_factory inner = *given;
    if (met->port->real.factory_size == C4T_FACTORY_SIZE_64) inner.attached = NULL;
    Dl_info info;
    const char *name = "factory";
    if (dladdr((const void *)inner.write, &info) && info.dli_fname && *info.dli_fname) {
        const char *slash = strrchr(info.dli_fname, '/');
        name = slash ? slash + 1 : info.dli_fname;
    }
    c4trace_failure failure;
    struct c4t_factory *factory =
        c4t_wrap_interposed(tracer, met->port, &inner, name, c4t_lookups_are_seen(), &failure);
    if (!factory) {
        tell_once(name, failure.text);
        return false;
    }
    *traced = factory->traced->factory;
    traced->context = given->context;
    return true;
}

/* Where an up-call goes: through the session's own port, or, for a socket that is not traced, to the LiteCore of the caller. */
static const c4t_upcalls *upcalls_for(c4t_socket *socket, const void *caller) {
    const struct c4t_session *session = c4t_session_find(socket);
    if (C4T_LIKELY(session)) return &session->factory->port->traced;
    const struct c4t_met *met = c4t_meet(caller);
    return met ? &met->litecore.real : NULL;
}

#define UPCALL(name, field, parameters, arguments)                                                                     \
    INTERPOSED(void, name, parameters) {                                                                               \
        const c4t_upcalls *upcalls = upcalls_for(socket, CALLER);                                                      \
        if (upcalls && upcalls->field) upcalls->field arguments;                                                       \
    }
UPCALL(c4socket_gotHTTPResponse, got_http_response, (c4t_socket * socket, int status, c4t_slice headers),
       (socket, status, headers))
UPCALL(c4socket_opened, opened, (c4t_socket * socket), (socket))
UPCALL(c4socket_received, received, (c4t_socket * socket, c4t_slice data), (socket, data))
UPCALL(c4socket_completedWrite, completed_write, (c4t_socket * socket, size_t n), (socket, n))
UPCALL(c4socket_closeRequested, close_requested, (c4t_socket * socket, int status, c4t_slice message),
       (socket, status, message))
UPCALL(c4socket_closed, closed, (c4t_socket * socket, c4t_error error), (socket, error))

INTERPOSED(bool, c4socket_gotPeerCertificate, (c4t_socket * socket, c4t_slice der, c4t_slice hostname)) {
    const c4t_upcalls *upcalls = upcalls_for(socket, CALLER);
    return !upcalls || !upcalls->got_peer_certificate || upcalls->got_peer_certificate(socket, der, hostname);
}

/* Both sizes of factory come by value on the stack, where 72 bytes can be read of either: what lies behind one of 64 bytes is not looked at. */
static c4t_socket *from_native(const struct c4t_met *met, const c4t_socket_factory *given, void *handle,
                               const c4t_address *address, bool second, bool is_incoming) {
    c4t_socket_factory factory = *given;
    if (!met) return NULL;
    traced_form(met, given, &factory);
    /* The port's own fromNative begins the session; without one this LiteCore is not traced. */
    const c4t_upcalls *upcalls = met->port ? &met->port->traced : &met->litecore.real;
    return c4t_call_from_native(upcalls, met->litecore.real.factory_size, &factory, handle, address, second,
                                is_incoming);
}

INTERPOSED(c4t_socket *, c4socket_fromNative, (c4t_socket_factory factory, void *handle, const c4t_address *address)) {
    return from_native(c4t_meet(CALLER), &factory, handle, address, false, true);
}

INTERPOSED(c4t_socket *, c4socket_fromNative2,
           (c4t_socket_factory factory, void *handle, const c4t_address *address, bool is_incoming)) {
    return from_native(c4t_meet(CALLER), &factory, handle, address, true, is_incoming);
}

INTERPOSED(void, c4socket_registerFactory, (c4t_socket_factory factory)) {
    const struct c4t_met *met = c4t_meet(CALLER);
    void *real = met ? dlsym(met->litecore.library, "c4socket_registerFactory") : NULL;
    if (!real) return;
    c4t_socket_factory traced;
    if (!traced_form(met, &factory, &traced)) traced = factory;
    if (met->litecore.real.factory_size == C4T_FACTORY_SIZE_72) {
        ((void (*)(c4t_socket_factory))real)(traced);
        return;
    }
    c4t_socket_factory_64 small;
    memcpy(&small, &traced, sizeof small);
    ((void (*)(c4t_socket_factory_64))real)(small);
}

/* In place of a function that is nowhere to be found. */
static void *nothing(void) { return NULL; }

void *c4t_way_on(const void *caller, const char *name, void *ours) {
    const struct c4t_met *met = c4t_meet(caller);
    if (met && met->port) return ours;
    void *real = met ? dlsym(met->litecore.library, name) : NULL;
    return real ? real : (void *)nothing;
}

/* C4ReplicatorParameters come by value, in a struct that differs by version. It lies on the stack, in the callee's own copy: the one
 * pointer in it is changed in place. */
void *c4t_way_on_with(unsigned char *params, const void *caller, const char *name) {
    /* LiteCore copies the struct during the call (since 2.8). */
    static __thread c4t_socket_factory traced __attribute__((tls_model("initial-exec")));
    const struct c4t_met *met = c4t_meet(caller);
    void *real = met ? dlsym(met->litecore.library, name) : NULL;
    if (!real) return (void *)nothing;
    if (!met->port) return real;
    const c4t_socket_factory **slot = (const c4t_socket_factory **)(void *)(params + met->factory_in_params);
    if (*slot && traced_form(met, *slot, &traced)) *slot = &traced;
    return real;
}
