/* Rings that were overwritten, torn or damaged: what is left is read, what is missing is told. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "made_segment.h"
#include "read_text.h"
#include "reader.h"

static void a_look_takes_nothing_out_and_starts_with_the_oldest(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    for (uint64_t i = 1; i <= 1000; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, i, 1, i);
        made_put(&segment, 0, &r);
    }
    for (int times = 0; times < 2; times++) {
        struct c4t_reader *reader = open_reader(&segment, C4T_READ);
        uint64_t events = drain(reader);
        CHECK(events > 56 && events <= 64); /* all but at most a sixteenth of the ring */
        CHECK(strstr(all_text, "\"t\":1000,"));
        CHECK_EQUAL(made_ring(&segment, 0)->tail, 0);
        CHECK_EQUAL(segment.header->consumer_pid, 0);
        c4t_reader_close(reader);
    }
    made_segment_remove(&segment);
}

static void a_consumer_that_was_overtaken_counts_what_it_missed(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, i, 1, i);
        made_put(&segment, 0, &r);
        if (i == 10) {
            look(reader, 0);
            segment.header->consumer_pid = 0; /* the host gave it up */
        }
    }
    uint64_t events = 10 + drain(reader);
    CHECK(strstr(all_text, "{\"type\":\"gap\",\"sid\":0,\"after\":10,\"lost\":") == all_text);
    CHECK_EQUAL(segment.header->lost[C4T_LOSS_OVERWRITTEN], 1000 - events);
    CHECK(events > 60 && events < 75);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

/* A consumer that sleeps: the ring runs full, events are dropped, then the host gives the consumer up and overwrites. */
static void dropped_and_overwritten_events_are_counted_once(uint32_t dropped, uint32_t overwriting) {
    struct made_segment segment;
    made_segment(&segment, 3, MADE_CAP);
    facts = segment.header;
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    uint64_t number = 0, given = 0;
    for (uint32_t i = 0; i < 64; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, number, 1, number + 1);
        made_put(&segment, 0, &r);
        number++;
        if (i == 20) {
            look(reader, 0);
            given = number;
        }
    }
    for (uint32_t i = 0; i < dropped; i++, number++) made_lose(&segment, 0, 1);
    segment.header->consumer_pid = 0;
    for (uint32_t i = 0; i < overwriting; i++, number++) {
        struct made_record r = event_at(C4T_EV_OPENED, number, 1, number + 1);
        struct made_record gap = {.event = C4T_EV_GAP, .ticks = r.ticks, .sid = 1, .n = dropped};
        if (i == 0) {
            made_put(&segment, 0, &gap);
            memset(made_ring(&segment, 0)->gap, 0, sizeof made_ring(&segment, 0)->gap);
        }
        made_put(&segment, 0, &r);
    }
    uint64_t lost = 0;
    given += drain(reader);
    for (const char *gap = all_text; (gap = strstr(gap, "\"lost\":")); gap += 7) lost += strtoull(gap + 7, NULL, 10);
    CHECK_EQUAL(given + lost, number);
    CHECK_EQUAL(made_lost(&segment) + segment.header->lost[C4T_LOSS_OVERWRITTEN], lost);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

/* The last thing a thread did was overwritten by others, in the ring that they shared, and the thread has ended. */
static void events_of_a_thread_that_has_ended_are_missed_too(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    segment.header->consumer_pid = 0;
    for (uint64_t i = 1; i <= 7; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, i, 2, (uint64_t)1 << 40 | i);
        made_put(&segment, 1, &r);
    }
    for (uint64_t i = 1; i <= 200; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, 100 + i, 1, i);
        made_put(&segment, 1, &r);
    }
    struct c4t_thread_row *ended = made_row(&segment, &segment.header->threads, 1);
    ended->calls = 7;
    segment.header->thread_top = 2;
    uint64_t given = drain(reader);
    CHECK_EQUAL(segment.header->lost[C4T_LOSS_OVERWRITTEN], 207 - given);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void a_record_that_was_never_finished_hides_nothing_of_a_dead_host(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    struct made_record a = event_at(C4T_EV_OPENED, 10, 1, 1), torn = event_at(C4T_EV_OPENED, 20, 2, 2),
                       b = event_at(C4T_EV_OPENED, 30, 3, 3);
    DATA(torn, "some bytes of it, so that it takes two lines of the cache and more; that is what makes it harder to "
               "find the next one");
    made_put(&segment, 1, &a);
    made_reserve(&segment, 1, &torn);
    made_put(&segment, 1, &b);
    segment.header->status = C4T_STATUS_CLOSED;
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(drain(reader), 2);
    CHECK(strstr(all_text, "\"sid\":1,") && strstr(all_text, "\"sid\":3,"));
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void damage_in_a_ring_costs_no_more_than_what_it_hit(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    for (uint64_t i = 1; i <= 40; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, i, 1, i);
        made_put(&segment, 0, &r);
    }
    struct c4t_record *record = (void *)(segment.base + made_ring(&segment, 0)->data + 9 * 64);
    record->size = 63;
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    uint64_t events = drain(reader);
    CHECK(events < 40 && events >= 36); /* to the next sixteenth of the ring: four records */
    CHECK(strstr(all_text, "{\"type\":\"gap\",\"sid\":0,\"after\":9,\"lost\":"));
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

int main(void) {
    dropped_and_overwritten_events_are_counted_once(30, 5);
    dropped_and_overwritten_events_are_counted_once(30, 40);
    dropped_and_overwritten_events_are_counted_once(30, 500);
    dropped_and_overwritten_events_are_counted_once(0, 500);
    dropped_and_overwritten_events_are_counted_once(3, 10);
    events_of_a_thread_that_has_ended_are_missed_too();
    a_look_takes_nothing_out_and_starts_with_the_oldest();
    a_consumer_that_was_overtaken_counts_what_it_missed();
    a_record_that_was_never_finished_hides_nothing_of_a_dead_host();
    damage_in_a_ring_costs_no_more_than_what_it_hit();
    return 0;
}
