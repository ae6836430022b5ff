/* The way of nearly every write, received, completedWrite and completedReceive: of a thread and a session that have met before, with nothing
 * out of the ordinary. All it needs is found in one line of the thread's lease, one of the session and its row, and the thread's own
 * cells. Everything else (the first event of a thread or session, no place of one's own in the pools, a call within a call, a
 * tracer that closes) goes the way of tap.h, and leaves a hint here for the next time. */
#ifndef C4TRACE_HOT_H
#define C4TRACE_HOT_H

#include <string.h>

#include "tap.h"

/* The processor's counter. A lease of a tracer with this clock is c4t_here, one with C4T_CLOCK_MONOTONIC c4t_there; so each of both ways
 * knows its clock without asking. */
#if defined(__aarch64__)
#define C4T_HOT_CLOCK C4T_CLOCK_CNTVCT
#else
#define C4T_HOT_CLOCK C4T_CLOCK_TSC
#endif

/* Lives in registers; what is needed after the callee is `here`, `cells` and `call`. */
struct c4t_hot {
    struct c4t_thread *here;
    struct c4t_thread_row *row;
    struct c4t_session *session;
    struct c4t_cells *cells; /* the thread's own */
    uint64_t began;
    uint64_t call; /* of the event's records, 0 = none */
};

C4T_HOT uint32_t c4t_hint_of(const c4t_socket *socket) {
    return (uint32_t)(uintptr_t)socket * UINT32_C(0x9E3779B1) >> 26; /* 6 bits: C4T_HINTS */
}

/* A number that this thread alone writes, so it may be read as any other. */
#define C4T_OWN(type, number) (*(const type *)(const void *)(number))

/* What the hint says. False: the thread has not met this socket. */
C4T_HOT bool c4t_hot_meets(struct c4t_hot *hot, struct c4t_thread *here, const c4t_socket *socket) {
    uint32_t i = c4t_hint_of(socket);
    hot->here = here;
    hot->session = C4T_LOAD(struct c4t_session *, &here->hint[i]); /* relaxed: see c4t_threads_forget */
    hot->row = c4t_row_of(here);
    hot->cells = here->hint_cells[i];
    /* x86 loads in order, so with it come the session's other fields; elsewhere acquire */
    return C4T_LIKELY(C4T_ACQUIRE(c4t_socket *, &hot->session->socket) == socket);
}

/* What there is to do, an enum c4t_depth; or, with other bits, the thread is in a call. Of a flight, its event is in the lowest ones. */
C4T_HOT uint32_t c4t_hot_depth(const struct c4t_hot *hot) {
    return (uint32_t)C4T_OWN(uint64_t, &hot->row->flight) | C4T_LOAD(uint32_t, &hot->row->depth);
}

/* The thread is in no call, and its lease not void. */
C4T_HOT bool c4t_hot_is_free(uint32_t depth) { return !(depth & ~(C4T_DEPTH_RECORDS | C4T_DEPTH_BYTES)); }

/* What a call was given stays in the registers where it came and whence it is passed on: gcc would move it out of its own way and back. */
#if defined(__x86_64__)
#define C4T_LEAVE_IN_PLACE(first, second, last) __asm__ volatile("" : : "D"(first))
#else
#define C4T_LEAVE_IN_PLACE(first, second, last) ((void)0)
#endif

/* Begin. False: the thread does not own this direction, so what begins or ends in it cannot be told at once; or its lease has just
 * become void, in which case no row that owns anything is its row. */
