/* Events that were given without a duration, and wait for their return records. Bounded: the oldest makes place, and has no return line. */
#ifndef C4TRACE_RETURNS_H
#define C4TRACE_RETURNS_H

#include <stdbool.h>
#include <stdint.h>

#define C4T_RETURN_SETS 512u
#define C4T_RETURN_WAYS 8u

struct c4t_waiting {
    uint64_t call; /* 0: free */
    uint64_t seq, sid;
};

struct c4t_returns {
    struct c4t_waiting (*sets)[C4T_RETURN_WAYS];
};

bool c4t_returns_begin(struct c4t_returns *returns);
void c4t_returns_end(struct c4t_returns *returns);
void c4t_returns_put(struct c4t_returns *returns, uint64_t call, uint64_t seq, uint64_t sid);
/* Number and session of the event that waits for `call`, and forget it; false if none does. */
bool c4t_returns_take(struct c4t_returns *returns, uint64_t call, uint64_t *seq, uint64_t *sid);

#endif
