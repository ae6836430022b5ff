/* The C4SocketFactory that leads to Python: calls in, through the gate; up-calls in pyfactory_upcalls.c. */
#include "pyfactory.h"

#include <stdlib.h>
#include <time.h>

#include "forks.h"
#include "pyfactory_inside.h"

enum { WEBSOCKET_DOMAIN = 6, GOING_AWAY = 1001 };

static c4tpy_callbacks callbacks;
static pthread_once_t set_up_once = PTHREAD_ONCE_INIT;
static _Atomic uint64_t last_factory, last_socket;

static _Atomic bool gate_shut;
static _Atomic unsigned threads_in; /* as often as they are in: a method may lead into another */
static _Thread_local unsigned times_in;

/* In or not in: nothing may come between our counting in and our look at the gate, or c4tpy_shut might miss us. Hence seq_cst here and
 * there: the one who comes second in the one order of all four sees the other. */
static bool go_in(void) {
    atomic_fetch_add_explicit(&threads_in, 1, memory_order_seq_cst);
    if (!atomic_load_explicit(&gate_shut, memory_order_seq_cst)) {
        times_in++;
        return true;
    }
    atomic_fetch_sub_explicit(&threads_in, 1, memory_order_release); /* release: as in come_out */
    return false;
}

static void come_out(void) {
    times_in--;
    /* release: what the thread did inside happened before the interpreter goes on to end */
    atomic_fetch_sub_explicit(&threads_in, 1, memory_order_release);
}

unsigned c4tpy_shut(unsigned timeout_ms) {
    atomic_store_explicit(&gate_shut, true, memory_order_seq_cst);
    const struct timespec a_millisecond = {.tv_nsec = 1000000};
    for (;; timeout_ms--) {
        unsigned in = atomic_load_explicit(&threads_in, memory_order_seq_cst);
        if (!in || !timeout_ms) return in;
        nanosleep(&a_millisecond, NULL);
    }
}

/* The sockets of all factories, by the address of their C4Socket: only open is told more than that. */
#define BUCKETS 1024u
static pthread_mutex_t sockets_lock = PTHREAD_MUTEX_INITIALIZER;
static c4tpy_socket *sockets[BUCKETS];

static c4tpy_socket **bucket(const c4t_socket *socket) {
    return &sockets[((uintptr_t)socket >> 4) * 0x9E3779B97F4A7C15u >> 54];
}

/* Kept for the caller; NULL: unknown. */
static c4tpy_socket *find(const c4t_socket *c4) {
    pthread_mutex_lock(&sockets_lock);
    c4tpy_socket *socket = *bucket(c4);
    while (socket && socket->socket != c4) socket = socket->next;
    if (socket) c4tpy_keep(socket);
    pthread_mutex_unlock(&sockets_lock);
    return socket;
}

static void put(c4tpy_socket *socket) {
    pthread_mutex_lock(&sockets_lock);
    c4tpy_socket **first = bucket(socket->socket);
    socket->next = *first;
    *first = socket;
    pthread_mutex_unlock(&sockets_lock);
}

/* Takes over the reference that the table had. */
static c4tpy_socket *take(const c4t_socket *c4) {
    pthread_mutex_lock(&sockets_lock);
    c4tpy_socket **place = bucket(c4);
    while (*place && (*place)->socket != c4) place = &(*place)->next;
    c4tpy_socket *socket = *place;
    if (socket) *place = socket->next;
    pthread_mutex_unlock(&sockets_lock);
    return socket;
}

static c4tpy_socket *make(c4tpy_factory *factory, c4t_socket *c4) {
    c4tpy_socket *socket = calloc(1, sizeof *socket);
    if (!socket) return NULL;
    socket->socket = c4;
    socket->factory = factory;
    socket->key = atomic_fetch_add_explicit(&last_socket, 1, memory_order_relaxed) + 1; /* relaxed: only a number */
    atomic_init(&socket->references, 2);
    atomic_init(&socket->inside, 1);
    if (factory->up.retain) ((c4t_socket * (*)(c4t_socket *)) factory->up.retain)(c4);
    put(socket);
    return socket;
}

void c4tpy_keep(c4tpy_socket *socket) {
    atomic_fetch_add_explicit(&socket->references, 1,
                              memory_order_relaxed); /* relaxed: the caller has a reference already */
}

void c4tpy_drop(c4tpy_socket *socket) {
    /* acq_rel: all that was done with the socket happens before it is freed */
    if (atomic_fetch_sub_explicit(&socket->references, 1, memory_order_acq_rel) == 1) free(socket);
}

uint64_t c4tpy_key(const c4tpy_socket *socket) { return socket->key; }
c4t_socket *c4tpy_address(const c4tpy_socket *socket) { return socket->socket; }

static void go_away(c4tpy_socket *socket) {
    static const char why[] = "the Python program ends";
    c4tpy_closed(socket, WEBSOCKET_DOMAIN, GOING_AWAY, why, sizeof why - 1);
}

static void on_open(c4t_socket *c4, const c4t_address *address, c4t_slice options, void *context) {
    c4tpy_factory *factory = context;
    c4tpy_socket *socket = find(c4); /* one from fromNative */
    if (!socket) socket = make(factory, c4);
    if (!socket) {
        const c4t_error no_memory = {.domain = 2, .code = 12};
        ((void (*)(c4t_socket *, c4t_error))factory->up.closed)(c4, no_memory);
        return;
    }
    if (go_in()) {
        callbacks.open(factory->key, socket, address, options);
        come_out();
    } else {
        go_away(socket);
    }
    c4tpy_drop(socket);
}

