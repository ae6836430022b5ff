/* The smallest C host: its factory makes its up-calls through the functions that c4trace gives it.
 *
 *     gcc traced_echo.c $(pkg-config --cflags --libs c4trace) -o traced_echo && ./traced_echo
 *
 * c4trace's embedded host plays LiteCore's part here, so that it runs anywhere. With a real one set config.litecore to the path of
 * libLiteCore.so, and give `traced` to LiteCore (C4ReplicatorParameters.socketFactory or c4socket_registerFactory).
 */
#include <stdio.h>
#include <string.h>

#include "c4trace.h"
#include "host.h"

static void (*opened)(c4t_socket *);
static void (*received)(c4t_socket *, c4t_slice);
static void (*completed_write)(c4t_socket *, size_t);
static void (*closed)(c4t_socket *, c4t_error);
static void (*got_http_response)(c4t_socket *, int, c4t_slice);
static void (*release_buffer)(const void *);

static void echo_open(c4t_socket *socket, const c4t_address *address, c4t_slice options, void *context) {
    (void)address, (void)options, (void)context;
    static const unsigned char no_headers[] = {0x70, 0x00}; /* an empty Fleece dictionary */
    got_http_response(socket, 101, (c4t_slice){no_headers, sizeof no_headers});
    opened(socket);
}

static void echo_write(c4t_socket *socket, c4t_slice message) {
    completed_write(socket, message.size);
    received(socket, message);
    release_buffer(message.buf); /* write owns its slice (rule C4S-030) */
}

static void echo_completed_receive(c4t_socket *socket, size_t n) { (void)socket, (void)n; }

static void echo_request_close(c4t_socket *socket, int status, c4t_slice message) {
    (void)message;
    closed(socket, (c4t_error){6, status, 0});
}

static const c4t_socket_factory echo = {.framing = C4T_NO_FRAMING,
                                        .open = echo_open,
                                        .write = echo_write,
                                        .completed_receive = echo_completed_receive,
                                        .request_close = echo_request_close};

/* A function pointer fits a void * on every system that has dlsym. */
#define LOOK_UP(function, name) *(void **)&(function) = c4trace_upcall(tracer, name)

int main(void) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "c-example";
    config.upcalls = c4thost_upcalls(C4T_FACTORY_SIZE_72); /* a real LiteCore: config.litecore = "…/libLiteCore.so" */
    c4trace_tracer *tracer;
    c4trace_failure failure;
    if (c4trace_open(&config, &tracer, &failure)) return fprintf(stderr, "%s\n", failure.text), 1;
    const void *traced = c4trace_wrap(tracer, &echo, sizeof echo, "echo", &failure);
    if (!traced) return fprintf(stderr, "%s\n", failure.text), 1;
    c4trace_uses_table(tracer, traced);
    c4trace_uses_release(tracer, traced); /* so that a slice which is never released shows */
    LOOK_UP(opened, "c4socket_opened");
    LOOK_UP(received, "c4socket_received");
    LOOK_UP(completed_write, "c4socket_completedWrite");
    LOOK_UP(closed, "c4socket_closed");
    LOOK_UP(got_http_response, "c4socket_gotHTTPResponse");
    LOOK_UP(release_buffer, "_FLBuf_Release");

    c4thost_config host_config = C4THOST_CONFIG_INIT;
    c4thost *host = c4thost_new(&host_config);
    const c4t_address address = {{"ws", 2}, {"localhost", 9}, 4984, {"/db/_blipsync", 13}};
    uint64_t id = c4thost_connect(host, traced, &address, (c4t_slice){NULL, 0});
    c4thost_send(host, id, "hello", 5);
    c4thost_event event;
    while (c4thost_next(host, &event, 2000) == 1) {
        if (event.kind == C4THOST_RECEIVED) {
            printf("received %.*s\n", (int)event.size, (const char *)event.data);
            c4thost_close(host, id, 1000, (c4t_slice){NULL, 0});
        }
        int last = event.kind == C4THOST_CLOSED;
        c4thost_event_free(&event);
        if (last) break;
    }
    c4thost_leaks leaks;
    c4thost_stop(host, &leaks);
    c4thost_free(host);
    printf("segment %s\n", c4trace_segment_path(tracer));
    c4trace_close(tracer, 1); /* 1: keep the segment, so that `c4trace show c-example` can tell what happened */
    return 0;
}
