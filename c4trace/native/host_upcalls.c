/* The up-calls as the embedded host answers them. */
#include <string.h>

#include "host_inside.h"

/* Count an up-call and say whether it is to be followed; if so, the socket is locked. */
static bool enter(c4t_socket *socket, enum c4t_event event, size_t bytes) {
    pthread_mutex_lock(&socket->lock);
    bool follow = false;
    if (socket->state == C4THOST_STATE_UNUSED) {
        c4thost_count_stray_call();
    } else {
        c4thost_count_call(socket, event, bytes);
        if (socket->state == C4THOST_STATE_DISPOSED)
            socket->counts.anomalies[C4THOST_AFTER_DISPOSE]++;
        else if (socket->state != C4THOST_STATE_ENDED)
            follow = true;
        else if (event != C4T_EV_CLOSED)
            socket->counts.anomalies[C4THOST_AFTER_CLOSED]++;
        else if (!socket->forced)
            socket->counts.anomalies[C4THOST_CLOSED_AGAIN]++;
    }
    if (!follow) pthread_mutex_unlock(&socket->lock);
    return follow;
}

/* Tell the driver; the socket is locked, so that its events are told in the order they happened. */
static void tell(c4t_socket *socket, enum c4thost_happening kind, int32_t code, c4t_slice data, c4t_slice text) {
    if (!socket->host) return;
    c4thost_event event = {.id = socket->id,
                           .kind = kind,
                           .code = code,
                           .size = data.size,
                           .data = data.buf,
                           .text_size = text.size,
                           .text = text.buf};
    c4thost_tell(socket->host, &event);
}

static const c4t_slice none;

static void got_http_response(c4t_socket *socket, int status, c4t_slice headers) {
    if (!enter(socket, C4T_EV_GOT_HTTP_RESPONSE, 0)) return;
    if (socket->incoming || socket->answered || socket->state != C4THOST_STATE_OPENING || status < 0)
        socket->counts.anomalies[C4THOST_HTTP_OUT_OF_TURN]++;
    socket->answered = true;
    tell(socket, C4THOST_HTTP_RESPONSE, status, headers, none);
    pthread_mutex_unlock(&socket->lock);
}

static bool got_peer_certificate(c4t_socket *socket, c4t_slice der, c4t_slice hostname) {
    if (!enter(socket, C4T_EV_GOT_PEER_CERTIFICATE, 0)) return false;
    /* relaxed: a setting, not a signal */
    bool verdict = !socket->host || atomic_load_explicit(&socket->host->trust, memory_order_relaxed);
    tell(socket, C4THOST_PEER_CERTIFICATE, 0, der, hostname);
    pthread_mutex_unlock(&socket->lock);
    return verdict;
}

static void opened(c4t_socket *socket) {
    if (!enter(socket, C4T_EV_OPENED, 0)) return;
    if (socket->state == C4THOST_STATE_OPENING) {
        if (!socket->incoming && !socket->answered) socket->counts.anomalies[C4THOST_HTTP_MISSING]++;
        socket->state = C4THOST_STATE_OPEN;
        socket->was_open = true;
        if (!socket->asked) c4thost_set_timer(socket, 0);
        tell(socket, C4THOST_OPENED, 0, none, none);
        if (socket->outbox.first) c4thost_add_task(socket, c4thost_task(C4THOST_TASK_PUMP, NULL, 0));
    } else {
        socket->counts.anomalies[C4THOST_OPENED_OUT_OF_TURN]++;
    }
    pthread_mutex_unlock(&socket->lock);
}

/* A message that is processed at once, on the factory's thread; unlocks. */
static void process_inside_locked(c4t_socket *socket, c4t_slice data) {
    tell(socket, C4THOST_RECEIVED, 0, data, none);
    c4thost_count_call(socket, C4T_EV_COMPLETED_RECEIVE, data.size);
    socket->unprocessed -= data.size;
    void (*completed_receive)(c4t_socket *, size_t) = socket->factory.completed_receive;
    pthread_mutex_unlock(&socket->lock);
    completed_receive(socket, data.size);
}

static void received(c4t_socket *socket, c4t_slice data) {
    if (!enter(socket, C4T_EV_RECEIVED, data.size)) return;
    if (socket->state != C4THOST_STATE_OPEN) socket->counts.anomalies[C4THOST_RECEIVED_EARLY]++;
    if (!data.size && socket->factory.framing != C4T_NO_FRAMING) {
        /* The stream ends without a CLOSE: as LiteCore, close at once, on the factory's thread (rule C4S-043). */
        tell(socket, C4THOST_RECEIVED, 0, data, none);
        c4thost_ask_to_close_locked(socket, 0, none);
        return;
    }
    if (!data.size) {
        socket->counts.anomalies[C4THOST_RECEIVED_EMPTY]++;
    } else if (socket->host) {
        socket->unprocessed += data.size;
        if (socket->host->config.ack == C4THOST_ACK_INSIDE) {
            process_inside_locked(socket, data);
            return;
        }
        c4thost_add_task(socket, c4thost_task(C4THOST_TASK_RECEIVED, data.buf, data.size));
    }
    pthread_mutex_unlock(&socket->lock);
}

