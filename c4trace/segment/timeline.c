#include "timeline.h"

#include "clock.h"

#define NS 1000000000u
#define SHORTEST_BASELINE_NS                                                                                           \
    (2 * (uint64_t)NS) /* a pair may be a microsecond apart: until then the header knows better */
#define BEND_NS (10 * (int64_t)NS)

/* Both clocks at one moment: the closest of three pairs. */
static void read_pair(uint32_t source, uint64_t *ticks, uint64_t *monotonic) {
    uint64_t closest = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t before = c4t_clock_ticks(source);
        uint64_t ns = c4t_clock_ns(CLOCK_MONOTONIC);
        uint64_t after = c4t_clock_ticks(source);
        if (after - before >= closest) continue;
        closest = after - before;
        *ticks = before + (after - before) / 2;
        *monotonic = ns;
    }
}

/* Slope from the segment's beginning until now; 0 where the two clocks do not tell a believable one. */
static uint64_t measure(const struct c4t_timeline *line, uint64_t *ticks, uint64_t *ns) {
    uint64_t monotonic = 0;
    *ticks = 0;
    read_pair(line->source, ticks, &monotonic);
    if (*ticks <= line->begin_ticks || monotonic < line->begin_monotonic + SHORTEST_BASELINE_NS) return 0;
    *ns = monotonic - line->begin_monotonic;
    unsigned __int128 slope = ((unsigned __int128)*ns << C4T_TIMELINE_SHIFT) / (*ticks - line->begin_ticks);
    uint64_t tolerance = line->header_rate / 64;
    if (slope < line->header_rate - tolerance || slope > line->header_rate + tolerance) return 0;
    return (uint64_t)slope;
}

static void refine_again_after(struct c4t_timeline *line, uint64_t now_ticks, uint64_t ns) {
    line->next_refine = now_ticks + c4t_ticks_of_ns(line, ns);
}

void c4t_timeline_begin(struct c4t_timeline *line, const struct c4t_segment_header *header, bool same_boot) {
    uint64_t per_second = header->ticks_per_sec;
    if (per_second < 1000 * 1000 || per_second > (uint64_t)1 << 40 || header->clock_source == C4T_CLOCK_MONOTONIC)
        per_second = NS;
    *line = (struct c4t_timeline){
        .source = header->clock_source,
        .refinable = same_boot && header->clock_source != C4T_CLOCK_MONOTONIC,
        .begin_ticks = header->ticks,
        .begin_monotonic = header->monotonic_ns,
        .from_ticks = header->ticks,
        .next_refine = UINT64_MAX,
    };
    line->header_rate = line->rate = line->slope =
        (uint64_t)(((unsigned __int128)NS << C4T_TIMELINE_SHIFT) / per_second);
    if (!line->refinable) return;
    uint64_t ticks, ns = 0;
    uint64_t slope = measure(line, &ticks, &ns);
    if (slope) line->rate = line->slope = slope;
    refine_again_after(line, ticks, slope ? ns : SHORTEST_BASELINE_NS);
}

void c4t_timeline_refine(struct c4t_timeline *line, uint64_t now_ticks) {
    if (now_ticks < line->next_refine) return;
    uint64_t ticks, ns = 0;
    uint64_t slope = measure(line, &ticks, &ns);
    refine_again_after(line, ticks,
                       ns > SHORTEST_BASELINE_NS ? ns : SHORTEST_BASELINE_NS); /* each baseline is twice the last */
    if (!slope) return;
    int64_t said = c4t_time_ns(line, ticks);
    int64_t bend = (int64_t)ns > BEND_NS ? (int64_t)ns : BEND_NS; /* not longer than until the next comparison */
    int64_t error = (int64_t)ns - said;
    if (error > bend / 100) error = bend / 100; /* keeps time running forward, whatever a clock says */
    if (error < -bend / 100) error = -bend / 100;
    line->from_ticks = ticks;
    line->from_ns = said;
    line->rate = slope;
    line->slope = (uint64_t)((__int128)slope * (bend + error) / bend);
}
