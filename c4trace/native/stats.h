/* Counters and histograms: cells that one thread writes at a time, so that adding is a plain load and store. */
#ifndef C4TRACE_STATS_H
#define C4TRACE_STATS_H

#include "tracer.h"

C4T_HOT uint32_t c4t_bucket(uint64_t ticks) {
    if (ticks < 16) return (uint32_t)ticks;
    if (C4T_UNLIKELY(ticks >> 48)) return C4T_HIST_BUCKETS - 1;
    uint32_t e = 63u - (uint32_t)__builtin_clzll(ticks);
    return 16u * (e - 3u) + (uint32_t)((ticks >> (e - 4u)) & 15u);
}

C4T_HOT bool c4t_is_shared(const struct c4t_cells *cells) { return cells->flags & C4T_CELLS_SHARED; }

/* relaxed, all: a count carries no other data; a reader sums what it sees. Single writer unless shared. */
C4T_HOT void c4t_add(_Atomic uint64_t *count, uint64_t n, bool shared) {
    if (C4T_UNLIKELY(shared))
        atomic_fetch_add_explicit(count, n, memory_order_relaxed);
    else
        atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Add `n` finished durations of `ticks` each. */
C4T_HOT void c4t_apply_n(struct c4t_cell *cell, uint64_t ticks, uint64_t n, bool shared) {
    c4t_add(&cell->sum, ticks * n, shared);
    c4t_add(&cell->hist[c4t_bucket(ticks)], n, shared);
    uint64_t done = shared ? 0 : atomic_load_explicit(&cell->done, memory_order_relaxed);
    /* release: a reader that sees it done sees it in the histogram */
    if (C4T_UNLIKELY(shared))
        atomic_fetch_add_explicit(&cell->done, n, memory_order_release);
    else
        atomic_store_explicit(&cell->done, done + n, memory_order_release);
}

C4T_HOT void c4t_apply(struct c4t_cell *cell, uint64_t ticks, bool shared) { c4t_apply_n(cell, ticks, 1, shared); }

C4T_HOT void c4t_exemplar(struct c4t_cell *cell, uint64_t sid, uint64_t ticks, uint64_t now) {
    /* relaxed, all: an exemplar is an illustration; a torn one names another slow session */
    if (C4T_LIKELY(ticks <= atomic_load_explicit(&cell->slowest_ticks, memory_order_relaxed))) return;
    atomic_store_explicit(&cell->slowest_sid, sid, memory_order_relaxed);
    atomic_store_explicit(&cell->slowest_at, now, memory_order_relaxed);
    atomic_store_explicit(&cell->slowest_ticks, ticks, memory_order_relaxed);
}

/* The duration that waits in the thread's row goes into its cell: one event late, when the cell's lines are in the cache again. */
C4T_HOT void c4t_apply_pending(struct c4t_thread *thread) {
    struct c4t_thread_row *row = thread->row;
    uint64_t offset =
        atomic_load_explicit(&row->pending_cell, memory_order_relaxed); /* relaxed, both: this thread's own */
    if (!offset) return;
    struct c4t_cell *cell = (struct c4t_cell *)(thread->base + offset);
    c4t_apply(cell, atomic_load_explicit(&row->pending_ticks, memory_order_relaxed), false);
    atomic_store_explicit(&row->pending_cell, 0,
                          memory_order_release); /* release: it is in the cell before it leaves the row */
}

/* `n` latencies of a session, measured now. */
static inline void c4t_observe_n(struct c4t_cells *cells, enum c4t_latency latency, uint64_t sid, uint64_t ticks,
                                 uint64_t n, uint64_t now) {
    struct c4t_cell *cell = &cells->latency[latency];
    bool shared = c4t_is_shared(cells);
    c4t_add(&cell->n, n, shared);
    c4t_exemplar(cell, sid, ticks, now);
    c4t_apply_n(cell, ticks, n, shared);
}

static inline void c4t_observe(struct c4t_cells *cells, enum c4t_latency latency, uint64_t sid, uint64_t ticks,
                               uint64_t now) {
    c4t_observe_n(cells, latency, sid, ticks, 1, now);
}

/* One direction of a session as a thread sees it: where its progress is shown and where its latencies go. */
struct c4t_direction {
    struct c4t_thread *thread;
    struct c4t_ack *ack;
    struct c4t_flow *begun, *ended; /* in the session's row */
    struct c4t_cells *cells;
    uint64_t sid;
    enum c4t_latency latency;
};

/* Take `ack` for a few instructions; false where another thread has it. */
C4T_HOT bool c4t_ack_try(struct c4t_ack *ack) {
    /* acquire: what the last holder wrote is seen */
    return C4T_LIKELY(!atomic_exchange_explicit(&ack->busy, 1, memory_order_acquire));
}

/* release: the next holder sees what we wrote */
C4T_HOT void c4t_ack_leave(struct c4t_ack *ack) { atomic_store_explicit(&ack->busy, 0, memory_order_release); }

C4T_HOT bool c4t_has_spill(const struct c4t_ack *ack) {
    return atomic_load_explicit(&ack->spilled, memory_order_relaxed); /* relaxed: what is missed now is taken later */
}

/* `busy` held. Where all marks are in use the last one takes it in: from there on latencies are those of the first of several. */
C4T_HOT void c4t_begin_held(struct c4t_ack *ack, struct c4t_flow *begun, uint64_t n, uint64_t now) {
    c4t_add(&begun->n, 1, false);
    c4t_add(&begun->bytes, n, false);
    ack->begun += n;
    if (C4T_UNLIKELY(ack->count == C4T_MARKS)) {
        struct c4t_mark *last = &ack->mark[(ack->first + C4T_MARKS - 1) % C4T_MARKS];
        last->end = ack->begun;
        last->n++;
        return;
    }
    struct c4t_mark *mark = &ack->mark[(ack->first + ack->count) % C4T_MARKS];
    mark->end = ack->begun;
    mark->ticks = now;
    mark->n = 1;
    ack->count++;
}

C4T_INTERNAL void c4t_flow_begin_slow(struct c4t_direction at, uint64_t n, uint64_t now);

/* `n` bytes began (write, received) at `now`. */
C4T_HOT void c4t_flow_begin(struct c4t_direction at, uint64_t n, uint64_t now) {
    if (C4T_UNLIKELY(c4t_has_spill(at.ack) || !c4t_ack_try(at.ack))) {
        c4t_flow_begin_slow(at, n, now);
        return;
    }
    c4t_begin_held(at.ack, at.begun, n, now);
    c4t_ack_leave(at.ack);
}

/* `n` bytes ended (completedWrite, completedReceive) at `now`; latencies of what they cover are observed. */
C4T_INTERNAL void c4t_flow_end(struct c4t_direction at, uint64_t n, uint64_t now);
/* Take in what is left in spills; at the end of a session. */
C4T_INTERNAL void c4t_flow_settle(struct c4t_direction at);

#endif
