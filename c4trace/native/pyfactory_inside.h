/* What the files of the Python factory share. */
#ifndef C4TRACE_PYFACTORY_INSIDE_H
#define C4TRACE_PYFACTORY_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "pyfactory.h"

struct c4tpy_factory {
    c4t_socket_factory factory; /* its context is this struct */
    c4tpy_upcalls up;
    uint64_t key;
    c4tpy_factory *next; /* of all there are */
};

struct c4tpy_socket {
    c4t_socket *socket;
    c4tpy_factory *factory;
    uint64_t key;
    c4tpy_socket *next;          /* in its bucket */
    _Atomic unsigned references; /* freed at 0; one is the C4Socket's, given back at dispose */
    /* Up-calls being made, and 1 until closed has returned. Whoever brings it to 0 releases the C4Socket, so that none is released while
     * another thread is inside an up-call for it. */
    _Atomic unsigned inside;
    _Atomic bool closed; /* closed was called, or the C4Socket is disposed: up-calls are dropped */
    bool put_off;        /* closed waits for the end of an up-call; this and `error`: only that up-call's thread */
    c4t_error error;
};

/* Say that this thread is (or is no more) inside `close`; what was said before. */
__attribute__((visibility("hidden"))) bool c4tpy_in_close(bool in);

#endif
