#include "stats.h"

#define TRIES 64

/* Try a little longer than once: it is held for a few instructions. */
static bool try_again(struct c4t_ack *ack) {
    for (int i = 0; i < TRIES; i++) {
        if (c4t_ack_try(ack)) return true;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

/* In the thread's own row, or, past the pool of rows, for all in the header. */
static void count_unmeasured(struct c4t_thread *thread, uint64_t n) {
    if (C4T_LIKELY(thread->slot < C4T_THREADS_MAX))
        c4t_add(&thread->row->unmeasured, n, false);
    else
        c4t_add(&thread->tracer->header->lost[C4T_LOSS_LATENCY], n, true);
}

/* `busy` held. */
static void end_held(const struct c4t_direction *at, uint64_t n, uint64_t now) {
    struct c4t_ack *ack = at->ack;
    c4t_add(&at->ended->n, 1, false);
    c4t_add(&at->ended->bytes, n, false);
    ack->ended += n;
    while (ack->count && ack->mark[ack->first].end <= ack->ended) {
        const struct c4t_mark *mark = &ack->mark[ack->first];
        c4t_observe_n(at->cells, at->latency, at->sid, now > mark->ticks ? now - mark->ticks : 0, mark->n, now);
        ack->first = (ack->first + 1) % C4T_MARKS;
        ack->count--;
    }
    if (!ack->count) ack->first = 0; /* the marks that are in use stay few, and in the cache */
}

/* What found no spill free is counted and not timed. `busy` held. */
static void take_untimed(const struct c4t_direction *at) {
    struct c4t_ack *ack = at->ack;
    /* relaxed, all: numbers only; an n whose bytes come a moment later is added with the next */
    uint64_t begun_n = atomic_exchange_explicit(&ack->begun_n, 0, memory_order_relaxed);
    uint64_t begun = atomic_exchange_explicit(&ack->begun_bytes, 0, memory_order_relaxed);
    uint64_t ended_n = atomic_exchange_explicit(&ack->ended_n, 0, memory_order_relaxed);
    uint64_t ended = atomic_exchange_explicit(&ack->ended_bytes, 0, memory_order_relaxed);
    c4t_add(&at->begun->n, begun_n, false);
    c4t_add(&at->begun->bytes, begun, false);
    c4t_add(&at->ended->n, ended_n, false);
    c4t_add(&at->ended->bytes, ended, false);
    ack->begun += begun;
    ack->ended += ended;
    count_unmeasured(at->thread, begun_n);
}

/* Beginnings before endings, so that nothing ends that has not begun. `busy` held. */
static void take_spills(const struct c4t_direction *at) {
    struct c4t_ack *ack = at->ack;
    /* relaxed: a hint; set again by a spill that comes now */
    atomic_store_explicit(&ack->spilled, false, memory_order_relaxed);
    for (uint32_t side = C4T_BEGAN; side <= C4T_ENDED; side++) {
        for (int i = 0; i < C4T_SPILLS; i++) {
            struct c4t_spill *spill = &ack->spill[i];
            if (atomic_load_explicit(&spill->side, memory_order_acquire) != side) continue; /* acquire: it is filled */
            if (side == C4T_BEGAN)
                c4t_begin_held(ack, at->begun, spill->n, spill->ticks);
            else
                end_held(at, spill->n, spill->ticks);
            atomic_store_explicit(&spill->side, C4T_NEITHER, memory_order_release); /* release: we have read it */
        }
    }
    take_untimed(at);
}

/* Without waiting for `busy`. */
static void leave_spill(struct c4t_ack *ack, enum c4t_side side, uint64_t n, uint64_t now) {
    for (int i = 0; i < C4T_SPILLS; i++) {
        struct c4t_spill *spill = &ack->spill[i];
        uint32_t free_one = C4T_NEITHER;
        /* acquire: the holder has read what was in it */
        if (!atomic_compare_exchange_strong_explicit(&spill->side, &free_one, C4T_CLAIMED, memory_order_acquire,
                                                     memory_order_relaxed))
            continue;
        spill->n = n;
        spill->ticks = now;
        atomic_store_explicit(&spill->side, side, memory_order_release); /* release: it is filled */
        return;
    }
    /* relaxed, both: numbers only */
    atomic_fetch_add_explicit(side == C4T_BEGAN ? &ack->begun_bytes : &ack->ended_bytes, n, memory_order_relaxed);
    atomic_fetch_add_explicit(side == C4T_BEGAN ? &ack->begun_n : &ack->ended_n, 1, memory_order_relaxed);
}

/* The holder may have left without seeing the spill, so one more try takes it in. */
static void spill(const struct c4t_direction *at, enum c4t_side side, uint64_t n, uint64_t now) {
    leave_spill(at->ack, side, n, now);
    atomic_store_explicit(&at->ack->spilled, true, memory_order_release); /* release: after the spill */
    if (!try_again(at->ack)) return;
    take_spills(at);
    c4t_ack_leave(at->ack);
}

void c4t_flow_begin_slow(struct c4t_direction at, uint64_t n, uint64_t now) {
    if (!try_again(at.ack)) {
        spill(&at, C4T_BEGAN, n, now);
        return;
    }
    if (c4t_has_spill(at.ack)) take_spills(&at);
    c4t_begin_held(at.ack, at.begun, n, now);
    c4t_ack_leave(at.ack);
}

void c4t_flow_end(struct c4t_direction at, uint64_t n, uint64_t now) {
    if (C4T_UNLIKELY(!try_again(at.ack))) {
        spill(&at, C4T_ENDED, n, now);
        return;
    }
    if (C4T_UNLIKELY(c4t_has_spill(at.ack))) take_spills(&at);
    end_held(&at, n, now);
    c4t_ack_leave(at.ack);
}

void c4t_flow_settle(struct c4t_direction at) {
    if (C4T_LIKELY(!c4t_has_spill(at.ack)) || !try_again(at.ack)) return;
    take_spills(&at);
    c4t_ack_leave(at.ack);
}