static void on_write(c4t_socket *c4, c4t_slice bytes) {
    c4tpy_socket *socket = find(c4);
    if (!socket) return;
    c4tpy_factory *factory = socket->factory;
    if (go_in()) {
        callbacks.write(factory->key, socket, bytes);
        come_out();
    }
    if (factory->up.release_buffer) ((void (*)(const void *))factory->up.release_buffer)(bytes.buf);
    c4tpy_drop(socket);
}

static void on_completed_receive(c4t_socket *c4, size_t n) {
    c4tpy_socket *socket = find(c4);
    if (!socket) return;
    if (go_in()) {
        callbacks.completed_receive(socket->factory->key, socket, n);
        come_out();
    }
    c4tpy_drop(socket);
}

static void on_close(c4t_socket *c4) {
    c4tpy_socket *socket = find(c4);
    if (!socket) return;
    bool outer = c4tpy_in_close(true);
    if (go_in()) {
        callbacks.close(socket->factory->key, socket);
        come_out();
    } else {
        go_away(socket);
    }
    c4tpy_in_close(outer);
    c4tpy_drop(socket);
}

static void on_request_close(c4t_socket *c4, int status, c4t_slice message) {
    c4tpy_socket *socket = find(c4);
    if (!socket) return;
    if (go_in()) {
        callbacks.request_close(socket->factory->key, socket, status, message);
        come_out();
    } else {
        go_away(socket);
    }
    c4tpy_drop(socket);
}

static void on_dispose(c4t_socket *c4) {
    c4tpy_socket *socket = take(c4);
    if (!socket) return;
    atomic_store_explicit(&socket->closed, true,
                          memory_order_relaxed); /* relaxed: up-calls that race with dispose have no reference */
    if (go_in()) {
        callbacks.dispose(socket->factory->key, socket);
        come_out();
    }
    c4tpy_drop(socket);
}

/* The factory that this thread's fromNative is for: `attached` is told the C4Socket only. */
static _Thread_local c4tpy_factory *attaching;

static void on_attached(c4t_socket *c4) {
    c4tpy_socket *socket = find(c4);
    if (!socket && attaching) socket = make(attaching, c4);
    if (!socket) return;
    if (go_in()) {
        callbacks.attached(socket->factory->key, socket);
        come_out();
    }
    c4tpy_drop(socket);
}

static c4t_socket *call_from_native(c4tpy_factory *factory, const c4t_address *address) {
    if (factory->up.factory_size == C4T_FACTORY_SIZE_72) {
        c4t_socket *(*function)(c4t_socket_factory, void *, const c4t_address *) = factory->up.from_native;
        return function(factory->factory, factory, address);
    }
    c4t_socket_factory_64 small;
    memcpy(&small, &factory->factory, sizeof small);
    c4t_socket *(*function)(c4t_socket_factory_64, void *, const c4t_address *) = factory->up.from_native;
    return function(small, factory, address);
}

c4tpy_socket *c4tpy_from_native(c4tpy_factory *factory, const c4t_address *address) {
    if (!factory->up.from_native) return NULL;
    c4tpy_factory *outer = attaching;
    attaching = factory;
    c4t_socket *c4 = call_from_native(factory, address);
    attaching = outer;
    if (!c4) return NULL;
    c4tpy_socket *socket = find(c4); /* made in attached */
    return socket ? socket : make(factory, c4);
}

static c4tpy_factory *_Atomic factories;

/* They live as long as the process, and are found there by whoever looks for what was lost. */
static void add(c4tpy_factory *factory) {
    factory->next = atomic_load_explicit(&factories, memory_order_relaxed); /* relaxed: nobody follows the list */
    while (!atomic_compare_exchange_weak_explicit(&factories, &factory->next, factory, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

/* The other threads that were in are not in the child. */
static void in_forked_child(void) {
    atomic_store_explicit(&threads_in, times_in, memory_order_relaxed); /* relaxed: there is one thread */
    pthread_mutex_init(&sockets_lock, NULL);
}

static const c4tpy_callbacks *first_callbacks;
static void set_up(void) {
    callbacks = *first_callbacks;
    c4t_in_forked_children(in_forked_child);
}

c4tpy_factory *c4tpy_factory_new(int framing, const c4tpy_upcalls *upcalls, const c4tpy_callbacks *methods) {
    c4tpy_factory *factory = calloc(1, sizeof *factory);
    if (!factory) return NULL;
    first_callbacks = methods;
    pthread_once(&set_up_once, set_up);
    bool framed = framing != C4T_NO_FRAMING;
    factory->up = *upcalls;
    factory->key = atomic_fetch_add_explicit(&last_factory, 1, memory_order_relaxed) + 1; /* relaxed: only a number */
    factory->factory = (c4t_socket_factory){.framing = (uint8_t)framing,
                                            .context = factory,
                                            .open = on_open,
                                            .write = on_write,
                                            .completed_receive = on_completed_receive,
                                            .close = framed ? on_close : NULL,
                                            .request_close = framed ? NULL : on_request_close,
                                            .dispose = on_dispose,
                                            .attached = on_attached};
    add(factory);
    return factory;
}

uint64_t c4tpy_factory_key(const c4tpy_factory *factory) { return factory->key; }
const c4t_socket_factory *c4tpy_factory_struct(const c4tpy_factory *factory) { return &factory->factory; }
