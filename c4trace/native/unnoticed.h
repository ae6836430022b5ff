/* What the host must not notice of work that is done beside its calls: system calls that may fail, lines on its standard error. */
#ifndef C4TRACE_UNNOTICED_H
#define C4TRACE_UNNOTICED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "tracer.h"

/* What this thread had before: errno, whether it can be cancelled, and SIGPIPE and SIGXFSZ, by which a failed write, or reserving more
 * than a file may have, would end the process. */
struct c4t_unnoticed {
    int error, cancel;
    sigset_t mask;    /* of signals that were blocked */
    sigset_t pending; /* and that were pending */
};

C4T_INTERNAL void c4t_unnoticed_begin(struct c4t_unnoticed *before);
C4T_INTERNAL void c4t_unnoticed_end(const struct c4t_unnoticed *before);

/* Write a line to standard error, where that is still one, and has room at once. */
C4T_INTERNAL void c4t_say(const char *line, size_t size);

#endif
