/* Opening a segment, and what its tables say. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "made_segment.h"
#include "reader.h"

static char error[512];

static struct c4t_reader *open_reader(const struct made_segment *segment, int mode) {
    struct c4t_reader *reader = c4t_reader_open(segment->path, mode, 0, error, sizeof error);
    if (!reader) fprintf(stderr, "%s\n", error);
    CHECK(reader);
    return reader;
}

static void refused(const char *path, int mode, const char *because) {
    CHECK(!c4t_reader_open(path, mode, 0, error, sizeof error));
    if (!strstr(error, because)) fprintf(stderr, "says: %s\nexpected: %s\n", error, because);
    CHECK(strstr(error, because) && !strchr(error, '\n'));
}

static void what_is_no_segment_of_ours_is_refused(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_segment_header *header = segment.header, whole = *header;
    char other[200];
    refused("/tmp/c4trace-no-such-folder/x.1.seg", C4T_READ, "No such file");
    refused(segment.folder, C4T_READ, "folder"); /* /tmp itself is everybody's */
    snprintf(other, sizeof other, "%s/link", segment.folder);
    CHECK(symlink(segment.path, other) == 0);
    refused(other, C4T_READ, "symbolic link");
    unlink(other);
    CHECK(mkfifo(other, 0600) == 0);
    refused(other, C4T_READ, "regular file");
    unlink(other);
    int file = open(other, O_CREAT | O_WRONLY, 0600);
    CHECK(write(file, "short", 5) == 5);
    close(file);
    refused(other, C4T_READ, "only 5 bytes");
    unlink(other);
    CHECK(chmod(segment.path, 0622) == 0);
    refused(segment.path, C4T_READ, "others may write to it");
    CHECK(chmod(segment.path, 0600) == 0 && chmod(segment.folder, 0770) == 0);
    refused(segment.path, C4T_READ, "others may write to its folder");
    CHECK(chmod(segment.folder, 0700) == 0);
    header->magic = 0;
    refused(segment.path, C4T_READ, "never finished");
    header->magic = 7;
    refused(segment.path, C4T_READ, "not a segment of c4trace");
    header->magic = C4T_SEGMENT_MAGIC;
    header->layout = 99;
    refused(segment.path, C4T_READ, "layout 99, this c4trace reads layout 5: use the c4trace that wrote it (9.8.7)");
    header->layout = whole.layout;
    header->size = whole.size + 1;
    refused(segment.path, C4T_READ, "torn");
    header->size = whole.size;
    header->clock_source = 9;
    refused(segment.path, C4T_READ, "clock 9");
    header->clock_source = whole.clock_source;
    header->sessions.count = 1u << 19;
    refused(segment.path, C4T_READ, "a section does not fit");
    header->sessions = whole.sessions;
    header->cells.offset = UINT64_MAX - 100;
    refused(segment.path, C4T_READ, "a section does not fit");
    header->cells = whole.cells;
    made_ring(&segment, 1)->cap = 4096 + 64;
    refused(segment.path, C4T_READ, "ring 1 does not fit");
    made_ring(&segment, 1)->cap = MADE_CAP;
    made_ring(&segment, 1)->data = segment.size - MADE_CAP;
    refused(segment.path, C4T_READ, "ring 1 does not fit");
    made_segment_remove(&segment);
}

static void a_segment_has_one_consumer(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_reader *first = open_reader(&segment, C4T_CONSUME), *looks = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(segment.header->consumer_pid, getpid());
    refused(segment.path, C4T_CONSUME, "records this segment already");
    c4t_reader_close(looks);
    CHECK_EQUAL(segment.header->consumer_pid, getpid());
    c4t_reader_close(first);
    CHECK_EQUAL(segment.header->consumer_pid, 0);
    first = open_reader(&segment, C4T_CONSUME);
    segment.header->consumer_pid = 1; /* while we slept for too long, another one came */
    CHECK_EQUAL(c4t_reader_look(first, 0), -1);
    struct c4t_batch batch;
    c4t_reader_collect(first, C4T_WANT_TEXT, 1000, &batch);
    CHECK_EQUAL(batch.over, 2);
    c4t_reader_close(first);
    CHECK_EQUAL(segment.header->consumer_pid, 1);
    made_segment_remove(&segment);
}

