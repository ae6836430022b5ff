#include "acks.h"

#include <string.h>

#include "threads.h"

#define TRIES 64
#define TURNS_MOST 4096u /* taking it away costs microseconds: a nanosecond a turn */
#define TURNS_TO_OWN 32u /* as often running for the first time; twice as often after each time it was taken away */

void c4t_ack_reset(struct c4t_ack *ack) {
    atomic_store_explicit(&ack->owner, NULL, memory_order_relaxed); /* relaxed, all: nobody else has it yet */
    ack->next = 0;
    ack->stop = UINT8_MAX;
    ack->covered = ack->crowd_n = ack->crowd_bytes = 0;
    if (ack->crowded) memset(ack->more, 0, sizeof ack->more);
    ack->crowded = false;
    ack->leaving = ack->last = NULL;
    ack->turns = 0;
    ack->turns_to_own = TURNS_TO_OWN;
    atomic_store_explicit(&ack->spilled, false, memory_order_relaxed);
    for (int i = 0; i < C4T_SPILLS; i++) atomic_store_explicit(&ack->spill[i].side, C4T_NEITHER, memory_order_relaxed);
    atomic_store_explicit(&ack->begun_n, 0, memory_order_relaxed);
    atomic_store_explicit(&ack->begun_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&ack->ended_n, 0, memory_order_relaxed);
    atomic_store_explicit(&ack->ended_bytes, 0, memory_order_relaxed);
}

/* release: the next holder sees what we wrote */
static void leave(struct c4t_ack *ack) { atomic_store_explicit(&ack->busy, 0, memory_order_release); }

/* May it be using the session's directions? acquire: what it did before is seen */
static bool is_using(const struct c4t_thread_row *row, uint64_t sid) {
    return atomic_load_explicit(&row->flight, memory_order_acquire) == C4T_FLIGHT(sid, C4T_ENTERING);
}

/* `busy` held. False where the last owner may still be using it. */
static bool disown(const struct c4t_direction *at) {
    struct c4t_ack *ack = at->ack;
    struct c4t_thread_row *owner =
        atomic_load_explicit(&ack->owner, memory_order_relaxed); /* relaxed: changed by holders of `busy` */
    if (owner) {
        atomic_store_explicit(&ack->owner, NULL, memory_order_relaxed); /* relaxed: the barrier orders it */
        ack->leaving = owner;
        if (ack->turns_to_own < TURNS_MOST) ack->turns_to_own *= 2;
        ack->turns = 0;
        c4t_barrier_in_all_threads();
    }
    if (ack->leaving && ack->leaving != at->row && is_using(ack->leaving, at->sid)) return false;
    ack->leaving = NULL;
    return true;
}

/* Take it for a few instructions; false where another thread has it. Not for its owner, which has it. */
static bool try_once(const struct c4t_direction *at) {
    /* acquire: what the last holder wrote is seen; seq_cst: see let_go */
    if (atomic_exchange_explicit(&at->ack->busy, 1, memory_order_seq_cst)) return false;
    if (disown(at)) return true;
    leave(at->ack);
    return false;
}

