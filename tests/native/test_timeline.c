/* Ticks become nanoseconds that run forward, and in the long run with CLOCK_MONOTONIC. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "timeline.h"

#define NS 1000000000ull
#define HOUR (3600 * NS)

static struct c4t_segment_header header_of(uint32_t source, uint64_t rate) {
    return (struct c4t_segment_header){.clock_source = source,
                                       .ticks_per_sec = rate,
                                       .ticks = c4t_clock_ticks(source),
                                       .monotonic_ns = c4t_clock_ns(CLOCK_MONOTONIC)};
}

static void nanoseconds_stay_as_they_are(void) {
    struct c4t_segment_header header = header_of(C4T_CLOCK_MONOTONIC, 12345); /* which is not asked */
    struct c4t_timeline line;
    c4t_timeline_begin(&line, &header, true);
    CHECK_EQUAL(c4t_time_ns(&line, header.ticks), 0);
    CHECK_EQUAL(c4t_time_ns(&line, header.ticks + 24 * HOUR), 24 * HOUR);
    CHECK_EQUAL(c4t_time_ns(&line, header.ticks - 5), 0); /* nothing is stamped before the segment began */
    CHECK_EQUAL(c4t_duration_ns(&line, 812), 812);
    CHECK_EQUAL(c4t_ticks_of_ns(&line, 812), 812);
    CHECK_EQUAL(c4t_duration_ns(&line, UINT64_MAX), INT64_MAX);
    c4t_timeline_refine(&line, UINT64_MAX - 1);
    CHECK_EQUAL(c4t_time_ns(&line, header.ticks + HOUR), HOUR);
}

static void another_rate_is_converted_without_drift(void) {
    struct c4t_segment_header header = header_of(C4T_CLOCK_TSC, 2793541000);
    struct c4t_timeline line;
    c4t_timeline_begin(&line, &header, false);
    uint64_t day = 24 * 3600 * header.ticks_per_sec;
    int64_t error = c4t_time_ns(&line, header.ticks + day) - (int64_t)(24 * HOUR);
    CHECK(error > -1000 && error < 1000);
    header.ticks_per_sec = 0; /* hostile */
    c4t_timeline_begin(&line, &header, true);
    CHECK(c4t_time_ns(&line, header.ticks + 1000) >= 0);
}

/* A segment that began an hour ago, by a header whose rate is a little wrong. */
static void an_old_segment_goes_by_the_clocks_and_not_by_its_header(void) {
    struct c4t_segment_header header = header_of(C4T_CLOCK_CNTVCT, NS + NS / 1000);
#if !defined(__aarch64__)
    /* where there is no such counter the trace clock is CLOCK_MONOTONIC, which stands in for one of 1 GHz here */
    header.ticks -= HOUR;
    header.monotonic_ns -= HOUR;
    struct c4t_timeline line;
    c4t_timeline_begin(&line, &header, true);
    int64_t error = c4t_time_ns(&line, header.ticks + HOUR) - (int64_t)HOUR;
    CHECK(error > -10000 && error < 10000);
    c4t_timeline_begin(&line, &header, false); /* of another boot: the header is all there is */
    error = c4t_time_ns(&line, header.ticks + HOUR) - (int64_t)HOUR;
    CHECK(error < -3 * (int64_t)NS);
#endif
}

/* Refined again and again the line never jumps, never runs backwards, and comes to the true time. */
static void refining_bends_the_line_and_never_breaks_it(void) {
    struct c4t_segment_header header = header_of(C4T_CLOCK_CNTVCT, NS + NS / 1000);
#if !defined(__aarch64__)
    struct c4t_timeline line;
    c4t_timeline_begin(&line, &header, true);
    int64_t last_error = INT64_MIN;
    for (uint64_t age = NS; age < 200 * NS; age *= 2) {
        /* as if the segment had begun `age` ago: both clocks are as much further on */
        uint64_t begun = c4t_clock_ticks(C4T_CLOCK_CNTVCT) - age;
        int64_t shift = (int64_t)(begun - line.begin_ticks);
        line.begin_ticks += (uint64_t)shift;
        line.begin_monotonic += (uint64_t)shift;
        line.from_ticks += (uint64_t)shift;
        line.next_refine = 0;
        uint64_t now = begun + age;
        int64_t before = c4t_time_ns(&line, now);
        c4t_timeline_refine(&line, now);
        int64_t after = c4t_time_ns(&line, now);
        CHECK(after - before > -20000 && after - before < 20000);
        CHECK(c4t_time_ns(&line, now + 1000) > after && c4t_time_ns(&line, now - 1000) < after);
        last_error = after - (int64_t)age;
    }
    CHECK(last_error > -200000 && last_error < 200000); /* of 128 s; by the header it would be 128 ms */
#endif
}

int main(void) {
    nanoseconds_stay_as_they_are();
    another_rate_is_converted_without_drift();
    an_old_segment_goes_by_the_clocks_and_not_by_its_header();
    refining_bends_the_line_and_never_breaks_it();
    return 0;
}
