/* Random schedules: threads stamp, reserve and publish in any interleaving, a reader looks at any moment, the host drops what finds no
 * room. Every cause must come before its effect, every event exactly once, and what is lost must be told. test_reader_merge [ROUNDS [SEED]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "made_segment.h"
#include "reader.h"

#define ROUNDS 300
#define STEPS 400
#define THREADS 6u
#define RINGS 4u /* three of one thread each, the last one shared by the others */

enum stage { IDLE, STAMPED, RESERVED };

struct thread {
    enum stage stage;
    struct made_record record;
    uint64_t position;
    uint32_t event;
    uint64_t calls;
};

struct event {
    uint64_t stamped, published; /* step */
    bool dropped, seen;
};

static uint64_t state;
static struct event events[STEPS + 1];
static uint32_t event_count;
static uint64_t step, latest_stamp_seen, seen_count, lost_told, last_seq;

static uint64_t random_bits(void) { /* splitmix64 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint32_t below(uint32_t n) { return (uint32_t)(random_bits() % n); }

static uint32_t ring_of(uint32_t thread) { return thread < RINGS - 1 ? thread : RINGS - 1; }

static void put_gaps(struct made_segment *segment, uint32_t ring, uint64_t ticks) {
    for (uint32_t i = 0; i < C4T_RING_GAPS; i++) {
        struct c4t_gap *gap = &made_ring(segment, ring)->gap[i];
        struct made_record record = {.event = C4T_EV_GAP, .ticks = ticks, .sid = gap->sid, .n = gap->n};
        if (!gap->n || !made_has_room(segment, ring, &record)) continue;
        gap->n = 0;
        made_put(segment, ring, &record);
    }
}

static void advance(struct made_segment *segment, struct thread *thread, uint32_t index) {
    uint32_t ring = ring_of(index);
    switch (thread->stage) {
    case IDLE:
        thread->event = ++event_count;
        events[thread->event] = (struct event){.stamped = step};
        thread->record = (struct made_record){
            .event = C4T_EV_OPENED + below(3), .ticks = made_now(segment), .sid = 1 + index % 3, .tid = thread->event};
        thread->record.call = (uint64_t)index << 40 | ++thread->calls;
        thread->record.data_size = below(3) ? 0 : below(500);
        thread->record.data = segment->base;
        thread->stage = STAMPED;
        break;
    case STAMPED:
        put_gaps(segment, ring, thread->record.ticks);
        if (!made_has_room(segment, ring, &thread->record)) {
            made_lose(segment, ring, thread->record.sid);
            events[thread->event].dropped = true;
            thread->stage = IDLE;
            break;
        }
        thread->position = made_reserve(segment, ring, &thread->record);
        thread->stage = RESERVED;
        break;
    case RESERVED:
        made_publish(segment, ring, thread->position, &thread->record);
        events[thread->event].published = step;
        thread->stage = IDLE;
        break;
    }
}

/* An event comes into view: it must not have been published before any of those that came earlier was stamped. */
static void see(const struct c4t_event_view *view) {
    if (view->kind == C4T_VIEW_GAP) {
        lost_told += view->n;
        return;
    }
    CHECK_EQUAL(view->kind, C4T_VIEW_EVENT);
    CHECK_EQUAL(view->seq, ++last_seq);
    struct event *event = &events[view->tid];
    CHECK(view->tid && view->tid <= event_count && !event->seen && !event->dropped && event->published);
    event->seen = true;
    seen_count++;
    CHECK(event->published > latest_stamp_seen);
    if (event->stamped > latest_stamp_seen) latest_stamp_seen = event->stamped;
}

static void look(struct c4t_reader *reader, uint32_t most) {
    struct c4t_event_view view;
    while (most-- && c4t_reader_next(reader, &view)) see(&view);
    c4t_reader_done(reader);
}

static void play(void) {
    struct made_segment segment;
    struct thread threads[THREADS] = {0};
    made_segment(&segment, RINGS, 1024u << below(3));
    struct c4t_reader *reader = c4t_reader_open(segment.path, C4T_CONSUME, 0, (char[256]){0}, 256);
    CHECK(reader);
    event_count = 0;
    latest_stamp_seen = seen_count = lost_told = last_seq = 0;
    uint32_t patience = 3 + below(40);
    for (step = 1; step <= STEPS; step++) {
        if (below(patience)) {
            uint32_t i = below(THREADS);
            advance(&segment, &threads[i], i);
        } else {
            CHECK_EQUAL(c4t_reader_look(reader, below(2) ? 0 : below(20000)), 0);
            look(reader, below(4) ? UINT32_MAX : below(5));
        }
    }
    for (uint32_t i = 0; i < THREADS; i++)
        while (threads[i].stage != IDLE) advance(&segment, &threads[i], i);
    c4t_reader_look_finally(reader);
    look(reader, UINT32_MAX);
    uint64_t dropped = 0;
    for (uint32_t i = 1; i <= event_count; i++) {
        CHECK(events[i].seen != events[i].dropped);
        dropped += events[i].dropped;
    }
    CHECK_EQUAL(lost_told, dropped);
    CHECK_EQUAL(made_lost(&segment), dropped);
    CHECK_EQUAL(segment.header->lost[C4T_LOSS_OVERWRITTEN], 0);
    CHECK_EQUAL(seen_count + lost_told, event_count);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : ROUNDS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (long round = 0; round < rounds; round++) {
        state = seed + (uint64_t)round;
        play();
    }
    return 0;
}
