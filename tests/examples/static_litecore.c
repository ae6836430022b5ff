/* A stand-in for a static LiteCore: c4socket_ by name, with c4trace's embedded host behind them, and the program's work with it. */
#include <string.h>

#include "c4trace.h"
#include "host.h"

static const c4t_upcalls *host(void) { return c4thost_upcalls(C4T_FACTORY_SIZE_72); }

void c4socket_gotHTTPResponse(c4t_socket *s, int status, c4t_slice headers) {
    host()->got_http_response(s, status, headers);
}
void c4socket_opened(c4t_socket *s) { host()->opened(s); }
void c4socket_received(c4t_socket *s, c4t_slice data) { host()->received(s, data); }
void c4socket_completedWrite(c4t_socket *s, size_t n) { host()->completed_write(s, n); }
void c4socket_closeRequested(c4t_socket *s, int status, c4t_slice m) { host()->close_requested(s, status, m); }
void c4socket_closed(c4t_socket *s, c4t_error e) { host()->closed(s, e); }
void _FLBuf_Release(const void *buf) { host()->release_buffer(buf); }

int replicate_with(const c4t_socket_factory *factory) {
    c4thost_config config = C4THOST_CONFIG_INIT;
    c4thost *played = c4thost_new(&config);
    const c4t_address address = {{"ws", 2}, {"localhost", 9}, 4984, {"/db/_blipsync", 13}};
    uint64_t id = c4thost_connect(played, factory, &address, (c4t_slice){NULL, 0});
    int received = 0;
    for (int i = 0; i < 100; i++) c4thost_send(played, id, "hello", 5);
    c4thost_event event;
    while (received < 100 && c4thost_next(played, &event, 5000) == 1) {
        received += event.kind == C4THOST_RECEIVED && event.size == 5 && !memcmp(event.data, "hello", 5);
        c4thost_event_free(&event);
    }
    c4thost_close(played, id, 1000, (c4t_slice){NULL, 0});
    c4thost_leaks leaks;
    c4thost_stop(played, &leaks);
    c4thost_free(played);
    return received == 100 && !leaks.sockets && !leaks.slices ? 0 : 1;
}
