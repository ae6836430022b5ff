#include "stats.h"

#define TRIES 64

static inline bool ack_try(struct c4t_ack *ack) {
    for (int i = 0; i < TRIES; i++) {
        /* acquire: what the last holder wrote is seen */
        if (C4T_LIKELY(!atomic_exchange_explicit(&ack->busy, 1, memory_order_acquire))) return true;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

/* release: the next holder sees what we wrote */
static inline void ack_leave(struct c4t_ack *ack) { atomic_store_explicit(&ack->busy, 0, memory_order_release); }

/* relaxed: single writer under `busy` */
static inline void flow_add(struct c4t_flow *flow, uint64_t n, uint64_t bytes) {
    c4t_add(&flow->n, n, false);
    c4t_add(&flow->bytes, bytes, false);
}

/* In the thread's own row, or, past the pool of rows, for all in the header. */
static void count_unmeasured(struct c4t_thread *thread, uint64_t n) {
    if (C4T_LIKELY(thread->slot < C4T_THREADS_MAX)) c4t_add(&thread->row->unmeasured, n, false);
    else c4t_add(&thread->tracer->header->lost[C4T_LOSS_LATENCY], n, true);
}

/* Take in what threads left that did not get `busy`. Their acks are not measured. */
static void take_spill(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended) {
    /* relaxed: numbers only; an n whose bytes come a moment later is added with the next spill */
    uint64_t begun_n = atomic_exchange_explicit(&ack->spill_begun_n, 0, memory_order_relaxed);
    uint64_t begun_bytes = atomic_exchange_explicit(&ack->spill_begun, 0, memory_order_relaxed);
    uint64_t ended_n = atomic_exchange_explicit(&ack->spill_ended_n, 0, memory_order_relaxed);
    uint64_t ended_bytes = atomic_exchange_explicit(&ack->spill_ended, 0, memory_order_relaxed);
    flow_add(begun, begun_n, begun_bytes);
    flow_add(ended, ended_n, ended_bytes);
    ack->begun += begun_bytes;
    ack->ended += ended_bytes;
    count_unmeasured(thread, begun_n);
}

static inline bool has_spill(struct c4t_ack *ack) {
    /* relaxed: what is missed now is taken at the next event */
    return atomic_load_explicit(&ack->spill_begun_n, memory_order_relaxed) | atomic_load_explicit(&ack->spill_ended_n, memory_order_relaxed) |
           atomic_load_explicit(&ack->spill_begun, memory_order_relaxed) | atomic_load_explicit(&ack->spill_ended, memory_order_relaxed);
}

/* Spilled by a thread that does not wait; whoever holds `busy` may leave before seeing it, so one more try takes it in. */
static void spill(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended, _Atomic uint64_t *count,
                  _Atomic uint64_t *bytes, uint64_t n) {
    atomic_fetch_add_explicit(bytes, n, memory_order_relaxed); /* relaxed, both: numbers only */
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    if (!ack_try(ack)) return;
    take_spill(thread, ack, begun, ended);
    ack_leave(ack);
}

void c4t_flow_begin(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended, uint64_t n, uint64_t now) {
    if (C4T_UNLIKELY(!ack_try(ack))) {
        spill(thread, ack, begun, ended, &ack->spill_begun_n, &ack->spill_begun, n);
        return;
    }
    if (C4T_UNLIKELY(has_spill(ack))) take_spill(thread, ack, begun, ended);
    flow_add(begun, 1, n);
    ack->begun += n;
    if (C4T_LIKELY(ack->count < C4T_MARKS)) {
        uint32_t last = (ack->first + ack->count++) % C4T_MARKS;
        ack->mark[last].end = ack->begun;
        ack->mark[last].ticks = now;
    } else {
        count_unmeasured(thread, 1);
    }
    ack_leave(ack);
}

void c4t_flow_end(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended, uint64_t n, uint64_t now,
                  uint64_t sid, struct c4t_cells *cells, enum c4t_latency latency) {
    if (C4T_UNLIKELY(!ack_try(ack))) {
        spill(thread, ack, begun, ended, &ack->spill_ended_n, &ack->spill_ended, n);
        return;
    }
    if (C4T_UNLIKELY(has_spill(ack))) take_spill(thread, ack, begun, ended);
    flow_add(ended, 1, n);
    ack->ended += n;
    while (ack->count && ack->mark[ack->first].end <= ack->ended) {
        uint64_t since = ack->mark[ack->first].ticks;
        ack->first = (ack->first + 1) % C4T_MARKS;
        ack->count--;
        c4t_observe(cells, latency, sid, now > since ? now - since : 0, now);
    }
    ack_leave(ack);
}
