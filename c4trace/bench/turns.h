/* What a call costs where threads take turns on one session. Part of the Python extension, as calls.h. */
#ifndef C4TRACE_TURNS_H
#define C4TRACE_TURNS_H

#include "c4trace.h"

struct c4bench_turns {
    const void *factory; /* C4SocketFactory whose `write` is called */
    uintptr_t socket;    /* address of the one C4Socket, which is open; never looked into */
    uint32_t threads;    /* that take turns; at most C4BENCH_THREADS_MAX */
    uint32_t traced;     /* 1: completedWrite is c4trace's, too */
    uint32_t completes;  /* 1: after every turn of writes one of as many completedWrites, by the next thread */
    uint32_t run;        /* calls a turn */
    uint32_t turns;      /* of all threads together */
    size_t message;      /* bytes a call; at most C4BENCH_MESSAGE_MAX */
};

/* Nanoseconds that a call takes, from the beginning of each turn to its end: threads that wait for theirs do not count. Negative: it could not
 * be measured. */
double c4bench_take_turns(const struct c4bench_turns *turns);

#endif
