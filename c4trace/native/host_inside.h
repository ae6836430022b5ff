/* What the files of the embedded host share.
 *
 * Locks, outermost first: a host's table, a socket's lock, then one of a host's ready, timer, events (never two of these). None is held
 * across a call to the factory.
 */
#ifndef C4TRACE_HOST_INSIDE_H
#define C4TRACE_HOST_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "host.h"

#define C4THOST_INTERNAL __attribute__((visibility("hidden")))
#define C4THOST_SEND_BUFFER (64u * 1024u) /* LiteCore's kSendBufferSize */

enum { C4THOST_DOMAIN_POSIX = 2, C4THOST_DOMAIN_NETWORK = 5, C4THOST_DOMAIN_WEBSOCKET = 6 };
enum { C4THOST_NETWORK_TIMEOUT = 3 };

enum c4thost_task_kind {
    C4THOST_TASK_OPEN,
    C4THOST_TASK_SEND,      /* write `data` as soon as it may be written */
    C4THOST_TASK_PUMP,      /* write what may be written now */
    C4THOST_TASK_RECEIVED,  /* tell the driver of `data`, then it is processed */
    C4THOST_TASK_PROCESSED, /* the driver is done with `size` bytes */
    C4THOST_TASK_CLOSE,     /* the driver wants it: status `code`, message `data` */
    C4THOST_TASK_CLOSED     /* it is: `domain`, `code`, message `data` */
};

/* One thing for a socket's own thread to do. */
struct c4thost_task {
    struct c4thost_task *next;
    enum c4thost_task_kind kind;
    uint32_t domain;
    int32_t code;
    size_t size;
    unsigned char data[];
};

struct c4thost_queue {
    struct c4thost_task *first, *last;
};

enum c4thost_state {
    C4THOST_STATE_UNUSED = 0, /* no C4Socket: the memory waits for the next one */
    C4THOST_STATE_NATIVE,     /* from fromNative; open was not called yet */
    C4THOST_STATE_OPENING,
    C4THOST_STATE_OPEN,
    C4THOST_STATE_ENDED,   /* closed was called, or LiteCore's patience is over */
    C4THOST_STATE_DISPOSED /* dispose is running */
};

/* A C4Socket. Its memory is never freed, so that an up-call which comes too late meets a dead socket and is counted. */
struct c4t_socket {
    pthread_mutex_t lock; /* guards everything below it, but for what says otherwise */
    enum c4thost_state state;
    uint64_t id;   /* 0: not (or no more) one of a host's */
    c4thost *host; /* NULL: not yet one of a host's */
    uint64_t refs; /* the factory's: retained and not released */
    uint32_t own;  /* the host's; dispose runs when the last of both kinds goes */
    uint32_t pins; /* threads of the host that will look at this memory again, dispose or not */
    bool incoming;
    bool answered; /* gotHTTPResponse came */
    bool was_open; /* opened came in time */
    bool asked;    /* close or requestClose was called */
    bool forced;   /* ended by the host, not by closed */
    bool over;     /* its own thread has seen the end: nothing is written any more */
    bool
        writeable; /* as LiteCore keeps it: false from the write that exceeds the send buffer to the completedWrite that ends that */
    uint64_t buffered;          /* written and not acknowledged; wraps below 0, as LiteCore's does */
    uint64_t unprocessed;       /* received and not answered by completedReceive */
    c4t_socket_factory factory; /* `attached` is NULL in a 64-byte one */
    void *native_handle;
    c4t_address address; /* its slices, and options, are in `strings` */
    c4t_slice options;
    unsigned char *strings;
    c4thost_counts counts;

    struct c4thost_queue tasks;  /* in the order they came */
    struct c4thost_queue outbox; /* SEND tasks that have not been written */
    bool scheduled;              /* in the host's ready list, or in the hands of one of its threads */
    struct c4t_socket *next;     /* in the ready list (host->ready_lock) or, newer, among the dead (their lock) */
    struct c4t_socket *older;    /* among the dead */

    uint64_t deadline; /* CLOCK_MONOTONIC ns, 0: none; from here on: host->timer_lock */
    uint64_t timer_id; /* `id` when the timer was set */
    struct c4t_socket *timer_next, *timer_previous;
};

/* What is known of one id. */
struct c4thost_record {
    c4t_socket *socket; /* NULL: disposed, and `counts` are final */
    c4thost_counts counts;
};

struct c4thost_news {
    struct c4thost_news *next;
    c4thost_event event; /* data and text point behind this struct */
};

/* Its memory is never freed either, but used again: the factory's threads may be leaving it when the driver has done with it. */
struct c4thost {
    c4thost *next; /* of all there ever were; this and `used`: their lock */
    bool used;
    bool leaked; /* something of it is still used, so it may not be */
    c4thost_config config;
    _Atomic bool trust;
    _Atomic uint64_t slices; /* given to write and not released */
    pid_t pid;               /* that made it: a forked child has none of its threads */

    pthread_mutex_t table_lock;
    pthread_cond_t quiet;            /* live fell to 0 */
    struct c4thost_record **records; /* of id i at i - 1; NULL: forgotten */
    uint64_t record_count, record_room;
    uint64_t live;
    bool stopping;
    c4thost_counts forgotten; /* sums */

