/* The embedded host's C4Sockets: references, memory, native handle. */
#include <stdlib.h>
#include <string.h>

#include "host_inside.h"

/* Dead sockets, whose memory waits for the next ones. */
static pthread_mutex_t dead_lock = PTHREAD_MUTEX_INITIALIZER;
static c4t_socket *oldest_dead, *newest_dead;
static uint32_t dead_count;

static _Atomic uint64_t stray_calls, stray_releases;

/* relaxed, all three: counters */
void c4thost_count_stray_call(void) { atomic_fetch_add_explicit(&stray_calls, 1, memory_order_relaxed); }
void c4thost_count_stray_release(void) { atomic_fetch_add_explicit(&stray_releases, 1, memory_order_relaxed); }

void c4thost_get_strays(c4thost_strays *strays) {
    strays->up_calls = atomic_load_explicit(&stray_calls, memory_order_relaxed);
    strays->releases = atomic_load_explicit(&stray_releases, memory_order_relaxed);
    strays->slices = c4thost_stray_slices();
}

bool c4thost_fits(const void *factory, size_t factory_size) {
    c4t_socket_factory copy = {0};
    memcpy(&copy, factory, factory_size);
    if (copy.framing > C4T_SERVER_FRAMING || !copy.open || !copy.write || !copy.completed_receive) return false;
    return copy.framing == C4T_NO_FRAMING ? copy.request_close && !copy.close : copy.close && !copy.request_close;
}

static void unlink_dead(c4t_socket *socket) {
    if (socket->older)
        socket->older->next = socket->next;
    else
        oldest_dead = socket->next;
    if (socket->next)
        socket->next->older = socket->older;
    else
        newest_dead = socket->older;
    dead_count--;
}

/* Without lingering the address that was used last, which is hardest on those who keep addresses; else the one that rested longest. */
static c4t_socket *take_memory(uint32_t linger) {
    pthread_mutex_lock(&dead_lock);
    c4t_socket *socket = dead_count <= linger ? NULL : linger ? oldest_dead : newest_dead;
    if (socket) unlink_dead(socket);
    pthread_mutex_unlock(&dead_lock);
    if (!socket) {
        socket = c4thost_memory(sizeof *socket);
        pthread_mutex_init(&socket->lock, NULL);
    }
    return socket;
}

static void give_memory_back(c4t_socket *socket) {
    pthread_mutex_lock(&dead_lock);
    socket->next = NULL;
    socket->older = newest_dead;
    if (newest_dead)
        newest_dead->next = socket;
    else
        oldest_dead = socket;
    newest_dead = socket;
    dead_count++;
    pthread_mutex_unlock(&dead_lock);
}

static size_t add_string(unsigned char *to, size_t at, c4t_slice *slice) {
    if (!slice->buf) return at;
    if (slice->size) memcpy(to + at, slice->buf, slice->size);
    slice->buf = to + at;
    return at + slice->size;
}

/* A copy of the address of our own: the caller's lives only as long as its call (rule C4S-011). */
static void set_address(c4t_socket *socket, const c4t_address *address) {
    c4t_address copy = *address;
    socket->strings = c4thost_memory(copy.scheme.size + copy.hostname.size + copy.path.size + 1);
    size_t at = add_string(socket->strings, 0, &copy.scheme);
    at = add_string(socket->strings, at, &copy.hostname);
    add_string(socket->strings, at, &copy.path);
    socket->address = copy;
}

void c4thost_set_options(c4t_socket *socket, c4t_slice options) {
    if (!options.buf) return;
    unsigned char *copy = c4thost_memory(options.size + 1);
    if (options.size) memcpy(copy, options.buf, options.size);
    socket->options = (c4t_slice){copy, options.size};
}

