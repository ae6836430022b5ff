/* Counters and histograms: cells that one thread writes at a time, so that adding is a plain load and store. */
#ifndef C4TRACE_STATS_H
#define C4TRACE_STATS_H

#include "tracer.h"

#define C4T_TICKS_MAX (((uint64_t)1 << 48) - 1) /* as durations are kept */

/* 16 buckets an octave, below 16 ticks one a tick: bucket(v) = 16 * (e - 4) + (v >> (e - 4)), e as of 16 where v is less. */
C4T_HOT uint64_t c4t_bucket(uint64_t ticks) {
    unsigned shift = 59u - (unsigned)__builtin_clzll(ticks | 16);
    return 16u * shift + (ticks >> shift);
}

C4T_HOT bool c4t_is_shared(const struct c4t_cells *cells) { return cells->flags & C4T_CELLS_SHARED; }

/* Add to a count that this thread alone writes. */
C4T_HOT void c4t_count(_Atomic uint64_t *count, uint64_t n) {
#if defined(__x86_64__) && !defined(C4TRACE_SANITIZED)
    /* What gcc makes three instructions of. An aligned store of 8 bytes is whole to every reader. */
    __asm__ volatile("addq %1, %0" : "+m"(*count) : "er"(n) : "cc");
#else
    /* relaxed, both: a count carries no other data; a reader sums what it sees */
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n, memory_order_relaxed);
#endif
}

/* Add 1 to a number of the host's own, where it is: gcc would make a copy, or three instructions. */
#if defined(__x86_64__)
#define C4T_NEXT(number) __asm__("add%z0 $1, %0" : "+rm"(number) : : "cc")
#else
#define C4T_NEXT(number) (++(number))
#endif

/* relaxed, all: as above */
C4T_HOT void c4t_add(_Atomic uint64_t *count, uint64_t n, bool shared) {
    if (C4T_UNLIKELY(shared))
        atomic_fetch_add_explicit(count, n, memory_order_relaxed);
    else
        c4t_count(count, n);
}

/* `n` durations of `ticks` each, into the histogram at once: latencies, and events in shared cells. */
C4T_HOT void c4t_apply(struct c4t_cell *cell, uint64_t ticks, uint64_t n, bool shared) {
    if (C4T_UNLIKELY(ticks > C4T_TICKS_MAX)) ticks = C4T_TICKS_MAX;
    c4t_add(&cell->sum, ticks * n, shared);
    c4t_add(&cell->hist[c4t_bucket(ticks)], n, shared);
}

C4T_HOT void c4t_exemplar(struct c4t_cell *cell, uint64_t sid, uint64_t ticks, uint64_t now) {
    /* relaxed, all: an exemplar is an illustration; a torn one names another slow session */
    if (C4T_LIKELY(ticks <= atomic_load_explicit(&cell->slowest_ticks, memory_order_relaxed))) return;
    atomic_store_explicit(&cell->slowest_sid, sid, memory_order_relaxed);
    atomic_store_explicit(&cell->slowest_at, now, memory_order_relaxed);
    atomic_store_explicit(&cell->slowest_ticks, ticks, memory_order_relaxed);
}

/* Keep it if it is the slowest so far. Returns the ticks it is taken for: 0 where it ended before it began. */
C4T_INTERNAL uint64_t c4t_slowest(struct c4t_cell *cell, uint64_t sid, uint64_t ticks, uint64_t now);

C4T_HOT bool c4t_is_slowest(const struct c4t_cell *cell, uint64_t ticks) {
    return ticks > C4T_LOAD(uint64_t, &cell->slowest_ticks);
}

/* An event ended after `ticks`; the cell is this thread's own. */
C4T_HOT void c4t_ended(struct c4t_cell *cell, uint64_t ticks) {
    /* relaxed, both: this thread's own */
    uint64_t before = atomic_load_explicit(&cell->pending, memory_order_relaxed);
    atomic_store_explicit(&cell->pending, ticks, memory_order_relaxed);
    _Atomic uint64_t *bucket = &cell->hist[c4t_bucket(before)];
    /* A reader that sees what was pending in its bucket does not see it pending. */
#if defined(__x86_64__) && !defined(C4TRACE_SANITIZED)
    atomic_signal_fence(memory_order_release); /* x86 keeps stores in order */
    c4t_count(bucket, 1);
#else
    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + 1, memory_order_release);
#endif
    c4t_count(&cell->sum, ticks);
}

/* `n` latencies of a session, measured now. */
static inline void c4t_observe_n(struct c4t_cells *cells, enum c4t_latency latency, uint64_t sid, uint64_t ticks,
                                 uint64_t n, uint64_t now) {
    struct c4t_cell *cell = &cells->latency[latency];
    bool shared = c4t_is_shared(cells);
    c4t_add(&cell->n, n, shared);
    c4t_exemplar(cell, sid, ticks, now);
    c4t_apply(cell, ticks, n, shared);
}

static inline void c4t_observe(struct c4t_cells *cells, enum c4t_latency latency, uint64_t sid, uint64_t ticks,
                               uint64_t now) {
    c4t_observe_n(cells, latency, sid, ticks, 1, now);
}

#endif
