#include "stats.h"

#define TRIES 64

/* Try a little longer than once: it is held for a few instructions. */
static bool ack_try_again(struct c4t_ack *ack) {
    for (int i = 0; i < TRIES; i++) {
        if (c4t_ack_try(ack)) return true;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

/* relaxed: single writer under `busy` */
static inline void flow_add(struct c4t_flow *flow, uint64_t n, uint64_t bytes) {
    c4t_add(&flow->n, n, false);
    c4t_add(&flow->bytes, bytes, false);
}

/* In the thread's own row, or, past the pool of rows, for all in the header. */
void c4t_count_unmeasured(struct c4t_thread *thread, uint64_t n) {
    if (C4T_LIKELY(thread->slot < C4T_THREADS_MAX))
        c4t_add(&thread->row->unmeasured, n, false);
    else
        c4t_add(&thread->tracer->header->lost[C4T_LOSS_LATENCY], n, true);
}

/* Take in what threads left that did not get `busy`. Their acks are not measured. */
void c4t_take_spill(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended) {
    atomic_store_explicit(&ack->spilled, false,
                          memory_order_relaxed); /* relaxed: a hint; set again by a spill that comes now */
    /* relaxed: numbers only; an n whose bytes come a moment later is added with the next spill */
    uint64_t begun_n = atomic_exchange_explicit(&ack->spill_begun_n, 0, memory_order_relaxed);
    uint64_t begun_bytes = atomic_exchange_explicit(&ack->spill_begun, 0, memory_order_relaxed);
    uint64_t ended_n = atomic_exchange_explicit(&ack->spill_ended_n, 0, memory_order_relaxed);
    uint64_t ended_bytes = atomic_exchange_explicit(&ack->spill_ended, 0, memory_order_relaxed);
    flow_add(begun, begun_n, begun_bytes);
    flow_add(ended, ended_n, ended_bytes);
    ack->begun += begun_bytes;
    ack->ended += ended_bytes;
    c4t_count_unmeasured(thread, begun_n);
}

/* Spilled by a thread that does not wait; whoever holds `busy` may leave before seeing it, so one more try takes it in. */
static void spill(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended,
                  _Atomic uint64_t *count, _Atomic uint64_t *bytes, uint64_t n) {
    atomic_fetch_add_explicit(bytes, n, memory_order_relaxed); /* relaxed, both: numbers only */
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    atomic_store_explicit(&ack->spilled, true, memory_order_release); /* release: after the numbers */
    if (!ack_try_again(ack)) return;
    c4t_take_spill(thread, ack, begun, ended);
    c4t_ack_leave(ack);
}

void c4t_flow_begin_slow(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended,
                         uint64_t n, uint64_t now) {
    if (C4T_UNLIKELY(!ack_try_again(ack))) {
        spill(thread, ack, begun, ended, &ack->spill_begun_n, &ack->spill_begun, n);
        return;
    }
    if (c4t_has_spill(ack)) c4t_take_spill(thread, ack, begun, ended);
    c4t_begin_locked(thread, ack, begun, n, now);
    c4t_ack_leave(ack);
}

void c4t_flow_end(struct c4t_thread *thread, struct c4t_ack *ack, struct c4t_flow *begun, struct c4t_flow *ended,
                  uint64_t n, uint64_t now, uint64_t sid, struct c4t_cells *cells, enum c4t_latency latency) {
    if (C4T_UNLIKELY(!ack_try_again(ack))) {
        spill(thread, ack, begun, ended, &ack->spill_ended_n, &ack->spill_ended, n);
        return;
    }
    if (C4T_UNLIKELY(c4t_has_spill(ack))) c4t_take_spill(thread, ack, begun, ended);
    flow_add(ended, 1, n);
    ack->ended += n;
    while (ack->count && ack->mark[ack->first].end <= ack->ended) {
        uint64_t since = ack->mark[ack->first].ticks;
        ack->first = (ack->first + 1) % C4T_MARKS;
        ack->count--;
        c4t_observe(cells, latency, sid, now > since ? now - since : 0, now);
    }
    c4t_ack_leave(ack);
}
