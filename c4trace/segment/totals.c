/* Sums over cells, as segment.h says: the newest duration of an event may still be pending beside its histogram. */
#include <stdlib.h>
#include <string.h>

#include "reader_state.h"

/* relaxed, here and below unless said: each is one number of a moment */
static uint64_t number(const _Atomic uint64_t *from) { return atomic_load_explicit(from, memory_order_relaxed); }

/* Buckets of the segment hold ticks from `low` up to and with `high`. */
static uint64_t bucket_high(uint32_t bucket) {
    if (bucket < 16) return bucket;
    if (bucket == C4T_HIST_BUCKETS - 1) return UINT64_MAX;
    uint32_t e = bucket / 16 + 3;
    return ((uint64_t)(16 + bucket % 16 + 1) << (e - 4)) - 1;
}

static uint32_t bucket_of(uint64_t ticks) {
    if (ticks < 16) return (uint32_t)ticks;
    if (ticks >> 48) return C4T_HIST_BUCKETS - 1;
    uint32_t e = 63 - (uint32_t)__builtin_clzll(ticks);
    return 16 * (e - 3) + (uint32_t)((ticks >> (e - 4)) & 15);
}

/* For every bucket of the segment, the bound under which it falls. By the header's rate, which never changes: what was once counted under a
 * bound stays there. */
static void map_buckets(const struct c4t_reader *reader, const double *bounds, uint32_t bound_count, uint8_t *map) {
    double seconds_per_tick = (double)reader->timeline.header_rate / (double)((uint64_t)1 << C4T_TIMELINE_SHIFT) / 1e9;
    uint32_t bound = 0;
    for (uint32_t i = 0; i < C4T_HIST_BUCKETS; i++) {
        double high = (double)bucket_high(i) * seconds_per_tick;
        while (bound < bound_count && high > bounds[bound]) bound++;
        map[i] = (uint8_t)bound;
    }
}

static double seconds_of(const struct c4t_reader *reader, uint64_t ticks) {
    return (double)c4t_duration_ns(&reader->timeline, ticks) / 1e9;
}

static void add_exemplar(const struct c4t_reader *reader, struct c4t_cell *cell, bool take, struct c4t_total *total) {
    uint64_t ticks = number(&cell->slowest_ticks), sid = number(&cell->slowest_sid), at = number(&cell->slowest_at);
    if (!ticks || !sid || ticks != number(&cell->slowest_ticks)) return;
    if (take)
        atomic_compare_exchange_strong_explicit(&cell->slowest_ticks, &ticks, 0, memory_order_relaxed,
                                                memory_order_relaxed);
    double seconds = seconds_of(reader, ticks);
    if (seconds <= total->slowest_seconds) return;
    total->slowest_seconds = seconds;
    total->slowest_sid = sid;
    total->slowest_wall = (double)reader->facts.wall_ns / 1e9 + (double)c4t_time_ns(&reader->timeline, at) / 1e9;
}

static void add_cell(const struct c4t_reader *reader, struct c4t_cell *cell, bool pends, const uint8_t *map, bool take,
                     struct c4t_total *total) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < C4T_HIST_BUCKETS; i++) {
        uint64_t n = number(&cell->hist[i]);
        if (n) total->buckets[map[i]] += n;
        sum += n;
    }
    c4t_load_fence(); /* what is pending after that is not in the histogram that we saw */
    if (pends && sum) {
        if (total->buckets[map[0]]) total->buckets[map[0]]--; /* the 0 that the first one found there */
        total->buckets[map[bucket_of(number(&cell->pending))]]++;
    }
    total->seconds += seconds_of(reader, number(&cell->sum));
    c4t_load_fence(); /* n is read last: no more are done than began */
    total->bytes += number(&cell->bytes);
    total->n += number(&cell->n);
    add_exemplar(reader, cell, take, total);
}

static void add_block(const struct c4t_reader *reader, struct c4t_cells *block, const uint8_t *map, bool take,
                      struct c4t_total *totals) {
    bool pends = !(block->flags & C4T_CELLS_SHARED);
    for (uint32_t i = 0; i < C4T_EV_COUNT; i++) add_cell(reader, &block->event[i], pends, map, take, &totals[i]);
    for (uint32_t i = 0; i < C4T_LAT_COUNT; i++)
        add_cell(reader, &block->latency[i], false, map, take, &totals[C4T_EV_COUNT + i]);
}

/* A count that was given does not go down, whatever is in the segment. */
static void keep_highest(struct c4t_total *given, struct c4t_total *total) {
    for (uint32_t i = 0; i <= C4T_BOUNDS_MAX; i++) {
        if (total->buckets[i] < given->buckets[i]) total->buckets[i] = given->buckets[i];
        total->done += total->buckets[i];
    }
    if (total->seconds < given->seconds) total->seconds = given->seconds;
    if (total->n < total->done) total->n = total->done; /* applied by a thread that began after we read n */
    if (total->n < given->n) total->n = given->n;
    *given = *total;
}

int c4t_reader_totals(struct c4t_reader *reader, uint32_t factory, const double *bounds, uint32_t bound_count, int take,
                      struct c4t_total totals[C4T_TOTALS]) {
    if (bound_count > C4T_BOUNDS_MAX || factory >= C4T_FACTORIES_MAX || (take && reader->mode == C4T_READ)) return -1;
    uint32_t blocks = c4t_rows_in_use(&reader->live->cells_top, &reader->facts.cells);
    if (!reader->given_totals)
        reader->given_totals = calloc((size_t)C4T_FACTORIES_MAX * C4T_TOTALS, sizeof *reader->given_totals);
    if (!reader->given_totals) return -1;
    uint8_t map[C4T_HIST_BUCKETS];
    map_buckets(reader, bounds, bound_count, map);
    memset(totals, 0, C4T_TOTALS * sizeof *totals);
    for (uint32_t i = 0; i < blocks; i++) {
        struct c4t_cells *block = c4t_entry_of(reader, &reader->facts.cells, i);
        if (atomic_load_explicit(&block->factory, memory_order_acquire) ==
            factory + 1) /* acquire: the block is ready */
            add_block(reader, block, map, take, totals);
    }
    for (uint32_t i = 0; i < C4T_TOTALS; i++) keep_highest(&reader->given_totals[factory * C4T_TOTALS + i], &totals[i]);
    return 0;
}

void c4t_reader_counts(struct c4t_reader *reader, uint32_t factory, struct c4t_count counts[C4T_EV_COUNT]) {
    memset(counts, 0, C4T_EV_COUNT * sizeof *counts);
    uint32_t blocks = c4t_rows_in_use(&reader->live->cells_top, &reader->facts.cells);
    for (uint32_t i = 0; i < blocks; i++) {
        struct c4t_cells *block = c4t_entry_of(reader, &reader->facts.cells, i);
        if (atomic_load_explicit(&block->factory, memory_order_acquire) != factory + 1)
            continue; /* acquire: the block is ready */
        for (uint32_t event = 0; event < C4T_EV_COUNT; event++) {
            counts[event].n += number(&block->event[event].n);
            counts[event].bytes += number(&block->event[event].bytes);
        }
    }
}
