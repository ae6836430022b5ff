/* The way of an event that finds its ring as full as the last one did. It costs no more than to record one, and has a function of its own,
 * which the way of those that are recorded need not make room for. */
#ifndef C4TRACE_HOT_DROP_H
#define C4TRACE_HOT_DROP_H

#include "hot.h"

/* Events are recorded, but the last one found no room. */
C4T_HOT bool c4t_hot_found_no_room(const struct c4t_hot *hot, uint32_t level) {
    return hot->here->gaps && c4t_hot_records(level, C4T_CAPTURE_FULL);
}

/* Begin an event that finds none either; it was entered, and its thread owns the direction. False: nothing was done, take care. */
C4T_HOT bool c4t_hot_begin_dropped(struct c4t_hot *hot, const c4t_socket *socket, enum c4t_event event, uint64_t n) {
    c4t_hot_find(hot, socket);
    hot->sid = C4T_OWN(uint64_t, &hot->row->flight_sid);
    hot->call = 0;
    hot->began = c4t_clock_ticks(C4T_HOT_CLOCK);
    if (C4T_UNLIKELY(!c4t_ring_still_drops(hot->here, hot->sid, hot->session, hot->began))) return false;
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
        c4t_hot_return(hot, event, false);
    }
}

#endif