static void a_level_is_told_to_all_threads(void) {
    static const struct {
        uint32_t level;
        uint64_t depth;
    } turns[] = {{C4T_CAPTURE_FULL, C4T_DEPTH_BYTES},
                 {C4T_CAPTURE_HEADERS, C4T_DEPTH_RECORDS},
                 {C4T_CAPTURE_OFF, C4T_DEPTH_NUMBERS},
                 {C4T_CAPTURE_EVENTS, C4T_DEPTH_RECORDS},
                 {C4T_CAPTURE_BYTES, C4T_DEPTH_BYTES}};
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_reader *reader = open_reader(&segment, C4T_CONTROL);
    CHECK(segment.header->threads.count > 1);
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        CHECK_EQUAL(c4t_reader_set_capture(reader, turns[i].level, 7), 0);
        CHECK_EQUAL(segment.header->control, turns[i].level | (uint64_t)7 << 32);
        for (uint32_t k = 0; k < segment.header->threads.count; k++) {
            const struct c4t_thread_row *row = made_row(&segment, &segment.header->threads, k);
            CHECK_EQUAL(row->depth, turns[i].depth);
        }
    }
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void totals_are_applied_and_pending_durations(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_segment_header *header = segment.header;
    struct c4t_cells *block = made_row(&segment, &header->cells, 1);
    struct c4t_cell *cell = &block->event[C4T_EV_WRITE], *latency = &block->latency[C4T_LAT_CLOSE];
    header->cells_top = 2;
    block->factory = 1;
    cell->n = 4;
    cell->bytes = 400;
    cell->hist[0] = 1;                  /* nothing, which the first one found pending */
    cell->hist[7] = 1;                  /* 7 ns */
    cell->hist[16 * (10 - 3) + 15] = 1; /* up to 2047 ns */
    cell->pending = 1000;
    cell->sum = 7 + 2000 + 1000;
    cell->slowest_ticks = 2000;
    cell->slowest_sid = 5;
    cell->slowest_at = header->ticks + 1000000000u;
    latency->n = latency->hist[0] = 1;
    static const double bounds[] = {7.5e-9, 1e-6, 2e-6, 3e-6};
    struct c4t_total totals[C4T_TOTALS];
    struct c4t_reader *reader = open_reader(&segment, C4T_CONTROL);
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), 0);
    const struct c4t_total *total = &totals[C4T_EV_WRITE];
    CHECK_EQUAL(total->n, 4);
    CHECK_EQUAL(total->bytes, 400);
    CHECK_EQUAL(total->done, 3);
    CHECK_EQUAL(total->seconds * 1e9 + 0.5, 3007);
    CHECK_EQUAL(total->buckets[0], 1);
    CHECK_EQUAL(total->buckets[1], 0); /* 1000 ns lies in a bucket up to 1023 */
    CHECK_EQUAL(total->buckets[2], 1);
    CHECK_EQUAL(total->buckets[3], 1); /* up to 2047 */
    CHECK_EQUAL(total->slowest_sid, 5);
    CHECK_EQUAL(total->slowest_seconds * 1e9 + 0.5, 2000);
    CHECK_EQUAL((total->slowest_wall - (double)header->wall_ns / 1e9) * 1e3 + 0.5, 1000);
    CHECK_EQUAL(cell->slowest_ticks, 0);
    CHECK_EQUAL(totals[C4T_EV_COUNT + C4T_LAT_CLOSE].done, 1);
    cell->hist[16 * (9 - 3) + 15]++; /* 1000 ns: put in by another one, which is pending now */
    cell->pending = 7;
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), 0);
    CHECK_EQUAL(totals[C4T_EV_WRITE].done, 4);
    cell->pending = UINT64_MAX; /* hostile */
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), 0);
    CHECK_EQUAL(totals[C4T_EV_WRITE].done, 5);
    memset(cell->hist, 0, sizeof cell->hist);
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), 0);
    CHECK_EQUAL(totals[C4T_EV_WRITE].done, 5); /* never less than was said */
    CHECK_EQUAL(c4t_reader_totals(reader, 1, bounds, 4, 1, totals), 0);
    CHECK_EQUAL(totals[C4T_EV_WRITE].n, 0);
    CHECK_EQUAL(c4t_reader_totals(reader, C4T_FACTORIES_MAX, bounds, 4, 1, totals), -1);
    c4t_reader_close(reader);
    reader = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), -1); /* cannot take exemplars */
    CHECK_EQUAL(c4t_reader_set_capture(reader, C4T_CAPTURE_OFF, 0), -1);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void a_dead_host_is_told_from_a_live_one(void) {
    struct made_segment segment;
    struct c4t_reader_info info;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    c4t_reader_info(reader, &info);
    CHECK_EQUAL(info.state, C4T_HOST_LIVE);
    CHECK(info.now_ns > 0 && !c4t_reader_host_is_over(reader));
    c4t_reader_close(reader);
    segment.header->pid_start++; /* the pid now belongs to another process */
    struct c4t_thread_row *thread = made_row(&segment, &segment.header->threads, 0);
    segment.header->thread_top = 1;
    thread->tid = 44;
    strcpy(thread->name, "OkHttp Dispatch");
    thread->flight_since = segment.header->ticks + 5000;
    thread->flight = C4T_FLIGHT(9, C4T_EV_WRITE);
    struct c4t_session_row *row = made_row(&segment, &segment.header->sessions, 0);
    segment.header->session_top = 1;
    row->t_last = segment.header->ticks + 8000;
    row->state = C4T_STATE_OPEN;
    row->sid = 9;
    reader = open_reader(&segment, C4T_READ);
    c4t_reader_info(reader, &info);
    CHECK_EQUAL(info.state, C4T_HOST_DEAD);
    CHECK_EQUAL(info.now_ns, 8000);
    struct c4t_flight_copy flight;
    CHECK_EQUAL(c4t_reader_flights(reader, &flight, 1), 1);
    CHECK_EQUAL(flight.sid, 9);
    CHECK_EQUAL(flight.event, C4T_EV_WRITE);
    CHECK_EQUAL(flight.ns, 3000);
    CHECK_EQUAL(flight.began, 5000);
    CHECK(strcmp(flight.name, "OkHttp Dispatch") == 0);
    struct c4t_session_copy session;
    CHECK_EQUAL(c4t_reader_sessions(reader, &session, 1), 1);
    CHECK_EQUAL(session.t_last, 8000);
    CHECK(session.t_closed == INT64_MIN);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void what_measuring_took_is_no_overhead(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    segment.header->thread_top = 2;
    struct c4t_thread_row *measured = made_row(&segment, &segment.header->threads, 0);
    struct c4t_thread_row *other = made_row(&segment, &segment.header->threads, 1);
    measured->calls = 1000;
    measured->overhead_ticks = 1000000000;
    other->calls = (uint64_t)1 << 40;
    other->overhead_ticks = 1; /* less than the measuring took: nothing, not less than nothing */
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    struct c4t_reader_info info;
    c4t_reader_info(reader, &info);
    CHECK(info.overhead_ns > 900000000 && info.overhead_ns < 1000000000);
    int64_t before = info.overhead_ns;
    measured->calls = 2000; /* which no sample has followed */
    c4t_reader_info(reader, &info);
    CHECK(info.overhead_ns >= before);
    measured->overhead_ticks = 3000000000;
    c4t_reader_info(reader, &info);
    CHECK(info.overhead_ns > 2900000000 && info.overhead_ns < 3000000000);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

int main(void) {
    what_is_no_segment_of_ours_is_refused();
    a_segment_has_one_consumer();
    a_level_is_told_to_all_threads();
    totals_are_applied_and_pending_durations();
    a_dead_host_is_told_from_a_live_one();
    what_measuring_took_is_no_overhead();
    return 0;
}
