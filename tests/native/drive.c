#include "drive.h"

#include <time.h>

#include "check.h"

const c4t_address somewhere = {{"ws", 2}, {"localhost", 9}, 4984, {"/db/_blipsync", 13}};
const c4t_slice nothing;

c4thost_config config_with(uint32_t close_timeout_ms) {
    c4thost_config config = C4THOST_CONFIG_INIT;
    config.connect_timeout_ms = 100;
    config.close_timeout_ms = close_timeout_ms;
    return config;
}

c4thost_event expect(c4thost *host, uint64_t id, enum c4thost_happening kind) {
    c4thost_event event;
    CHECK_EQUAL(c4thost_next(host, &event, 20000), 1);
    CHECK_EQUAL(event.kind, kind);
    CHECK_EQUAL(event.id, id);
    return event;
}

void skip(c4thost *host, uint64_t id, enum c4thost_happening kind) {
    c4thost_event event = expect(host, id, kind);
    c4thost_event_free(&event);
}

void expect_closed(c4thost *host, uint64_t id, uint32_t domain, int32_t code) {
    c4thost_event event = expect(host, id, C4THOST_CLOSED);
    CHECK_EQUAL(event.domain, domain);
    CHECK_EQUAL(event.code, code);
    c4thost_event_free(&event);
}

c4thost_counts counts_of(c4thost *host, uint64_t id) {
    c4thost_counts counts;
    CHECK_EQUAL(c4thost_count(host, id, &counts), 0);
    return counts;
}

void expect_no_anomaly(const c4thost_counts *counts) {
    for (int i = 0; i < C4THOST_ANOMALY_COUNT; i++) CHECK_EQUAL(counts->anomalies[i], 0);
}

void stop_without_leak(c4thost *host) {
    c4thost_leaks leaks;
    c4thost_stop(host, &leaks);
    CHECK_EQUAL(leaks.sockets, 0);
    CHECK_EQUAL(leaks.slices, 0);
    CHECK_EQUAL(leaks.threads, 0);
    c4thost_event event;
    int last;
    while ((last = c4thost_next(host, &event, -1)) == 1) c4thost_event_free(&event);
    CHECK_EQUAL(last, -1);
    c4thost_free(host);
}

void sleep_ms(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }
