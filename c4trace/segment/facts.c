/* Whose segment it is, and how its host fares. */
#include <string.h>

#include "reader_state.h"

#define LOOK_AT_PROCESS_EVERY_NS (200u * 1000000u)

static uint32_t host_state(struct c4t_reader *reader) {
    if (c4t_was_cut(reader->guard)) return C4T_HOST_DEAD; /* as good as: it does not survive its next event */
    uint32_t status =
        atomic_load_explicit(&reader->live->status, memory_order_acquire); /* acquire: status_text before it */
    if (status == C4T_STATUS_CLOSED) return C4T_HOST_CLOSED;
    bool runs = reader->same_boot && c4t_process_runs(reader->facts.pid, reader->facts.pid_start);
    if (runs) reader->host_seen_ns = c4t_clock_ns(CLOCK_MONOTONIC);
    if (!runs) return C4T_HOST_DEAD;
    return status == C4T_STATUS_ASIDE ? C4T_HOST_ASIDE : C4T_HOST_LIVE;
}

int c4t_reader_host_is_over(struct c4t_reader *reader) {
    if (c4t_was_cut(reader->guard)) return 1;
    if (atomic_load_explicit(&reader->live->status, memory_order_relaxed) != C4T_STATUS_LIVE)
        return 1; /* relaxed: a look follows */
    if (c4t_clock_ns(CLOCK_MONOTONIC) - reader->host_seen_ns < LOOK_AT_PROCESS_EVERY_NS) return 0;
    return host_state(reader) != C4T_HOST_LIVE;
}

/* relaxed, here and below: each is one number of a moment */
static uint64_t number(const _Atomic uint64_t *from) { return atomic_load_explicit(from, memory_order_relaxed); }

/* The latest stamp anywhere in the tables: when a host that is gone was last seen to do something. */
static uint64_t last_sign(const struct c4t_reader *reader) {
    const struct c4t_segment_header *facts = &reader->facts;
    uint64_t last = number(&reader->live->consumer_beat);
    if (last < facts->ticks) last = facts->ticks;
    uint32_t sessions = c4t_rows_in_use(&reader->live->session_top, &facts->sessions);
    for (uint32_t i = 0; i < sessions; i++) {
        const struct c4t_session_row *row = c4t_entry_of(reader, &facts->sessions, i);
        if (number(&row->sid) && number(&row->t_last) > last) last = number(&row->t_last);
    }
    uint32_t threads = c4t_rows_in_use(&reader->live->thread_top, &facts->threads);
    for (uint32_t i = 0; i < threads; i++) {
        const struct c4t_thread_row *row = c4t_entry_of(reader, &facts->threads, i);
        if (number(&row->flight_since) > last) last = number(&row->flight_since);
    }
    return last;
}

uint64_t c4t_moment(struct c4t_reader *reader, uint32_t state) {
    return state == C4T_HOST_LIVE || state == C4T_HOST_ASIDE ? c4t_now(reader) : last_sign(reader);
}

#define PAIRS 64

/* Ticks that one reading of the clock takes: the least of many. */
static uint64_t reading_cost(const struct c4t_reader *reader) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < PAIRS; i++) {
        uint64_t before = c4t_now(reader), after = c4t_now(reader);
        if (after > before && after - before < least) least = after - before;
    }
    return least == UINT64_MAX ? 0 : least;
}

/* A sampled event is stamped four times where others are twice, and what was measured has one reading too many in it. */
static uint64_t overhead_of(const struct c4t_thread_row *row, uint64_t reading) {
    uint64_t measured = number(&row->overhead_ticks);
    unsigned __int128 too_many = (unsigned __int128)number(&row->calls) * reading;
    return measured > too_many ? measured - (uint64_t)too_many : 0;
}

static void sum_threads(struct c4t_reader *reader, struct c4t_reader_info *info) {
    uint64_t overhead = 0, reading = reading_cost(reader);
    uint32_t threads = c4t_rows_in_use(&reader->live->thread_top, &reader->facts.threads);
    for (uint32_t i = 0; i < threads; i++) {
        const struct c4t_thread_row *row = c4t_entry_of(reader, &reader->facts.threads, i);
        overhead += overhead_of(row, reading);
        info->lost[C4T_LOSS_LATENCY] += number(&row->unmeasured);
    }
    int64_t ns = c4t_duration_ns(&reader->timeline, overhead);
    if (ns > reader->given_overhead_ns) reader->given_overhead_ns = ns; /* events count at once, samples now and then */
    info->overhead_ns = reader->given_overhead_ns;
}

void c4t_reader_info(struct c4t_reader *reader, struct c4t_reader_info *info) {
    const struct c4t_segment_header *facts = &reader->facts, *live = reader->live;
    memset(info, 0, sizeof *info);
    c4t_copy_text(info->name, facts->name, sizeof info->name);
    c4t_copy_text(info->litecore, facts->litecore_version, sizeof info->litecore);
    c4t_copy_text(info->c4trace, facts->c4trace_version, sizeof info->c4trace);
    info->pid = facts->pid;
    info->layout = facts->layout;
    info->state = host_state(reader);
    c4t_copy_text(info->status_text, live->status_text, sizeof info->status_text);
    info->clock_source = facts->clock_source;
    info->factory_size = facts->factory_size;
    info->dispose_known = facts->dispose_known;
    uint64_t control = number(&live->control);
    info->capture = (uint32_t)control;
    info->capture_bytes = (uint32_t)(control >> 32);
    info->consumer_pid = atomic_load_explicit(&live->consumer_pid, memory_order_relaxed);
    info->factories = c4t_rows_in_use(&live->factory_count, &facts->factories);
    info->session_rows = c4t_rows_in_use(&live->session_top, &facts->sessions);
    info->thread_rows = c4t_rows_in_use(&live->thread_top, &facts->threads);
    info->closed_rows = c4t_rows_in_use(&live->closed_top, &facts->closed);
    info->wall_ns = facts->wall_ns;
    info->now_ns = c4t_time_ns(&reader->timeline, c4t_moment(reader, info->state));
    info->sessions_total = number(&live->sessions_total);
    info->orphans = number(&live->orphans);
    for (int i = 0; i < C4T_LOSS_COUNT; i++) info->lost[i] = number(&live->lost[i]);
    info->lost[C4T_LOSS_RING_FULL] = c4t_dropped(reader);
    sum_threads(reader, info);
}
