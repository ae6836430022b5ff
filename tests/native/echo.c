#include "echo.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

/* Calls but open get no context, so the way to a socket's own state is one for all factories. */
static void *(*get_handle)(c4t_socket *);

static struct echo_socket *of(c4t_socket *socket) { return get_handle(socket); }

struct echo_upcalls echo_host_upcalls(size_t factory_size) {
    struct echo_upcalls up = {.table = *c4thost_upcalls(factory_size)};
    *(void **)&up.retain = c4thost_symbol("c4socket_retain", factory_size);
    *(void **)&up.release = c4thost_symbol("c4socket_release", factory_size);
    *(void **)&up.set_handle = c4thost_symbol("c4Socket_setNativeHandle", factory_size);
    *(void **)&up.get_handle = c4thost_symbol("c4Socket_getNativeHandle", factory_size);
    return up;
}

static void give(struct echo_job job) {
    struct echo_thread *thread = job.socket->thread;
    struct echo_job *copy = malloc(sizeof *copy);
    CHECK(copy);
    *copy = job;
    copy->next = NULL;
    job.socket->echo->up.retain(job.socket->socket); /* until the job is done */
    pthread_mutex_lock(&thread->lock);
    if (thread->last)
        thread->last->next = copy;
    else
        thread->first = copy;
    thread->last = copy;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

static void make_open(struct echo_socket *socket) {
    const struct echo *echo = socket->echo;
    static const unsigned char headers[] = {0x70, 0x00}; /* an empty dict in Fleece */
    echo->up.table.got_http_response(socket->socket, 101, (c4t_slice){headers, sizeof headers});
    echo->up.table.opened(socket->socket);
}

static void end(struct echo_socket *socket, int status) {
    const struct echo *echo = socket->echo;
    c4t_socket *c4 = socket->socket;
    if (atomic_exchange(&socket->closed, true)) return;
    echo->up.table.closed(c4, (c4t_error){.domain = 6, .code = status});
    if (!(echo->ways & ECHO_KEEPS_SOCKETS)) echo->up.release(c4); /* `socket` may be gone now */
}

static void *receive_alone(void *argument) {
    struct echo_job *job = argument;
    job->socket->echo->up.table.received(job->socket->socket, job->bytes);
    return NULL;
}

static void answer(struct echo_job *job) {
    struct echo *echo = job->socket->echo;
    c4t_socket *socket = job->socket->socket;
    if (!atomic_load(&job->socket->closed)) {
        if (!(echo->ways & (ECHO_ACKS_INSIDE | ECHO_NEVER_ACKS)))
            echo->up.table.completed_write(socket, job->bytes.size);
        if (echo->ways & ECHO_OBEYS_Q && job->bytes.size == 1 && *(const char *)job->bytes.buf == 'Q') {
            if (echo->ways & ECHO_FRAMED) {
                atomic_fetch_add(&echo->ends, 1);
                echo->up.table.received(socket, (c4t_slice){0});
            } else
                echo->up.table.close_requested(socket, 1001, (c4t_slice){"quit", 4});
        } else if (echo->ways & ECHO_NEW_THREADS) {
            pthread_t thread;
            CHECK(!pthread_create(&thread, NULL, receive_alone, job));
            pthread_join(thread, NULL);
        } else {
            echo->up.table.received(socket, job->bytes);
        }
    }
    if (!(echo->ways & ECHO_KEEPS_SLICES)) echo->up.table.release_buffer(job->bytes.buf);
}

static void keep(struct echo *echo, struct echo_job *job) {
    pthread_mutex_lock(&echo->kept_lock);
    job->next = echo->kept;
    echo->kept = job;
    pthread_mutex_unlock(&echo->kept_lock);
}

static void *work(void *argument) {
    struct echo_thread *thread = argument;
    for (;;) {
        pthread_mutex_lock(&thread->lock);
        while (!thread->first && !thread->stop) pthread_cond_wait(&thread->changed, &thread->lock);
        struct echo_job *job = thread->first;
        if (job) {
            thread->first = job->next;
            if (!thread->first) thread->last = NULL;
        }
        pthread_mutex_unlock(&thread->lock);
        if (!job) return NULL;
        c4t_socket *c4 = job->socket->socket;
        switch (job->what) {
        case ECHO_OPEN:
            make_open(job->socket);
            break;
        case ECHO_BYTES:
            answer(job);
            break;
        case ECHO_CLOSE:
            end(job->socket, job->status);
            break;
        }
        thread->echo->up.release(c4);
        if (job->what == ECHO_BYTES && thread->echo->ways & ECHO_KEEPS_SLICES)
            keep(thread->echo, job);
        else
            free(job);
    }
}

static void attach(struct echo *echo, c4t_socket *c4) {
    struct echo_socket *socket = calloc(1, sizeof *socket);
    CHECK(socket);
    socket->socket = c4;
    socket->echo = echo;
    socket->thread = &echo->threads[atomic_fetch_add(&echo->next_thread, 1) % ECHO_THREADS];
    echo->up.set_handle(c4, socket);
    echo->up.retain(c4);
}

static void on_open(c4t_socket *c4, const c4t_address *address, c4t_slice options, void *context) {
    struct echo *echo = context;
    (void)address, (void)options;
    uint64_t number = atomic_fetch_add(&echo->opens, 1);
    for (int i = 0; i < 8; i++)
        if (atomic_load(&echo->recent[i]) == c4) {
            atomic_fetch_add(&echo->reopens, 1);
            break;
        }
    atomic_store(&echo->recent[number % 8], c4);
    attach(echo, c4);
    struct echo_socket *socket = of(c4);
    if (echo->ways & ECHO_NEVER_OPENS) return;
    if (echo->ways & ECHO_OPENS_INSIDE)
        make_open(socket);
    else
        give((struct echo_job){.socket = socket, .what = ECHO_OPEN});
}

static void on_write(c4t_socket *c4, c4t_slice bytes) {
    struct echo_socket *socket = of(c4);
    struct echo *echo = socket->echo;
    atomic_fetch_add(&echo->writes, 1);
    atomic_fetch_add(&echo->written_bytes, bytes.size);
    if (atomic_load(&socket->closed)) {
        echo->up.table.release_buffer(bytes.buf);
        return;
    }
    /* Before the job is given, for that may end the session. */
    if (echo->ways & ECHO_ACKS_INSIDE) echo->up.table.completed_write(c4, bytes.size);
    give((struct echo_job){.socket = socket, .what = ECHO_BYTES, .bytes = bytes});
}

static void on_completed_receive(c4t_socket *c4, size_t n) {
    struct echo_socket *socket = of(c4);
    atomic_fetch_add(&socket->echo->completed_bytes, n);
}

static void close_with(c4t_socket *c4, int status) {
    struct echo_socket *socket = of(c4);
    atomic_fetch_add(&socket->echo->closes, 1);
    if (socket->echo->ways & ECHO_NEVER_CLOSES) return;
    if (socket->echo->ways & ECHO_CLOSES_INSIDE)
        end(socket, status);
    else
        give((struct echo_job){.socket = socket, .what = ECHO_CLOSE, .status = status});
}

static void on_close(c4t_socket *c4) { close_with(c4, 1000); }

static void on_request_close(c4t_socket *c4, int status, c4t_slice message) {
    (void)message;
    close_with(c4, status);
}

static void on_dispose(c4t_socket *c4) {
    struct echo_socket *socket = of(c4);
    atomic_fetch_add(&socket->echo->disposes, 1);
    free(socket);
}

static void on_attached(c4t_socket *c4) {
    struct echo *echo = get_handle(c4); /* the handle given to fromNative */
    atomic_fetch_add(&echo->attacheds, 1);
}

void echo_start(struct echo *echo, const struct echo_upcalls *up, unsigned ways) {
    memset(echo, 0, sizeof *echo);
    get_handle = up->get_handle;
    echo->up = *up;
    echo->ways = ways;
    bool framed = ways & ECHO_FRAMED;
    echo->factory = (c4t_socket_factory){.framing = framed ? C4T_CLIENT_FRAMING : C4T_NO_FRAMING,
                                         .context = echo,
                                         .open = on_open,
                                         .write = on_write,
                                         .completed_receive = on_completed_receive,
                                         .close = framed ? on_close : NULL,
                                         .request_close = framed ? NULL : on_request_close,
                                         .dispose = on_dispose,
                                         .attached = on_attached};
    pthread_mutex_init(&echo->kept_lock, NULL);
    for (int i = 0; i < ECHO_THREADS; i++) {
        struct echo_thread *thread = &echo->threads[i];
        thread->echo = echo;
        pthread_mutex_init(&thread->lock, NULL);
        pthread_cond_init(&thread->changed, NULL);
        CHECK(!pthread_create(&thread->thread, NULL, work, thread));
    }
}

void echo_stop(struct echo *echo) {
    for (int i = 0; i < ECHO_THREADS; i++) {
        struct echo_thread *thread = &echo->threads[i];
        pthread_mutex_lock(&thread->lock);
        thread->stop = true;
        pthread_cond_signal(&thread->changed);
        pthread_mutex_unlock(&thread->lock);
        pthread_join(thread->thread, NULL);
        pthread_mutex_destroy(&thread->lock);
        pthread_cond_destroy(&thread->changed);
    }
    for (struct echo_job *job; (job = echo->kept);) {
        echo->kept = job->next;
        echo->up.table.release_buffer(job->bytes.buf);
        free(job);
    }
    pthread_mutex_destroy(&echo->kept_lock);
}
