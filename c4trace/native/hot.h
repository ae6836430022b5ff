/* The way of nearly every write, received, completedWrite and completedReceive: of a thread and a session that have met before, with nothing
 * out of the ordinary. All it needs is found in one line of the thread's lease, one of the session and its row, and the thread's own
 * cells. Everything else (the first event of a thread or session, no place of one's own in the pools, a clock that must be asked, a call
 * within a call, a tracer that closes) goes the way of tap.h, and leaves a hint here for the next time. */
#ifndef C4TRACE_HOT_H
#define C4TRACE_HOT_H

#include <string.h>

#include "tap.h"

/* The clock that can be read without asking which it is. */
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
    uint64_t sid;
    uint64_t began;
    uint64_t call; /* of the event's records, 0 = none */
};

C4T_HOT uint32_t c4t_hint_of(const c4t_socket *socket) {
    return (uint32_t)(uintptr_t)socket * UINT32_C(0x9E3779B1) >> 26; /* 6 bits: C4T_HINTS */
}

/* A number that this thread alone writes, so it may be read as any other. */
#define C4T_OWN(type, number) (*(const type *)(const void *)(number))

/* What the hint says; good once c4t_hot_enter has found it so. */
C4T_HOT void c4t_hot_find(struct c4t_hot *hot, const c4t_socket *socket) {
    uint32_t i = c4t_hint_of(socket);
    hot->here = c4t_here;
    hot->row = c4t_row_of(hot->here);
    hot->session = hot->here->hint[i];
    hot->cells = hot->here->hint_cells[i];
}

C4T_HOT bool c4t_hot_is_in_call(const struct c4t_thread_row *row) {
    bool in_call;
#if defined(__x86_64__) && !defined(C4TRACE_SANITIZED)
    __asm__ volatile("cmpl $0, %1" : "=@ccne"(in_call) : "m"(row->flight_event)); /* as in c4t_count */
#else
    in_call = C4T_OWN(uint32_t, &row->flight_event);
#endif
    return in_call;
}

/* The capture level. relaxed, both: it takes effect some events later; that the lease is void, see c4t_thread_begins */
C4T_HOT uint64_t c4t_hot_control(const struct c4t_hot *hot) {
    return atomic_load_explicit(atomic_load_explicit(&hot->here->control, memory_order_relaxed), memory_order_relaxed);
}

/* Begin. Calls say through which factory they came, up-calls NULL. False: nothing was done, go the other way. */
C4T_HOT bool c4t_hot_enter(struct c4t_hot *hot, const c4t_socket *socket, bool call, const struct c4t_factory *factory,
                           uint32_t *level) {
    c4t_hot_find(hot, socket);
    struct c4t_session *session = hot->session;
    /* x86 loads in order, so with it come the session's other fields; elsewhere acquire */
    if (C4T_UNLIKELY(C4T_ACQUIRE(c4t_socket *, &session->socket) != socket)) return false;
    if (call && C4T_UNLIKELY(session->factory != factory)) return false;
    if (C4T_UNLIKELY(c4t_hot_is_in_call(hot->row))) return false;
    hot->sid = c4t_sid(session);
    /* relaxed, release and fence: as in c4t_thread_begins */
    atomic_store_explicit(&hot->row->flight_event, C4T_ENTERING, memory_order_relaxed);
    atomic_store_explicit(&hot->row->flight_sid, hot->sid, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    *level = (uint32_t)c4t_hot_control(hot);
    return true;
}

/* The thread owns this direction, so what began or ended in it can be told at once. */
C4T_HOT bool c4t_hot_owns(const struct c4t_hot *hot, enum c4t_way way) {
    return c4t_ack_is_mine(way == C4T_WRITING ? &hot->session->write : &hot->session->receive, hot->row);
}

/* Events are recorded, up to this level without bytes. */
C4T_HOT bool c4t_hot_records(uint32_t level, enum c4t_capture most) {
    return level - C4T_CAPTURE_EVENTS <= (uint32_t)most - C4T_CAPTURE_EVENTS;
}

/* There is room for a record without text or data in the thread's own ring. */
C4T_HOT bool c4t_hot_has_room(const struct c4t_thread *here) { return C4T_LIKELY(here->head < here->until); }

/* False: this is one of the few events that measure what c4trace costs. */
C4T_HOT bool c4t_hot_stamp(struct c4t_hot *hot) {
    hot->began = c4t_clock_ticks(C4T_HOT_CLOCK);
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
        struct c4t_direction at = c4t_direction_of(hot->here, session, hot->cells, way);
        c4t_end_held(&at, n, hot->began);
    }
    c4t_note(hot->row, row, event, hot->began);
}

