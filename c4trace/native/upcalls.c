/* The up-calls: inner factory -> traced c4socket_ -> LiteCore. One set of them for each port, so that even an up-call for a socket c4trace
 * never saw reaches the right LiteCore. */
#include <dlfcn.h>
#include <string.h>

#include "factories.h"
#include "slices.h"
#include "upcalls.h"

struct c4t_port c4t_ports[C4T_PORTS_MAX];

/* The fromNative this thread is in: LiteCore may call `attached` before it has returned the socket. */
static __thread struct {
    struct c4t_factory *factory;
    struct c4t_session *session;
    bool bound;
} incoming __attribute__((tls_model("initial-exec")));

bool c4t_enter_upcall(struct c4t_frame *frame, c4t_socket *socket, enum c4t_event event) {
    struct c4t_session *session = c4t_session_find(socket);
    if (C4T_UNLIKELY(!session)) {
        for (int i = 0; i < C4T_TRACERS_MAX; i++)
            if (c4t_is_open(&c4t_tracers[i]))
                atomic_fetch_add_explicit(&c4t_tracers[i].header->orphans, 1,
                                          memory_order_relaxed); /* relaxed: a plain count */
        return false;
    }
    return C4T_LIKELY(c4t_enter(frame, session->tracer, session->factory, session, event));
}

static void up_got_http_response(struct c4t_port *port, c4t_socket *socket, int status, c4t_slice headers) {
    struct c4t_frame frame;
    bool traced = c4t_enter_upcall(&frame, socket, C4T_EV_GOT_HTTP_RESPONSE);
    if (traced) {
        atomic_store_explicit(&frame.session->row->http_status, status, memory_order_relaxed); /* relaxed: advisory */
        if (c4t_capture_of(&frame) != C4T_CAPTURE_OFF) c4t_take(&frame, c4t_publish_headers(frame, status, headers));
        c4t_forward(&frame);
    }
    port->real.got_http_response(socket, status, headers);
    if (traced) c4t_leave(&frame);
}

static bool up_got_peer_certificate(struct c4t_port *port, c4t_socket *socket, c4t_slice der, c4t_slice hostname) {
    struct c4t_frame frame;
    bool traced = c4t_enter_upcall(&frame, socket, C4T_EV_GOT_PEER_CERTIFICATE);
    if (traced) {
        if (c4t_capture_of(&frame) != C4T_CAPTURE_OFF) c4t_take(&frame, c4t_publish_identity(frame, der, hostname));
        c4t_forward(&frame);
    }
    bool accepted = port->real.got_peer_certificate(socket, der, hostname);
    if (traced) {
        if (!accepted) frame.return_flags = C4T_REC_FALSE;
        c4t_leave(&frame);
    }
    return accepted;
}

/* relaxed, in this and up_closed: times are advisory to readers; the state decides which thread writes them */
static void up_opened(struct c4t_port *port, c4t_socket *socket) {
    struct c4t_frame frame;
    bool traced = c4t_enter_upcall(&frame, socket, C4T_EV_OPENED);
    if (traced) {
        struct c4t_session_row *row = frame.session->row;
        uint64_t never = 0;
        if (atomic_compare_exchange_strong_explicit(&row->t_opened, &never, frame.began, memory_order_relaxed,
                                                    memory_order_relaxed)) {
            uint64_t since = atomic_load_explicit(&row->t_open, memory_order_relaxed);
            c4t_session_advance(frame.session, C4T_STATE_OPEN);
            c4t_observe(frame.cells, C4T_LAT_OPEN, c4t_sid(frame.session),
                        frame.began > since ? frame.began - since : 0, frame.began);
        }
        c4t_publish_plain(&frame, 0, 0);
        c4t_forward(&frame);
    }
    port->real.opened(socket);
    if (traced) c4t_leave(&frame);
}

static void up_close_requested(struct c4t_port *port, c4t_socket *socket, int status, c4t_slice message) {
    struct c4t_frame frame;
    bool traced = c4t_enter_upcall(&frame, socket, C4T_EV_CLOSE_REQUESTED);
    if (traced) {
        c4t_session_advance(frame.session, C4T_STATE_CLOSING);
        c4t_publish_message(&frame, status, message);
        c4t_forward(&frame);
    }
    port->real.close_requested(socket, status, message);
    if (traced) c4t_leave(&frame);
}

