/* The way of a write or received whose bytes are kept. Copying costs more than all the rest of a call, so this has a function of its own,
 * which the way of those without bytes need not make room for. */
#ifndef C4TRACE_HOT_CAPTURE_H
#define C4TRACE_HOT_CAPTURE_H

#include "hot.h"

/* The entry record with `size` bytes, stamped when those are there, or copying would show in the callee's duration. False: nothing was
 * done; the ring is shared or has no room, or gaps come first. */
C4T_HOT bool c4t_hot_capture(struct c4t_hot *hot, enum c4t_event event, c4t_slice slice, uint32_t size,
                             uint32_t clock) {
    struct c4t_thread *here = hot->here;
    uint64_t whole = (sizeof(struct c4t_record) + size + 63u) & ~(uint64_t)63u;
    if (C4T_UNLIKELY(here->shared_ring || here->gaps)) return false;
    struct c4t_record *record = c4t_ring_claim(here, whole);
    if (C4T_UNLIKELY(!record)) return false;
    memcpy(record + 1, slice.buf, size);
    hot->began = c4t_clock_ticks(clock);
    hot->call = ++here->call;
    uint64_t who = hot->cells->event[event].who ^ C4T_REC_PLAIN << 8;
    if (size < slice.size) who |= C4T_REC_CUT << 8;
    memcpy(&record->event, &who, sizeof who); /* event, flags, factory and tid */
    record->ticks = hot->began;
    record->sid = c4t_sid(hot->session);
    record->call = hot->call;
    record->n = slice.size;
    memset(&record->code, 0, sizeof *record - offsetof(struct c4t_record, code));
    record->data = size;
    c4t_ring_commit(here, record, (uint32_t)whole);
    return true;
}

/* Begin an event whose bytes are kept, by the processor's counter. `entered`: it was, in that row, or NULL. False: nothing was done, take
 * care. */
C4T_HOT bool c4t_hot_begin_captured(struct c4t_hot *hot, const c4t_socket *socket, enum c4t_event event,
                                    c4t_slice slice, struct c4t_thread_row **entered) {
    *entered = NULL;
    if (C4T_UNLIKELY(!c4t_hot_meets(hot, c4t_here, socket))) return false;
    *entered = hot->row;
    if (C4T_UNLIKELY(!c4t_hot_enter(hot, event == C4T_EV_WRITE ? C4T_WRITING : C4T_RECEIVING))) return false;
    uint64_t control = c4t_hot_control(hot);
    if (C4T_UNLIKELY(!slice.buf || (uint32_t)control > C4T_CAPTURE_FULL)) return false;
    uint32_t size = c4t_wanted_bytes(hot->here->tracer, control, slice.size);
    if (C4T_UNLIKELY(!size || !c4t_hot_capture(hot, event, slice, size, C4T_HOT_CLOCK))) return false;
    c4t_hot_count(hot, event, slice.size);
    c4t_in_flight(hot->row, event);
    if (c4t_is_sampled(hot->began)) c4t_sample(hot->row, C4T_HOT_CLOCK, hot->began);
    return true;
}

C4T_HOT void c4t_hot_end_captured(const struct c4t_hot *hot, enum c4t_event event) {
    if (c4t_is_sampled(hot->began)) {
        struct c4t_hot sampled = *hot; /* the other one stays in registers */
        c4t_hot_end_with_care(&sampled, event);
    } else {
        c4t_hot_return(hot, event, true, C4T_HOT_CLOCK);
    }
}

#endif
