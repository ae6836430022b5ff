/* Rings that were overwritten, torn or damaged: what is left is read, what is missing is told. */
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
    a_look_takes_nothing_out_and_starts_with_the_oldest();
    a_consumer_that_was_overtaken_counts_what_it_missed();
    a_record_that_was_never_finished_hides_nothing_of_a_dead_host();
    damage_in_a_ring_costs_no_more_than_what_it_hit();
    return 0;
}