static void observe_since(struct c4t_frame *frame, enum c4t_latency latency, uint64_t since) {
    if (!since) return;
    uint64_t took = frame->began > since ? frame->began - since : 0;
    c4t_observe(frame->cells, latency, c4t_sid(frame->session), took, frame->began);
}

static void note_closed(struct c4t_frame *frame, c4t_error error) {
    struct c4t_session *session = frame->session;
    struct c4t_session_row *row = session->row;
    uint64_t never = 0;
    c4t_session_count_closed(session, error.code ? error.domain : 0, error.code);
    if (!atomic_compare_exchange_strong_explicit(&row->t_closed, &never, frame->began, memory_order_relaxed,
                                                 memory_order_relaxed))
        return;
    atomic_store_explicit(&row->error_domain, error.domain, memory_order_relaxed);
    atomic_store_explicit(&row->error_code, error.code, memory_order_relaxed);
    c4t_session_advance(session, C4T_STATE_CLOSED);
    observe_since(frame, C4T_LAT_CLOSE, atomic_load_explicit(&row->t_closing, memory_order_relaxed));
    observe_since(frame, C4T_LAT_SESSION, atomic_load_explicit(&row->t_open, memory_order_relaxed));
}

static void up_closed(struct c4t_port *port, c4t_socket *socket, c4t_error error) {
    struct c4t_frame frame;
    bool traced = c4t_enter_upcall(&frame, socket, C4T_EV_CLOSED);
    if (traced) {
        struct c4t_session *session = frame.session;
        note_closed(&frame, error);
        if (c4t_capture_of(&frame) != C4T_CAPTURE_OFF) c4t_take(&frame, c4t_publish_error(frame, &port->real, error));
        /* Without a dispose callback nothing later tells the end. */
        if (!session->factory->inner.dispose) c4t_session_end(session, frame.began);
        c4t_forward(&frame);
    }
    port->real.closed(socket, error);
    if (traced) c4t_leave(&frame);
}

/* The traced form of the factory that fromNative was given: itself if it is one, the wrapper of an inner one that was wrapped, or NULL. */
static struct c4t_factory *traced_form(const c4t_socket_factory *given) {
    struct c4t_factory *factory = c4t_factory_of_traced(given);
    return factory ? factory : c4t_factory_of_inner(given);
}

void c4t_from_native_attached(struct c4t_factory *factory, c4t_socket *socket) {
    if (incoming.factory != factory || !incoming.session || incoming.bound) return;
    incoming.bound = true;
    c4t_session_bind(incoming.session, socket);
}

typedef c4t_socket *(*from_native_64)(c4t_socket_factory_64, void *, const c4t_address *);
typedef c4t_socket *(*from_native_72)(c4t_socket_factory, void *, const c4t_address *);
typedef c4t_socket *(*from_native2_64)(c4t_socket_factory_64, void *, const c4t_address *, bool);
typedef c4t_socket *(*from_native2_72)(c4t_socket_factory, void *, const c4t_address *, bool);

c4t_socket *c4t_call_from_native(const c4t_upcalls *upcalls, size_t factory_size, const c4t_socket_factory *given,
                                 void *handle, const c4t_address *address, bool second, bool is_incoming) {
    void *target = second ? upcalls->from_native2 : upcalls->from_native;
    if (!target) return NULL;
    if (factory_size == C4T_FACTORY_SIZE_72) {
        if (second) return ((from_native2_72)target)(*given, handle, address, is_incoming);
        return ((from_native_72)target)(*given, handle, address);
    }
    c4t_socket_factory_64 small;
    memcpy(&small, given, sizeof small);
    if (second) return ((from_native2_64)target)(small, handle, address, is_incoming);
    return ((from_native_64)target)(small, handle, address);
}

static c4t_socket *real_from_native(const c4t_upcalls *real, const c4t_socket_factory *given, void *handle,
                                    const c4t_address *address, bool second, bool is_incoming) {
    return c4t_call_from_native(real, real->factory_size, given, handle, address, second, is_incoming);
}

