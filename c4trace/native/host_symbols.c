/* The embedded host's functions by the names they have in LiteCore. */
#include <string.h>

#include "host_inside.h"

const c4t_upcalls *c4thost_upcalls(size_t factory_size) {
    if (factory_size == C4T_FACTORY_SIZE_64) return &c4thost_upcalls_64;
    return factory_size == C4T_FACTORY_SIZE_72 ? &c4thost_upcalls_72 : NULL;
}

/* A function pointer fits a void * on every system that has dlsym. */
#define UP_CALL(name, field) {name, (void *)&c4thost_upcalls_64.field, (void *)&c4thost_upcalls_72.field}
static const struct {
    const char *name;
    void *field_64, *field_72;
} up_calls[] = {
    UP_CALL("c4socket_gotHTTPResponse", got_http_response),
    UP_CALL("c4socket_gotPeerCertificate", got_peer_certificate),
    UP_CALL("c4socket_opened", opened),
    UP_CALL("c4socket_received", received),
    UP_CALL("c4socket_completedWrite", completed_write),
    UP_CALL("c4socket_closeRequested", close_requested),
    UP_CALL("c4socket_closed", closed),
    UP_CALL("c4socket_fromNative", from_native),
    UP_CALL("c4socket_fromNative2", from_native2),
    UP_CALL("c4error_getMessage", error_message),
    UP_CALL("_FLBuf_Release", release_buffer),
};
static const struct {
    const char *name;
    void *function;
} others[] = {
    {"c4socket_retain", (void *)c4thost_retain},
    {"c4socket_release", (void *)c4thost_release},
    {"c4Socket_setNativeHandle", (void *)c4thost_set_native_handle},
    {"c4Socket_getNativeHandle", (void *)c4thost_get_native_handle},
    {"c4error_make", (void *)c4thost_error_make},
};
enum { UP_CALLS = sizeof up_calls / sizeof *up_calls, OTHERS = sizeof others / sizeof *others };

void *c4thost_symbol(const char *name, size_t factory_size) {
    for (int i = 0; i < UP_CALLS; i++)
        if (!strcmp(up_calls[i].name, name))
            return *(void **)(factory_size == C4T_FACTORY_SIZE_64 ? up_calls[i].field_64 : up_calls[i].field_72);
    for (int i = 0; i < OTHERS; i++)
        if (!strcmp(others[i].name, name)) return others[i].function;
    return NULL;
}

const char *c4thost_symbol_name(int i) {
    if (i < 0 || i >= UP_CALLS + OTHERS) return NULL;
    return i < UP_CALLS ? up_calls[i].name : others[i - UP_CALLS].name;
}
