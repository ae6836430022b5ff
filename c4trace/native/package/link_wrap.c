/* For programs with a static LiteCore: compile this file into the program and link with
 *
 *     -Wl,--wrap=c4socket_gotHTTPResponse,--wrap=c4socket_opened,... (all of them: $(pkg-config --variable=wrap c4trace))
 *
 * so that its references to the up-calls lead here, and from here through the tracer to LiteCore. C4TRACE_FACTORY_SIZE (64 or 72) says
 * how this LiteCore's c4socket_fromNative takes its factory. Shipped as source, because it is linked to the program's own LiteCore.
 *
 *     config.upcalls = c4trace_linked_upcalls();
 */
#include "c4trace.h"

#ifndef C4TRACE_FACTORY_SIZE
#define C4TRACE_FACTORY_SIZE 64
#endif
#if C4TRACE_FACTORY_SIZE == 64
typedef c4t_socket_factory_64 linked_factory;
#elif C4TRACE_FACTORY_SIZE == 72
typedef c4t_socket_factory linked_factory;
#else
#error "C4TRACE_FACTORY_SIZE is 64 or 72"
#endif

/* LiteCore's own. Weak: what a version has not stays NULL, and nobody refers to it. */
#define REAL(result, name, parameters)                                                                                 \
    result __real_##name parameters __attribute__((weak));                                                             \
    result __wrap_##name parameters;
REAL(void, c4socket_gotHTTPResponse, (c4t_socket *, int, c4t_slice))
REAL(bool, c4socket_gotPeerCertificate, (c4t_socket *, c4t_slice, c4t_slice))
REAL(void, c4socket_opened, (c4t_socket *))
REAL(void, c4socket_received, (c4t_socket *, c4t_slice))
REAL(void, c4socket_completedWrite, (c4t_socket *, size_t))
REAL(void, c4socket_closeRequested, (c4t_socket *, int, c4t_slice))
REAL(void, c4socket_closed, (c4t_socket *, c4t_error))
REAL(c4t_socket *, c4socket_fromNative, (linked_factory, void *, const c4t_address *))
REAL(c4t_socket *, c4socket_fromNative2, (linked_factory, void *, const c4t_address *, bool))
c4t_slice c4error_getMessage(c4t_error) __attribute__((weak));
void _FLBuf_Release(const void *) __attribute__((weak));

const c4t_upcalls *c4trace_linked_upcalls(void);
const c4t_upcalls *c4trace_linked_upcalls(void) {
    static const c4t_upcalls real = {.factory_size = C4TRACE_FACTORY_SIZE,
                                     .got_http_response = __real_c4socket_gotHTTPResponse,
                                     .got_peer_certificate = __real_c4socket_gotPeerCertificate,
                                     .opened = __real_c4socket_opened,
                                     .received = __real_c4socket_received,
                                     .completed_write = __real_c4socket_completedWrite,
                                     .close_requested = __real_c4socket_closeRequested,
                                     .closed = __real_c4socket_closed,
                                     .from_native = (void *)__real_c4socket_fromNative,
                                     .from_native2 = (void *)__real_c4socket_fromNative2,
                                     .error_message = c4error_getMessage,
                                     .release_buffer = _FLBuf_Release};
    return &real;
}

static const c4t_upcalls *traced(void) { return c4trace_traced_upcalls(c4trace_linked_upcalls()); }

void __wrap_c4socket_gotHTTPResponse(c4t_socket *socket, int status, c4t_slice headers) {
    traced()->got_http_response(socket, status, headers);
}
bool __wrap_c4socket_gotPeerCertificate(c4t_socket *socket, c4t_slice der, c4t_slice hostname) {
    return traced()->got_peer_certificate(socket, der, hostname);
}
void __wrap_c4socket_opened(c4t_socket *socket) { traced()->opened(socket); }
void __wrap_c4socket_received(c4t_socket *socket, c4t_slice data) { traced()->received(socket, data); }
void __wrap_c4socket_completedWrite(c4t_socket *socket, size_t n) { traced()->completed_write(socket, n); }
void __wrap_c4socket_closeRequested(c4t_socket *socket, int status, c4t_slice message) {
    traced()->close_requested(socket, status, message);
}
void __wrap_c4socket_closed(c4t_socket *socket, c4t_error error) { traced()->closed(socket, error); }
c4t_socket *__wrap_c4socket_fromNative(linked_factory factory, void *handle, const c4t_address *address) {
    return ((c4t_socket * (*)(linked_factory, void *, const c4t_address *)) traced()->from_native)(factory, handle,
                                                                                                   address);
}
c4t_socket *__wrap_c4socket_fromNative2(linked_factory factory, void *handle, const c4t_address *address,
                                        bool incoming) {
    return ((c4t_socket * (*)(linked_factory, void *, const c4t_address *, bool)) traced()->from_native2)(
        factory, handle, address, incoming);
}
