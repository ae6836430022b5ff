/* Sessions watched: rates, orders, filters. What Python's tests say of them as well, where sanitizers can see it. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "watch.h"

#define S 1000000000ll

static const struct c4t_session_copy NOTHING = {.sid = 0};

static struct c4t_session_copy session(uint64_t sid, uint64_t written, const char *address) {
    struct c4t_session_copy made = {.sid = sid, .state = C4T_STATE_OPEN, .flows = {1, written}};
    made.t_opened = made.t_closing = made.t_closed = made.t_disposed = INT64_MIN;
    strncpy(made.address, address, sizeof made.address - 1);
    return made;
}

static uint32_t sort_by(struct c4t_watch *watch, uint32_t by, const struct c4t_watch_word *word) {
    struct c4t_watch_query query = {
        .states = 1u << C4T_STATE_OPEN, .by = by, .words = word, .word_count = word != NULL};
    struct c4t_watch_order order;
    CHECK(c4t_watch_sort(watch, &query, &order) == 0);
    return order.matching;
}

static void test_rates_are_bytes_over_the_last_second(void) {
    struct c4t_watch *watch = c4t_watch_new();
    struct c4t_watched row;
    for (int tick = 0; tick < 200; tick++) { /* more than are remembered */
        struct c4t_session_copy one = session(1, 500u * (unsigned)tick, "a");
        CHECK(c4t_watch_rows(watch, 0, 5 * S + tick * S / 4, &one, 1, NULL, 0) == 0);
        CHECK(sort_by(watch, C4T_BY_WRITTEN_RATE, NULL) == 1 && c4t_watch_copy(watch, 0, &row, 1) == 1);
        if (tick == 0)
            CHECK(row.written_rate < 0 && row.samples == 0);
        else
            CHECK(fabs(row.written_rate - 2000) < 1e-6);
    }
    CHECK(row.samples == C4T_WATCH_SAMPLES && row.received_rate == 0);
    for (uint32_t i = 0; i < row.samples; i++) CHECK(fabs(row.written[i] - 2000) < 1e-6);
    c4t_watch_free(watch);
}

static void test_rows_grow_shrink_and_are_forgotten(void) {
    static struct c4t_session_copy many[1000];
    struct c4t_watch *watch = c4t_watch_new();
    struct c4t_watched rows[4];
    for (uint32_t i = 0; i < 1000; i++) many[i] = i % 3 ? session(i + 1, i, "ws://x") : NOTHING;
    CHECK(c4t_watch_rows(watch, 7, S, many, 10, NULL, 0) == 0 && sort_by(watch, C4T_BY_SID, NULL) == 6);
    CHECK(c4t_watch_rows(watch, 7, 2 * S, many, 1000, NULL, 0) == 0 && sort_by(watch, C4T_BY_WRITTEN, NULL) == 666);
    CHECK(c4t_watch_copy(watch, 0, rows, 4) == 4 && rows[0].session.sid == 999 && rows[0].source == 7);
    CHECK(c4t_watch_copy(watch, 664, rows, 4) == 2 && c4t_watch_copy(watch, 666, rows, 4) == 0);
    CHECK(c4t_watch_rows(watch, 7, 3 * S, many, 2, NULL, 0) == 0);
    CHECK(c4t_watch_copy(watch, 0, rows, 4) == 0); /* the order before is none any more */
    CHECK(sort_by(watch, C4T_BY_SID, NULL) == 1);
    c4t_watch_forget(watch, 7);
    c4t_watch_forget(watch, UINT32_MAX);
    CHECK(sort_by(watch, C4T_BY_SID, NULL) == 0);
    CHECK(c4t_watch_rows(watch, 4096, S, many, 1, NULL, 0) == -1); /* no such source */
    c4t_watch_free(watch);
}

static void test_a_word_finds_calls_and_addresses(void) {
    struct c4t_session_copy two[] = {session(1, 5, "ws://First"), session(2, 6, "ws://second")};
    struct c4t_flight_copy flights[] = {{.sid = 2, .ns = 5, .tid = 1, .event = C4T_EV_CLOSE},
                                        {.sid = 9, .ns = 1, .tid = 2, .event = C4T_EV_OPEN},
                                        {.sid = 2, .ns = 7, .tid = 3, .event = C4T_EV_WRITE, .name = "long"}};
    struct c4t_watch_word first = {.peer = "fIRST"}, in_write = {.events = 1u << C4T_EV_WRITE};
    struct c4t_watch *watch = c4t_watch_new();
    struct c4t_watched row;
    CHECK(c4t_watch_rows(watch, 0, S, two, 2, flights, 3) == 0);
    CHECK(sort_by(watch, C4T_BY_PEER, &first) == 1 && c4t_watch_copy(watch, 0, &row, 1) == 1 && row.session.sid == 1);
    CHECK(sort_by(watch, C4T_BY_FLIGHT, &in_write) == 1 && c4t_watch_copy(watch, 0, &row, 1) == 1);
    CHECK(row.session.sid == 2 && row.flights == 2 && row.flight_tid == 3 && !strcmp(row.flight_thread, "long"));
    c4t_watch_free(watch);
}

int main(void) {
    test_rates_are_bytes_over_the_last_second();
    test_rows_grow_shrink_and_are_forgotten();
    test_a_word_finds_calls_and_addresses();
    c4t_watch_free(NULL);
    return 0;
}
