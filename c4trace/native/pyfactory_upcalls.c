/* Up-calls of factories in Python, on their way to LiteCore. */
#include <stdlib.h>

#include "pyfactory_inside.h"

/* The up-calls this thread is inside, innermost first, and whether the innermost call is `close`. */
struct frame {
    c4tpy_socket *socket;
    struct frame *outer;
};
static _Thread_local struct frame *frames;
static _Thread_local bool in_close;

bool c4tpy_in_close(bool in) {
    bool before = in_close;
    in_close = in;
    return before;
}

static bool is_inside(const c4tpy_socket *socket) {
    const struct frame *frame = frames;
    while (frame && frame->socket != socket) frame = frame->outer;
    return frame;
}

/* The end of an up-call, or of the time before closed: the last one releases the C4Socket. */
static void leave(c4tpy_socket *socket) {
    /* acq_rel: all up-calls happen before the release */
    if (atomic_fetch_sub_explicit(&socket->inside, 1, memory_order_acq_rel) != 1) return;
    if (socket->factory->up.release) ((void (*)(c4t_socket *))socket->factory->up.release)(socket->socket);
}

static void close_now(c4tpy_socket *socket, c4t_error error) {
    ((void (*)(c4t_socket *, c4t_error))socket->factory->up.closed)(socket->socket, error);
    leave(socket);
}

static bool begin(c4tpy_socket *socket, const void *function, struct frame *frame) {
    if (!function || atomic_load_explicit(&socket->closed, memory_order_acquire))
        return false; /* acquire: pairs with c4tpy_closed */
    unsigned inside =
        atomic_load_explicit(&socket->inside, memory_order_relaxed); /* relaxed: the exchange below decides */
    do {
        if (!inside) return false;
        /* acquire: nothing of the up-call may begin before it is counted */
    } while (!atomic_compare_exchange_weak_explicit(&socket->inside, &inside, inside + 1, memory_order_acquire,
                                                    memory_order_relaxed));
    *frame = (struct frame){socket, frames};
    frames = frame;
    return true;
}

static void end(c4tpy_socket *socket, const struct frame *frame) {
    frames = frame->outer;
    if (socket->put_off && !is_inside(socket)) {
        socket->put_off = false;
        close_now(socket, socket->error);
    }
    leave(socket);
}

bool c4tpy_got_http_response(c4tpy_socket *socket, int status, const void *headers, size_t size) {
    void (*function)(c4t_socket *, int, c4t_slice) = socket->factory->up.got_http_response;
    struct frame frame;
    if (!begin(socket, function, &frame)) return false;
    function(socket->socket, status, (c4t_slice){headers, size});
    end(socket, &frame);
    return true;
}

int c4tpy_got_peer_certificate(c4tpy_socket *socket, const void *der, size_t size, const void *hostname,
                               size_t hostname_size) {
    bool (*function)(c4t_socket *, c4t_slice, c4t_slice) = socket->factory->up.got_peer_certificate;
    if (!function && !atomic_load_explicit(&socket->closed, memory_order_acquire)) return 1; /* acquire: as in begin */
    struct frame frame;
    if (!begin(socket, function, &frame)) return -1;
    bool answer = function(socket->socket, (c4t_slice){der, size}, (c4t_slice){hostname, hostname_size});
    end(socket, &frame);
    return answer;
}

bool c4tpy_opened(c4tpy_socket *socket) {
    void (*function)(c4t_socket *) = socket->factory->up.opened;
    struct frame frame;
    if (!begin(socket, function, &frame)) return false;
    function(socket->socket);
    end(socket, &frame);
    return true;
}

bool c4tpy_received(c4tpy_socket *socket, const void *bytes, size_t size) {
    void (*function)(c4t_socket *, c4t_slice) = socket->factory->up.received;
    struct frame frame;
    if (!begin(socket, function, &frame)) return false;
    /* With framing LiteCore may unmask the bytes where they are (rule C4S-044), and Python's are not to be changed. */
    void *copy = socket->factory->factory.framing != C4T_NO_FRAMING && size ? malloc(size) : NULL;
    if (copy) memcpy(copy, bytes, size);
    function(socket->socket, (c4t_slice){copy ? copy : bytes, size});
    free(copy);
    end(socket, &frame);
    return true;
}

bool c4tpy_completed_write(c4tpy_socket *socket, size_t n) {
    void (*function)(c4t_socket *, size_t) = socket->factory->up.completed_write;
    struct frame frame;
    if (!begin(socket, function, &frame)) return false;
    function(socket->socket, n);
    end(socket, &frame);
    return true;
}

bool c4tpy_close_requested(c4tpy_socket *socket, int status, const void *message, size_t size) {
    void (*function)(c4t_socket *, int, c4t_slice) = socket->factory->up.close_requested;
    struct frame frame;
    if (!begin(socket, function, &frame)) return false;
    function(socket->socket, status, (c4t_slice){message, size});
    end(socket, &frame);
    return true;
}

bool c4tpy_closed(c4tpy_socket *socket, int domain, int code, const void *message, size_t size) {
    /* acq_rel: who sees it set begins no up-call any more; what the others did came before */
    if (atomic_exchange_explicit(&socket->closed, true, memory_order_acq_rel)) return false;
    c4t_error (*make)(uint8_t, int, c4t_slice) = socket->factory->up.error_make;
    c4t_error error = {.domain = (uint8_t)domain, .code = code};
    if (make && size && code) error = make((uint8_t)domain, code, (c4t_slice){message, size});
    if (in_close && is_inside(socket)) {
        socket->error = error;
        socket->put_off = true;
    } else {
        close_now(socket, error);
    }
    return true;
}