C4T_HOT bool c4t_hot_enter(const struct c4t_hot *hot, enum c4t_way way) {
    const struct c4t_session *session = hot->session;
    const struct c4t_ack *ack = way == C4T_WRITING ? &session->write : &session->receive;
    /* relaxed and fence: as in c4t_thread_begins */
    atomic_store_explicit(&hot->row->flight, C4T_LOAD(uint64_t, &session->entering), memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return c4t_ack_is_mine(ack, c4t_row_of(hot->here));
}

/* The capture level. relaxed, both: it takes effect some events later; that the lease is void, see c4t_thread_begins */
C4T_HOT uint64_t c4t_hot_control(const struct c4t_hot *hot) {
    return atomic_load_explicit(atomic_load_explicit(&hot->here->control, memory_order_relaxed), memory_order_relaxed);
}

/* There is room for a record without text or data in the thread's own ring. */
C4T_HOT bool c4t_hot_has_room(const struct c4t_thread *here) { return C4T_LIKELY(here->head < here->until); }

/* False: this is one of the few events that measure what c4trace costs. */
C4T_HOT bool c4t_hot_stamp(struct c4t_hot *hot, uint32_t clock) {
    hot->began = c4t_clock_ticks(clock);
    return !c4t_is_sampled(hot->began);
}

/* Count an event of `n` bytes; the thread owns the direction. */
C4T_HOT void c4t_hot_count(const struct c4t_hot *hot, enum c4t_event event, uint64_t n) {
    struct c4t_session *session = hot->session;
    struct c4t_session_row *row = session->row;
    c4t_count(&hot->cells->event[event].n, 1);
    c4t_count(&hot->cells->event[event].bytes, n);
    if (event == C4T_EV_WRITE) {
        c4t_begin_held(&session->write, &row->write, n, hot->began);
    } else if (event == C4T_EV_RECEIVED) {
        c4t_begin_held(&session->receive, &row->received, n, hot->began);
    } else {
        enum c4t_way way = event == C4T_EV_COMPLETED_WRITE ? C4T_WRITING : C4T_RECEIVING;
        struct c4t_direction at = c4t_direction_of(hot->here, hot->row, session, hot->cells, way);
        c4t_end_held(&at, n, hot->began);
    }
    c4t_note(hot->row, row, event, hot->began);
}

/* Into the thread's own ring, in which there is room: what every record has. The caller tells what it is of. */
C4T_HOT struct c4t_record *c4t_hot_put(struct c4t_thread *here, uint64_t ticks, uint64_t call, uint64_t n,
                                       uint64_t *end) {
    uint64_t head = here->head;
    struct c4t_record *record = (struct c4t_record *)(void *)(here->lap + head);
    *end = head + sizeof *record;
    here->head = *end;
    atomic_store_explicit(&record->mark, (uint32_t)*end, memory_order_relaxed); /* relaxed: ordered by head's release */
    record->size = sizeof *record;
    record->ticks = ticks;
    record->call = call;
    record->n = n;
    return record;
}

/* release: the record before `end` is whole */
C4T_HOT void c4t_hot_publish(const struct c4t_thread *here, uint64_t end) {
    atomic_store_explicit(&here->ring->head, end, memory_order_release);
}

/* The entry record; there is room. */
C4T_HOT void c4t_hot_record(struct c4t_hot *hot, enum c4t_event event, uint64_t n) {
    struct c4t_thread *here = hot->here;
    uint64_t end;
    C4T_NEXT(here->call);
    hot->call = here->call;
    struct c4t_record *record = c4t_hot_put(here, hot->began, hot->call, n, &end);
    memcpy(&record->event, &hot->cells->event[event].who, sizeof(uint64_t)); /* event, flags, factory and tid */
    record->sid = c4t_sid(hot->session);
    c4t_hot_publish(here, end);
}

/* The rest of c4t_hot_return where it takes more. */
C4T_INTERNAL void c4t_hot_return_with_care(struct c4t_thread *here, struct c4t_cells *cells, enum c4t_event event,
                                           uint64_t call, uint64_t took);
/* The same of an event that was not recorded. */
C4T_INTERNAL void c4t_hot_return_slowest(struct c4t_thread *here, struct c4t_cells *cells, enum c4t_event event,
                                         uint64_t took);

C4T_HOT void c4t_hot_return(const struct c4t_hot *hot, enum c4t_event event, bool recorded, uint32_t clock) {
    struct c4t_thread *here = hot->here;
    struct c4t_cell *cell = &hot->cells->event[event];
    uint64_t ended = c4t_clock_ticks(clock);
    /* Of a void lease, this is another row, and `took` the slowest of all. */
    struct c4t_thread_row *row = c4t_row_of(here);
    uint64_t took = ended - C4T_OWN(uint64_t, &row->flight_since);
    if (!recorded && C4T_UNLIKELY(c4t_is_slowest(cell, took))) {
        c4t_hot_return_slowest(here, hot->cells, event, took);
        return;
    }
    if (recorded && (C4T_UNLIKELY(c4t_is_slowest(cell, took)) || !c4t_hot_has_room(here))) {
        c4t_hot_return_with_care(here, hot->cells, event, hot->call, took);
        return;
    }
    if (recorded) {
        uint64_t end;
        struct c4t_record *record = c4t_hot_put(here, ended, hot->call, took, &end);
        uint32_t what = (uint32_t)event | C4T_REC_RETURN << 8;
        memcpy(&record->event, &what, sizeof what); /* event, flags and factory */
        c4t_hot_publish(here, end);
    }
    atomic_store_explicit(&row->flight, C4T_EV_NONE, memory_order_release); /* release: as in c4t_in_flight */
    c4t_ended(cell, took);
}

/* Begin an event that takes more: it is to be captured, measures c4trace's cost, finds no room or owns no direction. `entered` is the row
 * in which it was, or NULL; `began` its stamp, or 0. False: nothing was done, go the other way. */
C4T_INTERNAL bool c4t_hot_begin_with_care(struct c4t_hot *hot, const c4t_socket *socket, enum c4t_event event,
                                          c4t_slice slice, uint64_t began, struct c4t_thread_row *entered);
/* And its return. */
C4T_INTERNAL void c4t_hot_end_with_care(const struct c4t_hot *hot, enum c4t_event event);

/* The call that this thread is in already; the next one is made as if there were none. */
struct c4t_outer {
    struct c4t_thread *thread;
    uint64_t flight, since;
};

/* Is this thread, where it knows the socket at once, in a call already? Then that one is put aside. */
C4T_INTERNAL bool c4t_put_outer_aside(struct c4t_outer *outer, const c4t_socket *socket);
C4T_INTERNAL void c4t_take_outer_back(const struct c4t_outer *outer);
/* After this frame's event, let the thread find the session at once. */
C4T_INTERNAL void c4t_leave_hint(const struct c4t_frame *frame, const c4t_socket *socket);

#endif
