/* The way of an event that finds its ring as full as the last one did. It costs no more than to record one, and has a function of its own,
 * which the way of those that are recorded need not make room for. */
#ifndef C4TRACE_HOT_DROP_H
#define C4TRACE_HOT_DROP_H

#include "hot.h"

/* Begin an event whose thread found no room last time, by the processor's counter, and finds none either. `entered`: it was, in that row, or
 * NULL. False: nothing was done, take care. */
C4T_HOT bool c4t_hot_begin_dropped(struct c4t_hot *hot, const c4t_socket *socket, enum c4t_event event, uint64_t n,
                                   struct c4t_thread_row **entered) {
    bool writing = event == C4T_EV_WRITE || event == C4T_EV_COMPLETED_WRITE;
    *entered = NULL;
    if (C4T_UNLIKELY(!c4t_hot_meets(hot, c4t_here, socket))) return false;
    *entered = hot->row;
    if (C4T_UNLIKELY(!c4t_hot_enter(hot, writing ? C4T_WRITING : C4T_RECEIVING))) return false;
    hot->call = 0;
    hot->began = c4t_clock_ticks(C4T_HOT_CLOCK);
    if (C4T_UNLIKELY(!c4t_ring_still_drops(hot->here, c4t_sid(hot->session), hot->session, hot->began))) return false;
    c4t_hot_count(hot, event, n);
    c4t_in_flight(hot->row, event);
    if (c4t_is_sampled(hot->began)) c4t_sample(hot->row, C4T_HOT_CLOCK, hot->began);
    return true;
}

C4T_HOT void c4t_hot_end_dropped(const struct c4t_hot *hot, enum c4t_event event) {
    if (c4t_is_sampled(hot->began)) {
        struct c4t_hot sampled = *hot; /* the other one stays in registers */
        c4t_hot_end_with_care(&sampled, event);
    } else {
        c4t_hot_return(hot, event, false, C4T_HOT_CLOCK);
    }
}

#endif
