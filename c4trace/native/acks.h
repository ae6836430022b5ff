/* Outstanding bytes: what a session's writes and receives began, and how long completedWrite and completedReceive took to cover them.
 *
 * A direction of a session is for one thread at a time. Whoever takes it does so by an atomic exchange, which costs as much as all the rest
 * of a call; so a thread that had it many times running owns it from then on, and just uses it. An owner says by its row's
 * `flight` that it may be using something, and looks whether it still owns it after having said so. Who takes ownership from it
 * lets all threads pass a barrier and then looks at that row: so either the owner sees that it is none any more, or it is seen. Nobody
 * waits: who cannot have a direction leaves what it has to say in a spill. */
#ifndef C4TRACE_ACKS_H
#define C4TRACE_ACKS_H

#include "stats.h"

/* The two directions of a session. */
enum c4t_way { C4T_WRITING = 0, C4T_RECEIVING = 1 };

/* A direction of a session as a thread sees it: where its progress is shown and where its latencies go. */
struct c4t_direction {
    struct c4t_thread *thread;
    struct c4t_thread_row
        *row; /* in which it says that it may be using it; not another one, though the lease be void by now */
    struct c4t_ack *ack;
    struct c4t_flow *begun, *ended; /* in the session's row */
    struct c4t_cells *cells;
    uint64_t sid;
    enum c4t_latency latency;
};

C4T_HOT struct c4t_direction c4t_direction_of(struct c4t_thread *thread, struct c4t_thread_row *entered,
                                              struct c4t_session *session, struct c4t_cells *cells, enum c4t_way way) {
    struct c4t_session_row *row = session->row;
    struct c4t_direction at = {.thread = thread, .row = entered, .cells = cells};
    /* relaxed: set before the session can be found, and not changed while it is in use */
    at.sid = atomic_load_explicit(&session->sid, memory_order_relaxed);
    at.ack = way == C4T_WRITING ? &session->write : &session->receive;
    at.begun = way == C4T_WRITING ? &row->write : &row->received;
    at.ended = way == C4T_WRITING ? &row->completed_write : &row->completed_receive;
    at.latency = way == C4T_WRITING ? C4T_LAT_WRITE_ACK : C4T_LAT_RECEIVE_ACK;
    return at;
}

/* In c4t_thread_begins's window: does the thread own it, and may use it until the window ends? */
C4T_HOT bool c4t_ack_is_mine(const struct c4t_ack *ack, const struct c4t_thread_row *row) {
    /* relaxed: what others wrote was seen when it came to be ours; the window's beginning is before it, see c4t_ack_take */
    return C4T_LIKELY(C4T_LOAD(struct c4t_thread_row *, &ack->owner) == row);
}

C4T_HOT bool c4t_has_spill(const struct c4t_ack *ack) {
    return atomic_load_explicit(&ack->spilled, memory_order_relaxed); /* relaxed: what is missed now is taken later */
}

/* With the direction in hand. Where all marks are in use it joins the crowd behind the last one. */
C4T_HOT void c4t_begin_held(struct c4t_ack *ack, struct c4t_flow *begun, uint64_t n, uint64_t now) {
    c4t_count(&begun->n, 1);
    c4t_count(&begun->bytes, n);
    uint64_t next = ack->next;
    if (C4T_UNLIKELY(next == ack->stop)) {
        ack->crowd_n++;
        ack->crowd_bytes += n;
        return;
    }
    ack->mark_bytes[next] = n;
    ack->mark_ticks[next] = now;
    C4T_NEXT(next);
    ack->next = (uint8_t)next;
}

/* A mark will be free, so that the crowd needs one: the last of those in use. Latencies are those of the first of several then. */
C4T_HOT void c4t_close_crowd(struct c4t_ack *ack) {
    uint8_t last = (uint8_t)(ack->next - 1);
    ack->mark_bytes[last] += ack->crowd_bytes;
    ack->more[last] += ack->crowd_n;
    ack->crowd_n = ack->crowd_bytes = 0;
    ack->crowded = true;
}

/* With the direction in hand, of which `ended` bytes have ended: observe the latencies of what they cover. */
C4T_HOT void c4t_cover(const struct c4t_direction *at, uint64_t ended, uint64_t now) {
    struct c4t_ack *ack = at->ack;
    if (C4T_UNLIKELY(ack->crowd_n)) c4t_close_crowd(ack);
    uint8_t first = (uint8_t)(ack->stop + 1), next = ack->next;
    uint64_t covered = ack->covered;
    for (; first != next && covered + ack->mark_bytes[first] <= ended; first++) {
        uint64_t ticks = ack->mark_ticks[first], several = 1;
        covered += ack->mark_bytes[first];
        if (C4T_UNLIKELY(ack->crowded)) {
            several += ack->more[first];
            ack->more[first] = 0;
        }
        c4t_observe_n(at->cells, at->latency, at->sid, now > ticks ? now - ticks : 0, several, now);
    }
    ack->covered = covered;
    if (first == next) { /* so that the marks in use stay few, and in the cache */
        first = ack->next = 0;
        ack->crowded = false;
    }
    ack->stop = (uint8_t)(first - 1);
}

/* With the direction in hand. */
C4T_HOT void c4t_end_held(const struct c4t_direction *at, uint64_t n, uint64_t now) {
    c4t_count(&at->ended->n, 1);
    /* relaxed, both: a count */
    uint64_t ended = atomic_load_explicit(&at->ended->bytes, memory_order_relaxed) + n;
    atomic_store_explicit(&at->ended->bytes, ended, memory_order_relaxed);
    c4t_cover(at, ended, now);
}

/* The same for who does not own it. */
C4T_INTERNAL void c4t_flow_begin_slow(struct c4t_direction at, uint64_t n, uint64_t now);
C4T_INTERNAL void c4t_flow_end_slow(struct c4t_direction at, uint64_t n, uint64_t now);

/* `n` bytes began (write, received) at `now`. */
C4T_HOT void c4t_flow_begin(struct c4t_direction at, uint64_t n, uint64_t now) {
    if (c4t_ack_is_mine(at.ack, at.row))
        c4t_begin_held(at.ack, at.begun, n, now);
    else
        c4t_flow_begin_slow(at, n, now);
}

/* `n` bytes ended (completedWrite, completedReceive) at `now`. */
C4T_HOT void c4t_flow_end(struct c4t_direction at, uint64_t n, uint64_t now) {
    if (c4t_ack_is_mine(at.ack, at.row))
        c4t_end_held(&at, n, now);
    else
        c4t_flow_end_slow(at, n, now);
}

/* Take in what is left in spills; at the end of a session. */
C4T_INTERNAL void c4t_flow_settle(struct c4t_direction at, uint64_t now);
/* As of a session that has just begun and nobody else knows. */
C4T_INTERNAL void c4t_ack_reset(struct c4t_ack *ack);

#endif
