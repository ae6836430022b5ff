/* A program with LiteCore linked in statically: its factory calls c4socket_opened and the like by name, and the linker leads those calls
 * through c4trace.
 *
 *     gcc main.c $(pkg-config --variable=source c4trace) $(pkg-config --cflags c4trace) -DC4TRACE_FACTORY_SIZE=72 \
 *         libLiteCoreStatic.a $(pkg-config --variable=wrap c4trace) $(pkg-config --libs c4trace) -o main
 */
#include <stdio.h>

#include "c4trace.h"

/* LiteCore's own headers declare these; they are repeated so that the example stands alone. */
void c4socket_gotHTTPResponse(c4t_socket *, int, c4t_slice);
void c4socket_opened(c4t_socket *);
void c4socket_received(c4t_socket *, c4t_slice);
void c4socket_completedWrite(c4t_socket *, size_t);
void c4socket_closed(c4t_socket *, c4t_error);
void _FLBuf_Release(const void *);
const c4t_upcalls *c4trace_linked_upcalls(void); /* link_wrap.c */

int replicate_with(const c4t_socket_factory *factory); /* stands for the program's own work with LiteCore */

static void echo_open(c4t_socket *socket, const c4t_address *address, c4t_slice options, void *context) {
    (void)address, (void)options, (void)context;
    static const unsigned char no_headers[] = {0x70, 0x00}; /* an empty Fleece dictionary */
    c4socket_gotHTTPResponse(socket, 101, (c4t_slice){no_headers, sizeof no_headers});
    c4socket_opened(socket);
}

static void echo_write(c4t_socket *socket, c4t_slice message) {
    c4socket_completedWrite(socket, message.size);
    c4socket_received(socket, message);
    _FLBuf_Release(message.buf);
}

static void echo_completed_receive(c4t_socket *socket, size_t n) { (void)socket, (void)n; }

static void echo_request_close(c4t_socket *socket, int status, c4t_slice message) {
    (void)message;
    c4socket_closed(socket, (c4t_error){6, status, 0});
}

static void echo_dispose(c4t_socket *socket) { (void)socket; }

static const c4t_socket_factory echo = {.framing = C4T_NO_FRAMING,
                                        .open = echo_open,
                                        .write = echo_write,
                                        .completed_receive = echo_completed_receive,
                                        .request_close = echo_request_close,
                                        .dispose = echo_dispose};

int main(void) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "static-example";
    config.upcalls = c4trace_linked_upcalls();
    c4trace_tracer *tracer;
    c4trace_failure failure;
    if (c4trace_open(&config, &tracer, &failure)) return fprintf(stderr, "%s\n", failure.text), 1;
    const void *traced = c4trace_wrap(tracer, &echo, C4TRACE_FACTORY_SIZE, "echo", &failure);
    if (!traced) return fprintf(stderr, "%s\n", failure.text), 1;
    c4trace_uses_table(tracer, traced);
    int failed = replicate_with(traced);
    printf("segment %s\n", c4trace_segment_path(tracer));
    c4trace_close(tracer, 1);
    return failed;
}