c4t_socket *c4thost_socket_new(const void *factory, size_t factory_size, const c4t_address *address, uint32_t linger) {
    c4t_socket *socket = take_memory(linger);
    pthread_mutex_lock(&socket->lock);
    socket->refs = 0;
    socket->own = 0;
    socket->incoming = socket->answered = socket->was_open = socket->asked = socket->forced = socket->over = false;
    socket->writeable = true;
    socket->buffered = socket->unprocessed = 0;
    memset(&socket->factory, 0, sizeof socket->factory);
    memcpy(&socket->factory, factory, factory_size);
    socket->native_handle = NULL;
    socket->options = (c4t_slice){0};
    memset(&socket->counts, 0, sizeof socket->counts);
    set_address(socket, address);
    socket->state = C4THOST_STATE_OPENING;
    pthread_mutex_unlock(&socket->lock);
    return socket;
}

void c4thost_count_call(c4t_socket *socket, enum c4t_event event, size_t bytes) {
    socket->counts.events[event].n++;
    socket->counts.events[event].bytes += bytes;
}

void c4thost_unpin_locked(c4t_socket *socket) {
    bool dead = --socket->pins == 0 && socket->state == C4THOST_STATE_UNUSED;
    pthread_mutex_unlock(&socket->lock);
    if (dead) give_memory_back(socket);
}

static void free_strings(c4t_socket *socket) {
    free(socket->strings);
    free((void *)(uintptr_t)socket->options.buf);
    socket->strings = NULL;
    socket->options = (c4t_slice){0};
}

void c4thost_discard(c4t_socket *socket) {
    pthread_mutex_lock(&socket->lock);
    free_strings(socket);
    socket->state = C4THOST_STATE_UNUSED;
    socket->pins++;
    c4thost_unpin_locked(socket);
}

/* The last reference is gone: the factory's last call, then the address is free for another socket. */
static void dispose_locked(c4t_socket *socket) {
    socket->state = C4THOST_STATE_DISPOSED;
    socket->pins++;
    c4thost_set_timer(socket, 0);
    void (*dispose)(c4t_socket *) = socket->factory.dispose;
    if (dispose) c4thost_count_call(socket, C4T_EV_DISPOSE, 0);
    pthread_mutex_unlock(&socket->lock);
    if (dispose) dispose(socket);
    c4thost_unlist(socket);
    pthread_mutex_lock(&socket->lock);
    c4thost_drop_tasks(&socket->outbox);
    free_strings(socket);
    c4thost_unpin_locked(socket);
}

c4t_socket *c4thost_retain(c4t_socket *socket) {
    if (!socket) return NULL;
    pthread_mutex_lock(&socket->lock);
    if (socket->state == C4THOST_STATE_UNUSED)
        c4thost_count_stray_release();
    else if (socket->state == C4THOST_STATE_DISPOSED)
        socket->counts.anomalies[C4THOST_AFTER_DISPOSE]++;
    else
        socket->refs++;
    pthread_mutex_unlock(&socket->lock);
    return socket;
}

void c4thost_release(c4t_socket *socket) {
    if (!socket) return;
    pthread_mutex_lock(&socket->lock);
    if (socket->state == C4THOST_STATE_DISPOSED) {
        socket->counts.anomalies[C4THOST_AFTER_DISPOSE]++;
    } else if (socket->state == C4THOST_STATE_UNUSED || !socket->refs) {
        c4thost_count_stray_release();
    } else if (--socket->refs == 0 && !socket->own) {
        dispose_locked(socket);
        return;
    }
    pthread_mutex_unlock(&socket->lock);
}

void c4thost_release_own(c4t_socket *socket) {
    pthread_mutex_lock(&socket->lock);
    if (--socket->own == 0 && !socket->refs)
        dispose_locked(socket);
    else
        pthread_mutex_unlock(&socket->lock);
}

void c4thost_set_native_handle(c4t_socket *socket, void *handle) {
    pthread_mutex_lock(&socket->lock);
    socket->native_handle = handle;
    pthread_mutex_unlock(&socket->lock);
}

void *c4thost_get_native_handle(c4t_socket *socket) {
    pthread_mutex_lock(&socket->lock);
    void *handle = socket->native_handle;
    pthread_mutex_unlock(&socket->lock);
    return handle;
}