static c4t_socket *up_from_native(struct c4t_port *port, const c4t_socket_factory *given, void *handle,
                                  const c4t_address *address, bool second, bool is_incoming) {
    struct c4t_factory *factory = traced_form(given);
    struct c4trace_tracer *tracer =
        factory ? atomic_load_explicit(&factory->tracer, memory_order_relaxed) : NULL; /* relaxed: as in tap.c */
    if (!c4t_is_open(tracer)) return real_from_native(&port->real, given, handle, address, second, is_incoming);
    c4t_socket_factory traced = factory->traced->factory;
    traced.context = given->context;
    struct c4t_session *session =
        c4t_session_begin(tracer, factory, c4t_clock_ticks(tracer->clock), C4T_SESSION_INCOMING);
    struct c4t_frame frame;
    if (!session || !c4t_enter(&frame, tracer, factory, session, C4T_EV_FROM_NATIVE))
        return real_from_native(&port->real, &traced, handle, address, second, is_incoming);
    if (c4t_capture_of(&frame) != C4T_CAPTURE_OFF)
        c4t_take(&frame, c4t_publish_address(frame, address, (c4t_slice){NULL, 0}));
    incoming.factory = factory;
    incoming.session = session;
    incoming.bound = false;
    c4t_forward(&frame);
    c4t_socket *socket = real_from_native(&port->real, &traced, handle, address, second, is_incoming);
    bool bound = incoming.bound;
    incoming.session = NULL;
    if (socket && !bound) c4t_session_bind(session, socket);
    if (!socket) c4t_session_end(session, frame.began);
    c4t_leave(&frame);
    return socket;
}

static c4t_socket *up_from_native_64(struct c4t_port *port, c4t_socket_factory_64 small, void *handle,
                                     const c4t_address *address, bool second, bool is_incoming) {
    c4t_socket_factory given = {0};
    memcpy(&given, &small, sizeof small);
    return up_from_native(port, &given, handle, address, second, is_incoming);
}

static void up_release(const struct c4t_port *port, const void *bytes) {
    c4t_slice_released(bytes);
    port->real.release_buffer(bytes);
}

/* The result is that of a function that has none in some versions. */
static void *up_retain(const struct c4t_port *port, const void *bytes) {
    c4t_slice_retained(bytes);
    return port->real_retain(bytes);
}

#define PORT(i)                                                                                                        \
    static void http_##i(c4t_socket *s, int c, c4t_slice h) { up_got_http_response(&c4t_ports[i], s, c, h); }          \
    static bool certificate_##i(c4t_socket *s, c4t_slice d, c4t_slice h) {                                             \
        return up_got_peer_certificate(&c4t_ports[i], s, d, h);                                                        \
    }                                                                                                                  \
    static void opened_##i(c4t_socket *s) { up_opened(&c4t_ports[i], s); }                                             \
    static void received_##i(c4t_socket *s, c4t_slice d) { c4t_up_received(s, d, &c4t_ports[i]); }                     \
    static void completed_write_##i(c4t_socket *s, size_t n) { c4t_up_completed_write(s, n, &c4t_ports[i]); }          \
    static void close_requested_##i(c4t_socket *s, int c, c4t_slice m) { up_close_requested(&c4t_ports[i], s, c, m); } \
    static void closed_##i(c4t_socket *s, c4t_error e) { up_closed(&c4t_ports[i], s, e); }                             \
    static void release_##i(const void *bytes) { up_release(&c4t_ports[i], bytes); }                                   \
    static void *retain_##i(const void *bytes) { return up_retain(&c4t_ports[i], bytes); }                             \
    static c4t_socket *native64_##i(c4t_socket_factory_64 f, void *h, const c4t_address *a) {                          \
        return up_from_native_64(&c4t_ports[i], f, h, a, false, true);                                                 \
    }                                                                                                                  \
    static c4t_socket *native72_##i(c4t_socket_factory f, void *h, const c4t_address *a) {                             \
        return up_from_native(&c4t_ports[i], &f, h, a, false, true);                                                   \
    }                                                                                                                  \
    static c4t_socket *second64_##i(c4t_socket_factory_64 f, void *h, const c4t_address *a, bool in) {                 \
        return up_from_native_64(&c4t_ports[i], f, h, a, true, in);                                                    \
    }                                                                                                                  \
    static c4t_socket *second72_##i(c4t_socket_factory f, void *h, const c4t_address *a, bool in) {                    \
        return up_from_native(&c4t_ports[i], &f, h, a, true, in);                                                      \
    }
PORT(0)
PORT(1)
PORT(2)
PORT(3)
PORT(4)
PORT(5)
PORT(6)
PORT(7)

