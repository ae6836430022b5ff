/* Damaged segments, some of them cut short while they are read: fuzz_reader [ROUNDS [SEED]]. The same numbers give the same damage.
 *
 * What is checked: the reader refuses the segment in one line or reads it; it never crashes, never reads outside the mapping (run under
 * AddressSanitizer), always comes to an end, and every line it writes is one JSON object. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "json_text.h"
#include "made_segment.h"
#include "reader.h"
#include "watch.h"

#define ROUNDS 3000

static uint64_t state;
static unsigned char *whole;

static uint64_t random_bits(void) { /* splitmix64 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint64_t below(uint64_t n) { return random_bits() % n; }

/* As a host leaves it that writes no more of a record than means anything. */
static void leave_unwritten(const struct made_segment *segment, uint32_t ring, uint64_t position, uint8_t flags) {
    struct c4t_record *record = (void *)(segment->base + made_ring(segment, ring)->data + (position & (MADE_CAP - 1)));
    record->flags |= flags;
    memset(&record->code, 0xEE, sizeof *record - offsetof(struct c4t_record, code));
}

/* A segment with something of everything in it. */
static void fill(struct made_segment *segment) {
    struct c4t_segment_header *header = segment->header;
    for (uint32_t i = 0; i < 150; i++) {
        struct made_record r = {.event = (uint8_t)(1 + i % 16),
                                .ticks = header->ticks + i,
                                .sid = 1 + i % 3,
                                .call = (uint64_t)(i % 4) << 40 | (i / 4 + 1),
                                .tid = i};
        r.text1 = "text \"one\"";
        r.text1_size = i % 11;
        r.text2 = "{\"a\":[1,2,{\"b\":\"c\"}]}";
        r.text2_size = i % 2 ? 22 : 0;
        r.data = whole;
        r.data_size = i % 7 * 40;
        bool plain = i % 5 == 1;
        if (plain) r.text1_size = r.text2_size = r.data_size = 0;
        uint64_t position = made_put(segment, i % 4, &r);
        if (plain) leave_unwritten(segment, i % 4, position, C4T_REC_PLAIN);
        struct made_record returned = {
            .event = r.event, .flags = C4T_REC_RETURN, .ticks = r.ticks + 1, .sid = r.sid, .call = r.call, .n = i};
        if (i % 3) leave_unwritten(segment, i % 4, made_put(segment, i % 4, &returned), 0);
    }
    made_lose(segment, 1, 4);
    header->session_top = header->thread_top = header->cells_top = header->closed_top = 3;
    for (uint32_t i = 0; i < 3; i++) {
        struct c4t_session_row *session = made_row(segment, &header->sessions, i);
        session->sid = i + 1;
        session->state = 1 + i;
        struct c4t_thread_row *thread = made_row(segment, &header->threads, i);
        thread->tid = i + 1;
        thread->flight = C4T_FLIGHT(2, C4T_EV_WRITE);
        struct c4t_cells *cells = made_row(segment, &header->cells, i);
        cells->factory = i % 2 + 1;
        cells->event[C4T_EV_OPEN].hist[i] = 9;
        cells->event[C4T_EV_OPEN].pending = i;
    }
    header->status = C4T_STATUS_CLOSED;
    header->pid = (uint32_t)getppid(); /* a process does not guard itself against its own segment being cut short */
}

static uint64_t nasty(void) {
    static const uint64_t numbers[] = {0,
                                       1,
                                       63,
                                       64,
                                       65,
                                       4096,
                                       1u << 31,
                                       UINT32_MAX,
                                       (uint64_t)1 << 32,
                                       (uint64_t)1 << 63,
                                       UINT64_MAX,
                                       UINT64_MAX - 63};
    return below(3) ? numbers[below(sizeof numbers / sizeof *numbers)] : random_bits();
}

/* Numbers are damaged where they stand, bytes anywhere. Most of it in the header, the rings and their records, where it hurts. */
static void damage(struct made_segment *segment) {
    struct c4t_segment_header *header = segment->header;
    uint64_t rings = header->rings.offset, size = segment->size;
    for (uint64_t times = 1 + below(6); times; times--) {
        uint64_t what = below(8), value = nasty();
        uint64_t at = what < 3   ? below(sizeof *header / 4) * 4
                      : what < 5 ? rings + below(4 * sizeof(struct c4t_ring) / 8) * 8
                      : what < 7
                          ? size - 4 * ((MADE_CAP + C4T_RECORD_MAX + 4095) & ~4095ull) +
                                below(4) * ((MADE_CAP + C4T_RECORD_MAX + 4095) & ~4095ull) + below(MADE_CAP / 4) * 4
                          : below(size / 8) * 8;
        if (at < 16 && below(4)) continue; /* magic and layout: refused at once */
        size_t width = below(2) ? 8 : below(2) ? 4 : 1;
        if (at + width <= size) memcpy(segment->base + at, &value, width);
    }
}

