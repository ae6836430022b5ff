/* From ticks of the trace clock to nanoseconds since the segment began. */
#ifndef C4TRACE_TIMELINE_H
#define C4TRACE_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "segment.h"

#define C4T_TIMELINE_SHIFT 40

struct c4t_timeline {
    uint32_t source;
    bool refinable;       /* same boot, so the two clocks can be compared again */
    uint64_t begin_ticks; /* of the segment */
    uint64_t begin_monotonic;
    uint64_t from_ticks; /* the line now in use passes through (from_ticks, from_ns) */
    int64_t from_ns;
    uint64_t slope;       /* ns per tick << C4T_TIMELINE_SHIFT, of that line */
    uint64_t rate;        /* the same, as well as it is known: for durations */
    uint64_t header_rate; /* the same, as the header says */
    uint64_t next_refine; /* in ticks */
};

void c4t_timeline_begin(struct c4t_timeline *line, const struct c4t_segment_header *header, bool same_boot);
/* Compare the clocks once more if it is time to. The line stays continuous and bends so that its error is gone after ten seconds. */
void c4t_timeline_refine(struct c4t_timeline *line, uint64_t now_ticks);

static inline int64_t c4t_duration_ns(const struct c4t_timeline *line, uint64_t ticks) {
    unsigned __int128 ns = ((unsigned __int128)ticks * line->rate) >> C4T_TIMELINE_SHIFT;
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

/* Never negative: nothing is stamped before the segment began. */
static inline int64_t c4t_time_ns(const struct c4t_timeline *line, uint64_t ticks) {
    __int128 ns =
        line->from_ns + (((__int128)(int64_t)(ticks - line->from_ticks) * (__int128)line->slope) >> C4T_TIMELINE_SHIFT);
    if (ns < 0) return 0;
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

static inline uint64_t c4t_ticks_of_ns(const struct c4t_timeline *line, uint64_t ns) {
    return (uint64_t)(((unsigned __int128)ns << C4T_TIMELINE_SHIFT) / line->rate);
}

#endif
