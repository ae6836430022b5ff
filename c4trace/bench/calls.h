/* What a call costs: a host that calls `write` of a factory over and over. Part of the Python extension, never of libc4trace.so. */
#ifndef C4TRACE_CALLS_H
#define C4TRACE_CALLS_H

#include "c4trace.h"

#define C4BENCH_THREADS_MAX 16u
#define C4BENCH_MESSAGE_MAX (128u * 1024u)
#define C4BENCH_SOCKET_STEP 336u /* bytes; about what a C4Socket has */

/* What is done around each call, in place of a tracer: nothing, or two readings of a clock, stored. */
enum c4bench_stamps { C4BENCH_BARE = 0, C4BENCH_TICKS = 1, C4BENCH_CLOCK = 2 };

struct c4bench_calls {
    const void *factory; /* C4SocketFactory whose `write` is called */
    uintptr_t
        sockets;   /* address of the first C4Socket; the next ones are C4BENCH_SOCKET_STEP further; never looked into */
    uint32_t each; /* sockets that a thread has to itself and calls in turn; 1 or more */
    uint32_t threads; /* at once; at most C4BENCH_THREADS_MAX */
    uint32_t stamps;  /* enum c4bench_stamps; only with one socket each */
    uint64_t warm;    /* calls of each thread before those that are timed, which begin with cold caches */
    uint64_t calls;   /* of each thread */
    size_t message;   /* bytes a call; at most C4BENCH_MESSAGE_MAX */
};

/* A factory without framing whose functions do nothing. */
const void *c4bench_inner(void);

/* Open the sockets that c4bench_run will use. */
void c4bench_open(const struct c4bench_calls *calls);
/* Dispose of them. */
void c4bench_dispose(const struct c4bench_calls *calls);
/* Nanoseconds of its thread's CPU time that a call takes: the mean over the threads. Negative: it could not be measured. */
double c4bench_run(const struct c4bench_calls *calls);
/* Nanoseconds of CPU time that open, requestClose and dispose of a socket take together, `rounds` times with all sockets open at once. */
double c4bench_sessions(const struct c4bench_calls *calls, uint32_t rounds);

/* The rings of the segment in this file: how large each is, and what was ever written into all of them. Zeros where it is none. */
struct c4bench_rings {
    uint64_t each;
    uint64_t written;
};
struct c4bench_rings c4bench_look(const char *segment);
/* Nanoseconds of CPU time that copying a message takes, to the places that it would have in a ring of so many bytes (a power of two), once
 * `warm` copies have been made. Negative as above. */
double c4bench_copy(size_t message, uint64_t ring_bytes, uint64_t warm, uint64_t copies);

#endif