/* Try a little longer than once: it is held for a few instructions. */
static bool try_again(const struct c4t_direction *at) {
    for (int i = 0; i < TRIES; i++) {
        if (try_once(at)) return true;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

/* In the thread's own row, or, past the pool of rows, for all in the header. */
static void count_unmeasured(const struct c4t_direction *at, uint64_t n) {
    if (C4T_LIKELY(at->thread->slot < C4T_THREADS_MAX))
        c4t_count(&at->row->unmeasured, n);
    else
        c4t_add(&at->thread->tracer->header->lost[C4T_LOSS_LATENCY], n, true);
}

/* What found no spill free is counted and not timed. */
static void take_untimed(const struct c4t_direction *at) {
    struct c4t_ack *ack = at->ack;
    /* relaxed, all: numbers only; an n whose bytes come a moment later is added with the next */
    uint64_t begun_n = atomic_exchange_explicit(&ack->begun_n, 0, memory_order_relaxed);
    uint64_t begun = atomic_exchange_explicit(&ack->begun_bytes, 0, memory_order_relaxed);
    uint64_t ended_n = atomic_exchange_explicit(&ack->ended_n, 0, memory_order_relaxed);
    uint64_t ended = atomic_exchange_explicit(&ack->ended_bytes, 0, memory_order_relaxed);
    c4t_count(&at->begun->n, begun_n);
    c4t_count(&at->begun->bytes, begun);
    c4t_count(&at->ended->n, ended_n);
    c4t_count(&at->ended->bytes, ended);
    count_unmeasured(at, begun_n);
}

/* Beginnings before endings, so that nothing ends that has not begun. */
static void take_spills(const struct c4t_direction *at, uint64_t now) {
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
                c4t_end_held(at, spill->n, spill->ticks);
            atomic_store_explicit(&spill->side, C4T_NEITHER, memory_order_release); /* release: we have read it */
        }
    }
    take_untimed(at);
    /* A beginning that comes this late may have ended already. relaxed: we have the direction */
    c4t_cover(at, atomic_load_explicit(&at->ended->bytes, memory_order_relaxed), now);
}

/* Done with what try_again took. Whoever had it so often running owns it from now on. */
static void let_go(const struct c4t_direction *at, uint64_t now) {
    struct c4t_ack *ack = at->ack;
    struct c4t_thread_row *row = at->row;
    if (row == &at->thread->own_row) { /* past the pool: nobody could look at it */
        ack->last = NULL;
    } else if (ack->last != row) {
        ack->last = row;
        ack->turns = 0;
    } else if (++ack->turns >= ack->turns_to_own && c4t_has_barrier()) {
        atomic_store_explicit(&ack->owner, row, memory_order_relaxed); /* relaxed: read as ours by us alone */
        /* An owner looks for no spills. Who left one just now tries to take the direction after it: it finds our ownership, or, with
         * all its tries before this, we find its spill. seq_cst, both: so that one of them is true; release: as leave */
        atomic_exchange_explicit(&ack->busy, 0, memory_order_seq_cst);
        if (atomic_load_explicit(&ack->spilled, memory_order_seq_cst) && c4t_ack_is_mine(ack, row))
            take_spills(at, now);
        return;
    }
    leave(ack);
}

/* Without waiting for the direction. */
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
    atomic_store_explicit(&at->ack->spilled, true,
                          memory_order_seq_cst); /* release: after the spill; seq_cst: see let_go */
    if (!try_again(at)) return;
    take_spills(at, now);
    let_go(at, now);
}

void c4t_flow_begin_slow(struct c4t_direction at, uint64_t n, uint64_t now) {
    if (!try_again(&at)) {
        spill(&at, C4T_BEGAN, n, now);
        return;
    }
    if (C4T_UNLIKELY(c4t_has_spill(at.ack))) take_spills(&at, now);
    c4t_begin_held(at.ack, at.begun, n, now);
    let_go(&at, now);
}

void c4t_flow_end_slow(struct c4t_direction at, uint64_t n, uint64_t now) {
    if (!try_again(&at)) {
        spill(&at, C4T_ENDED, n, now);
        return;
    }
    if (C4T_UNLIKELY(c4t_has_spill(at.ack))) take_spills(&at, now);
    c4t_end_held(&at, n, now);
    let_go(&at, now);
}

void c4t_flow_settle(struct c4t_direction at, uint64_t now) {
    if (C4T_LIKELY(!c4t_has_spill(at.ack))) return;
    if (c4t_ack_is_mine(at.ack, at.row)) {
        take_spills(&at, now);
    } else if (try_again(&at)) {
        take_spills(&at, now);
        let_go(&at, now);
    }
}
