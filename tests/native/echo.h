/* A socket factory in C that answers every write with a received of the same bytes, from threads of its own. */
#ifndef ECHO_H
#define ECHO_H

#include <pthread.h>
#include <stdatomic.h>

#include "litecore.h"

/* How it differs from a well-mannered factory that makes all up-calls on its threads. */
enum echo_ways {
    ECHO_ACKS_INSIDE = 1,   /* completedWrite inside write */
    ECHO_CLOSES_INSIDE = 2, /* closed inside requestClose or close */
    ECHO_OPENS_INSIDE = 4,  /* gotHTTPResponse and opened inside open */
    ECHO_FRAMED = 8,        /* client framing: `close` in place of requestClose */
    ECHO_NEVER_OPENS = 16,
    ECHO_NEVER_CLOSES = 32,
    ECHO_NEVER_ACKS = 64,
    ECHO_KEEPS_SOCKETS = 128, /* no release */
    ECHO_KEEPS_SLICES = 256,  /* until echo_stop */
    ECHO_NEW_THREADS = 512,   /* every received is made by a thread that lives for it alone */
    ECHO_OBEYS_Q =
        1024 /* the message "Q" makes it end the session from its side: closeRequested or, framed, the end of the stream */
};

#define ECHO_THREADS 8

struct echo_job {
    struct echo_job *next;
    struct echo_socket *socket;
    enum { ECHO_OPEN, ECHO_BYTES, ECHO_CLOSE } what;
    c4t_slice bytes; /* owned */
    int status;
};

struct echo_thread {
    struct echo *echo;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct echo_job *first, *last;
    bool stop;
};

struct echo_socket {
    c4t_socket *socket;
    struct echo *echo;
    struct echo_thread *thread;
    _Atomic bool closed;
};

/* The functions a factory calls. */
struct echo_upcalls {
    c4t_upcalls table;
    c4t_socket *(*retain)(c4t_socket *);
    void (*release)(c4t_socket *);
    void (*set_handle)(c4t_socket *, void *);
    void *(*get_handle)(c4t_socket *);
};

struct echo {
    c4t_socket_factory factory; /* its context is this struct */
    struct echo_upcalls up;
    unsigned ways;
    _Atomic unsigned next_thread;
    _Atomic uint64_t opens, reopens /* at the address of a recent one */, writes, written_bytes,
        ends /* of the stream, told by an empty received */, completed_bytes, closes, disposes,
        attacheds; /* its own counts */
    c4t_socket *_Atomic recent[8];
    pthread_mutex_t kept_lock;
    struct echo_job *kept; /* their slices were not released */
    struct echo_thread threads[ECHO_THREADS];
};

/* The embedded host's functions. */
struct echo_upcalls echo_host_upcalls(size_t factory_size);
void echo_start(struct echo *echo, const struct echo_upcalls *up, unsigned ways);
/* All its sockets must be disposed, or never be heard of again. */
void echo_stop(struct echo *echo);

#endif