/* Into the thread's own ring, in which there is room: the part of a record that every record has. */
C4T_HOT struct c4t_record *c4t_hot_put(struct c4t_thread *here, uint64_t ticks, uint64_t call, uint64_t n) {
    uint64_t head = here->head, end = head + sizeof(struct c4t_record);
    struct c4t_record *record = (struct c4t_record *)(void *)(here->lap + head);
    here->head = end;
    atomic_store_explicit(&record->mark, (uint32_t)end, memory_order_relaxed); /* relaxed: ordered by head's release */
    record->size = sizeof *record;
    record->ticks = ticks;
    record->call = call;
    record->n = n;
    return record;
}

/* release: the record is whole */
C4T_HOT void c4t_hot_publish(const struct c4t_thread *here) {
    atomic_store_explicit(&here->ring->head, here->head, memory_order_release);
}

/* The entry record; there is room. */
C4T_HOT void c4t_hot_record(struct c4t_hot *hot, enum c4t_event event, uint64_t n) {
    struct c4t_thread *here = hot->here;
    struct c4t_record *record = c4t_hot_put(here, hot->began, hot->call = ++here->call, n);
    uint64_t who = hot->cells->who | event;
    memcpy(&record->event, &who, sizeof who); /* event, flags, factory and tid */
    record->sid = hot->sid;
    memset(&record->code, 0, sizeof *record - offsetof(struct c4t_record, code));
    c4t_hot_publish(here);
}

/* The rest of c4t_hot_return where it takes more. */
C4T_INTERNAL void c4t_hot_return_with_care(struct c4t_thread *here, struct c4t_cells *cells, enum c4t_event event,
                                           uint64_t call, uint64_t ended);

C4T_HOT void c4t_hot_return(const struct c4t_hot *hot, enum c4t_event event, bool recorded) {
    struct c4t_thread *here = hot->here;
    struct c4t_cell *cell = &hot->cells->event[event];
    uint64_t ended = c4t_clock_ticks(C4T_HOT_CLOCK);
    /* Of a void lease, this is another row, and `took` the slowest of all. */
    struct c4t_thread_row *row = c4t_row_of(here);
    uint64_t took = ended - C4T_OWN(uint64_t, &row->flight_since);
    if (C4T_UNLIKELY(c4t_is_slowest(cell, took)) || (recorded && !c4t_hot_has_room(here))) {
        c4t_hot_return_with_care(here, hot->cells, event, recorded ? hot->call : 0, ended);
        return;
    }
    if (recorded) {
        struct c4t_record *record = c4t_hot_put(here, ended, hot->call, took);
        uint32_t what = (uint32_t)event | C4T_REC_RETURN << 8;
        memcpy(&record->event, &what, sizeof what); /* event, flags and factory */
        c4t_hot_publish(here);
    }
    atomic_store_explicit(&row->flight_event, C4T_EV_NONE, memory_order_release); /* release: as in c4t_in_flight */
    c4t_ended(cell, took);
}

/* Begin an event that takes more: it is to be captured, measures c4trace's cost, finds no room or owns no direction. It was entered; `began` is
 * its stamp, or 0. False: nothing was done, go the other way. */
C4T_INTERNAL bool c4t_hot_begin_with_care(struct c4t_hot *hot, const c4t_socket *socket, enum c4t_event event,
                                          c4t_slice slice, uint64_t began);
/* And its return. */
C4T_INTERNAL void c4t_hot_end_with_care(const struct c4t_hot *hot, enum c4t_event event);

/* The call that this thread is in already; the next one is made as if there were none. */
struct c4t_outer {
    struct c4t_thread *thread;
    uint64_t sid, since;
    uint32_t event;
};

/* Is this thread in a call already? Then that one is put aside. */
C4T_INTERNAL bool c4t_put_outer_aside(struct c4t_outer *outer);
C4T_INTERNAL void c4t_take_outer_back(const struct c4t_outer *outer);
/* After this frame's event, let the thread find the session at once. */
C4T_INTERNAL void c4t_leave_hint(const struct c4t_frame *frame, const c4t_socket *socket);

#endif