    pthread_mutex_t ready_lock;
    pthread_cond_t ready;
    c4t_socket *ready_first, *ready_last;
    bool threads_stop;

    pthread_mutex_t timer_lock;
    pthread_cond_t timer_changed;
    c4t_socket *timers;
    uint64_t timer_wakes; /* when the timer thread looks again, 0: not before it is told */
    bool timer_stops;

    pthread_mutex_t events_lock;
    pthread_cond_t events_changed;
    struct c4thost_news *events_first, *events_last;
    bool events_end;

    pthread_mutex_t running_lock;
    pthread_cond_t running_changed;
    uint32_t running; /* threads that have not ended */
    uint32_t thread_count;
    pthread_t *threads; /* config.threads that make calls, then the timer's */
};

/* host.c */
C4THOST_INTERNAL void *c4thost_memory(size_t size); /* zeroed; ends the process where there is none */
C4THOST_INTERNAL uint64_t c4thost_now(void);
C4THOST_INTERNAL void c4thost_unlist(c4t_socket *socket); /* after dispose: keep its counts, free its id */

/* host_events.c */
C4THOST_INTERNAL void c4thost_tell(c4thost *host, const c4thost_event *event); /* copies */
C4THOST_INTERNAL void c4thost_end_events(c4thost *host);
C4THOST_INTERNAL void c4thost_drop_events(c4thost *host);

/* host_socket.c */
C4THOST_INTERNAL c4t_socket *c4thost_socket_new(const void *factory, size_t factory_size, const c4t_address *address,
                                                uint32_t linger);
C4THOST_INTERNAL void c4thost_discard(c4t_socket *socket); /* one that no factory has seen */
C4THOST_INTERNAL void c4thost_set_options(c4t_socket *socket, c4t_slice options);
C4THOST_INTERNAL c4t_socket *c4thost_retain(c4t_socket *socket);
C4THOST_INTERNAL void c4thost_release(c4t_socket *socket);     /* the factory's */
C4THOST_INTERNAL void c4thost_release_own(c4t_socket *socket); /* the host's */
C4THOST_INTERNAL void c4thost_set_native_handle(c4t_socket *socket, void *handle);
C4THOST_INTERNAL void *c4thost_get_native_handle(c4t_socket *socket);
C4THOST_INTERNAL void c4thost_unpin_locked(c4t_socket *socket);                                   /* unlocks */
C4THOST_INTERNAL bool c4thost_fits(const void *factory, size_t factory_size);                     /* rule C4S-002 */
C4THOST_INTERNAL void c4thost_count_call(c4t_socket *socket, enum c4t_event event, size_t bytes); /* socket locked */
C4THOST_INTERNAL void c4thost_count_stray_call(void);
C4THOST_INTERNAL void c4thost_count_stray_release(void);

/* host_upcalls.c */
C4THOST_INTERNAL extern const c4t_upcalls c4thost_upcalls_64, c4thost_upcalls_72;

/* host_slices.c */
C4THOST_INTERNAL c4t_slice c4thost_slice(c4thost *host, const void *bytes,
                                         size_t size); /* host may be NULL: not counted */
C4THOST_INTERNAL void c4thost_slice_release(const void *bytes);
C4THOST_INTERNAL uint64_t c4thost_stray_slices(void);
C4THOST_INTERNAL c4t_error c4thost_error_make(uint8_t domain, int code, c4t_slice message);
C4THOST_INTERNAL c4t_slice c4thost_error_message(c4t_error error);

/* host_calls.c: what the host's threads do, and requestClose wherever it comes from */
C4THOST_INTERNAL void c4thost_add_task(c4t_socket *socket, struct c4thost_task *task); /* socket locked */
C4THOST_INTERNAL struct c4thost_task *c4thost_task(enum c4thost_task_kind kind, const void *data, size_t size);
C4THOST_INTERNAL void c4thost_drop_tasks(struct c4thost_queue *queue);
/* Call close or requestClose if that is due; unlocks the socket, which was locked. */
C4THOST_INTERNAL void c4thost_ask_to_close_locked(c4t_socket *socket, int status, c4t_slice message);
C4THOST_INTERNAL void
c4thost_run(c4t_socket *socket); /* all its tasks; the socket is pinned, and unpinned at the end */

/* host_threads.c */
C4THOST_INTERNAL bool c4thost_start_threads(c4thost *host);
C4THOST_INTERNAL uint64_t c4thost_end_threads(c4thost *host, uint64_t until_ns); /* how many did not end */
C4THOST_INTERNAL void c4thost_make_ready(c4t_socket *socket);                    /* socket locked and pinned */
C4THOST_INTERNAL void c4thost_set_timer(c4t_socket *socket, uint32_t ms);        /* socket locked; 0: none */
C4THOST_INTERNAL void c4thost_condition(pthread_cond_t *condition);              /* on CLOCK_MONOTONIC */
C4THOST_INTERNAL int c4thost_wait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  uint64_t until_ns); /* 0: for ever */

#endif