static void check_lines(const char *text, size_t size) {
    static char out[8u << 20];
    for (const char *end; size; size -= (size_t)(end - text), text = end) {
        end = memchr(text, '\n', size);
        CHECK(end);
        CHECK(c4t_json_object(out, text, (size_t)(end - text)));
        end++;
    }
}

/* Now and then, somewhere. */
static void cut(const struct made_segment *segment) {
    if (below(20) == 0) CHECK(truncate(segment->path, (off_t)below(segment->size)) == 0);
}

/* As the live screen looks at it: twice, in any order, and down to the events of one session. */
static void watch_all(const struct made_segment *segment, struct c4t_reader *reader, int mode) {
    static struct c4t_count counts[C4T_EV_COUNT];
    static struct c4t_watched rows[64];
    struct c4t_watch_word word = {.peer = "x", .states = (uint32_t)random_bits(), .is_not = (uint32_t)below(2)};
    struct c4t_watch_query query = {.states = UINT32_MAX,
                                    .by = (uint32_t)below(C4T_BY_COUNT + 1),
                                    .words = &word,
                                    .word_count = (uint32_t)below(2)};
    struct c4t_watch_order order;
    struct c4t_batch batch;
    c4t_reader_counts(reader, (uint32_t)below(3), counts);
    struct c4t_watch *watch = c4t_watch_new();
    CHECK(watch);
    for (int look = 0; look < 2; look++) {
        CHECK(c4t_watch_reader(watch, 1, reader) == 0);
        cut(segment);
        CHECK(c4t_watch_sort(watch, &query, &order) == 0 && order.matching <= order.all);
        CHECK(c4t_watch_copy(watch, 0, rows, 64) == (order.matching < 64 ? order.matching : 64));
    }
    c4t_watch_free(watch);
    CHECK(c4t_reader_follow(reader, below(4)) == (mode == C4T_CONSUME ? -1 : 0));
    if (mode == C4T_CONSUME) return;
    while (c4t_reader_drain(reader, C4T_WANT_TEXT, &batch)) check_lines(batch.text, batch.text_size);
}

static void read_all(const struct made_segment *segment, int mode) {
    char error[512] = "";
    struct c4t_reader *reader = c4t_reader_open(segment->path, mode, (int)below(2), error, sizeof error);
    if (!reader) {
        CHECK(error[0] && !strchr(error, '\n'));
        return;
    }
    struct c4t_batch batch;
    cut(segment);
    c4t_reader_collect(reader, C4T_WANT_TEXT | C4T_WANT_LIFECYCLE, 0, &batch);
    check_lines(batch.text, batch.text_size);
    cut(segment);
    while (c4t_reader_drain(reader, C4T_WANT_TEXT | C4T_WANT_LIFECYCLE, &batch)) {
        check_lines(batch.text, batch.text_size);
        check_lines(batch.notices, batch.notices_size);
        cut(segment);
    }
    static struct c4t_total totals[C4T_TOTALS];
    static struct c4t_session_copy sessions[64];
    static struct c4t_flight_copy flights[64];
    static struct c4t_closed_copy closed[64];
    struct c4t_reader_info info;
    struct c4t_factory_copy factory;
    const double bounds[] = {1e-6, 1e-3};
    cut(segment);
    c4t_reader_info(reader, &info);
    c4t_reader_factory(reader, 0, &factory);
    struct c4t_slices_copy slices;
    c4t_reader_slices(reader, (uint32_t)below(3), &slices);
    CHECK(slices.released <= slices.written && slices.unfollowed <= slices.written - slices.released);
    c4t_reader_totals(reader, (uint32_t)below(3), bounds, 2, mode != C4T_READ, totals);
    int turned = c4t_reader_set_capture(reader, (uint32_t)below(C4T_CAPTURE_FULL + 1), (uint32_t)random_bits());
    CHECK(turned == (mode == C4T_READ ? -1 : 0));
    CHECK(c4t_reader_sessions(reader, sessions, 64) <= 64);
    CHECK(c4t_reader_flights(reader, flights, 64) <= 64);
    CHECK(c4t_reader_closed(reader, closed, 64) <= 64);
    cut(segment);
    watch_all(segment, reader, mode);
    c4t_reader_close(reader);
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : ROUNDS;
    struct made_segment segment;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    made_segment(&segment, 4, MADE_CAP);
    whole = malloc(segment.size);
    memset(whole, 'x', segment.size);
    fill(&segment);
    memcpy(whole, segment.base, segment.size);
    for (long round = 0; round < rounds; round++) {
        CHECK(truncate(segment.path, (off_t)segment.size) == 0);
        memcpy(segment.base, whole, segment.size);
        damage(&segment);
        alarm(20); /* what hangs is killed, and the test fails */
        read_all(&segment, round % 3 == 0 ? C4T_CONSUME : round % 3 == 1 ? C4T_READ : C4T_CONTROL);
    }
    made_segment_remove(&segment);
    free(whole);
    return 0;
}