struct port_functions {
    c4t_upcalls small, large; /* for a LiteCore with 64-byte and with 72-byte factories */
};
#define SIZED(i, size, first, second)                                                                                  \
    {size,                                                                                                             \
     http_##i,                                                                                                         \
     certificate_##i,                                                                                                  \
     opened_##i,                                                                                                       \
     received_##i,                                                                                                     \
     completed_write_##i,                                                                                              \
     close_requested_##i,                                                                                              \
     closed_##i,                                                                                                       \
     (void *)first##_##i,                                                                                              \
     (void *)second##_##i,                                                                                             \
     NULL,                                                                                                             \
     release_##i}
#define FUNCTIONS(i)                                                                                                   \
    {SIZED(i, C4T_FACTORY_SIZE_64, native64, second64), SIZED(i, C4T_FACTORY_SIZE_72, native72, second72)}
static void *(*const retains[C4T_PORTS_MAX])(const void *) = {retain_0, retain_1, retain_2, retain_3,
                                                              retain_4, retain_5, retain_6, retain_7};
static const struct port_functions port_functions[C4T_PORTS_MAX] = {
    FUNCTIONS(0), FUNCTIONS(1), FUNCTIONS(2), FUNCTIONS(3), FUNCTIONS(4), FUNCTIONS(5), FUNCTIONS(6), FUNCTIONS(7)};

static const struct {
    const char *name;
    size_t offset;
} names[] = {
    {"c4socket_gotHTTPResponse", offsetof(c4t_upcalls, got_http_response)},
    {"c4socket_gotPeerCertificate", offsetof(c4t_upcalls, got_peer_certificate)},
    {"c4socket_opened", offsetof(c4t_upcalls, opened)},
    {"c4socket_received", offsetof(c4t_upcalls, received)},
    {"c4socket_completedWrite", offsetof(c4t_upcalls, completed_write)},
    {"c4socket_closeRequested", offsetof(c4t_upcalls, close_requested)},
    {"c4socket_closed", offsetof(c4t_upcalls, closed)},
    {"c4socket_fromNative", offsetof(c4t_upcalls, from_native)},
    {"c4socket_fromNative2", offsetof(c4t_upcalls, from_native2)},
    {"_FLBuf_Release", offsetof(c4t_upcalls, release_buffer)},
};

const char *c4t_upcall_name(int i) { return i >= 0 && (size_t)i < sizeof names / sizeof *names ? names[i].name : NULL; }

void **c4t_upcall_slot(c4t_upcalls *upcalls, int i) { return (void **)(void *)((char *)upcalls + names[i].offset); }

struct c4t_port *c4t_port_for(const c4t_upcalls *real, void *library) {
    for (int i = 0; i < C4T_PORTS_MAX; i++) {
        struct c4t_port *port = &c4t_ports[i];
        if (atomic_load_explicit(&port->used, memory_order_relaxed)) { /* relaxed: under the setup lock */
            if (!memcmp(&port->real, real, sizeof *real)) return port;
            continue;
        }
        port->real = *real;
        port->library = library;
        port->traced = real->factory_size == C4T_FACTORY_SIZE_72 ? port_functions[i].large : port_functions[i].small;
        for (int k = 0; c4t_upcall_name(k); k++)
            if (!*c4t_upcall_slot(&port->real, k)) *c4t_upcall_slot(&port->traced, k) = NULL;
        atomic_store_explicit(&port->used, true,
                              memory_order_release); /* release: filled before anybody is told of it */
        return port;
    }
    return NULL;
}

void *c4t_traced_retain(struct c4t_port *port) {
    if (!port->real_retain && port->library)
        port->real_retain = (void *(*)(const void *))dlsym(port->library, "_FLBuf_Retain");
    return port->real_retain ? (void *)retains[port - c4t_ports] : NULL;
}

const c4t_upcalls *c4trace_traced_upcalls(const c4t_upcalls *real) {
    for (int i = 0; i < C4T_PORTS_MAX; i++) {
        struct c4t_port *port = &c4t_ports[i];
        /* acquire: a port in use is filled */
        if (atomic_load_explicit(&port->used, memory_order_acquire) && !memcmp(&port->real, real, sizeof *real))
            return &port->traced;
    }
    pthread_mutex_lock(&c4t_setup_lock);
    struct c4t_port *port = c4t_port_for(real, NULL);
    pthread_mutex_unlock(&c4t_setup_lock);
    return port ? &port->traced : NULL;
}