static void completed_write(c4t_socket *socket, size_t n) {
    if (!enter(socket, C4T_EV_COMPLETED_WRITE, n)) return;
    if (n > socket->buffered) socket->counts.anomalies[C4THOST_ACKED_TOO_MUCH]++;
    socket->buffered -= n;
    if (!socket->writeable && socket->buffered <= C4THOST_SEND_BUFFER) {
        socket->writeable = true;
        if (socket->outbox.first) c4thost_add_task(socket, c4thost_task(C4THOST_TASK_PUMP, NULL, 0));
    }
    tell(socket, C4THOST_ACKED, 0, (c4t_slice){NULL, n}, none);
    pthread_mutex_unlock(&socket->lock);
}

static void close_requested(c4t_socket *socket, int status, c4t_slice message) {
    if (!enter(socket, C4T_EV_CLOSE_REQUESTED, 0)) return;
    tell(socket, C4THOST_CLOSE_REQUESTED, status, none, message);
    if (socket->factory.framing == C4T_NO_FRAMING) {
        c4thost_ask_to_close_locked(socket, status, message);
        return;
    }
    socket->counts.anomalies[C4THOST_CLOSE_REQUESTED_FRAMED]++;
    pthread_mutex_unlock(&socket->lock);
}

static void closed(c4t_socket *socket, c4t_error error) {
    if (!enter(socket, C4T_EV_CLOSED, 0)) return;
    if (error.code && error.domain != C4THOST_DOMAIN_POSIX && error.domain != C4THOST_DOMAIN_NETWORK &&
        error.domain != C4THOST_DOMAIN_WEBSOCKET)
        socket->counts.anomalies[C4THOST_ERROR_DOMAIN]++;
    socket->state = C4THOST_STATE_ENDED;
    if (socket->host) {
        c4thost_set_timer(socket, 0);
        c4t_slice message = c4thost_error_message(error);
        struct c4thost_task *task = c4thost_task(C4THOST_TASK_CLOSED, message.buf, message.size);
        c4thost_slice_release(message.buf);
        task->domain = error.domain;
        task->code = error.code;
        c4thost_add_task(socket, task);
    }
    pthread_mutex_unlock(&socket->lock);
}

static c4t_socket *from_native(const void *factory, size_t size, void *handle, const c4t_address *address,
                               bool incoming) {
    const c4thost_config defaults = C4THOST_CONFIG_INIT;
    c4t_socket *socket = c4thost_socket_new(factory, size, address, defaults.linger);
    pthread_mutex_lock(&socket->lock);
    socket->state = C4THOST_STATE_NATIVE;
    socket->incoming = incoming;
    socket->native_handle = handle;
    c4thost_count_call(socket, C4T_EV_FROM_NATIVE, 0);
    void (*attached)(c4t_socket *) = socket->factory.attached;
    if (attached) c4thost_count_call(socket, C4T_EV_ATTACHED, 0);
    pthread_mutex_unlock(&socket->lock);
    if (attached) attached(socket);
    return socket;
}

static c4t_socket *from_native_64(c4t_socket_factory_64 factory, void *handle, const c4t_address *address) {
    return from_native(&factory, sizeof factory, handle, address, true);
}

static c4t_socket *from_native_72(c4t_socket_factory factory, void *handle, const c4t_address *address) {
    return from_native(&factory, sizeof factory, handle, address, true);
}

static c4t_socket *from_native2_64(c4t_socket_factory_64 factory, void *handle, const c4t_address *address,
                                   bool incoming) {
    return from_native(&factory, sizeof factory, handle, address, incoming);
}

static c4t_socket *from_native2_72(c4t_socket_factory factory, void *handle, const c4t_address *address,
                                   bool incoming) {
    return from_native(&factory, sizeof factory, handle, address, incoming);
}

#define UP_CALLS(size, native, native2)                                                                                \
    {                                                                                                                  \
        .factory_size = (size),                                                                                        \
        .got_http_response = got_http_response,                                                                        \
        .got_peer_certificate = got_peer_certificate,                                                                  \
        .opened = opened,                                                                                              \
        .received = received,                                                                                          \
        .completed_write = completed_write,                                                                            \
        .close_requested = close_requested,                                                                            \
        .closed = closed,                                                                                              \
        .from_native = (void *)(native),                                                                               \
        .from_native2 = (void *)(native2),                                                                             \
        .error_message = c4thost_error_message,                                                                        \
        .release_buffer = c4thost_slice_release,                                                                       \
    }

const c4t_upcalls c4thost_upcalls_64 = UP_CALLS(C4T_FACTORY_SIZE_64, from_native_64, from_native2_64);
const c4t_upcalls c4thost_upcalls_72 = UP_CALLS(C4T_FACTORY_SIZE_72, from_native_72, from_native2_72);
