/* The embedded host keeps to LiteCore's side of the contract, and counts exactly. */
#include <string.h>

#include "check.h"
#include "drive.h"
#include "echo.h"
#include "host.h"

static void a_session_runs_from_open_to_dispose(unsigned ways, uint32_t factory_size) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(factory_size);
    echo_start(&echo, &up, ways);
    c4thost_config config = config_with(5000);
    config.connect_timeout_ms = 15000;
    config.factory_size = factory_size;
    if (ways & ECHO_OPENS_INSIDE) config.ack = C4THOST_ACK_INSIDE;
    c4thost *host = c4thost_new(&config);
    CHECK(host);
    uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, nothing);
    CHECK(id);
    c4thost_event response = expect(host, id, C4THOST_HTTP_RESPONSE);
    CHECK_EQUAL(response.code, 101);
    CHECK_EQUAL(response.size, 2);
    CHECK(!memcmp(response.data, "\x70\x00", 2));
    c4thost_event_free(&response);
    skip(host, id, C4THOST_OPENED);
    CHECK_EQUAL(c4thost_send(host, id, "hello", 5), 0);
    bool acked = false, echoed = false;
    while (!acked || !echoed) {
        c4thost_event event;
        CHECK_EQUAL(c4thost_next(host, &event, 20000), 1);
        CHECK_EQUAL(event.size, 5);
        acked = acked || event.kind == C4THOST_ACKED;
        echoed = echoed || (event.kind == C4THOST_RECEIVED && !memcmp(event.data, "hello", 5));
        c4thost_event_free(&event);
    }
    CHECK_EQUAL(c4thost_close(host, id, 1000, nothing), 0);
    expect_closed(host, id, 6, 1000);
    skip(host, id, C4THOST_DISPOSED);
    c4thost_counts counts = counts_of(host, id);
    expect_no_anomaly(&counts);
    static const enum c4t_event once[] = {C4T_EV_OPEN,
                                          C4T_EV_WRITE,
                                          C4T_EV_COMPLETED_RECEIVE,
                                          C4T_EV_DISPOSE,
                                          C4T_EV_OPENED,
                                          C4T_EV_RECEIVED,
                                          C4T_EV_COMPLETED_WRITE,
                                          C4T_EV_CLOSED,
                                          C4T_EV_GOT_HTTP_RESPONSE};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) CHECK_EQUAL(counts.events[once[i]].n, 1);
    CHECK_EQUAL(counts.events[C4T_EV_CLOSE].n, !!(ways & ECHO_FRAMED));
    CHECK_EQUAL(counts.events[C4T_EV_REQUEST_CLOSE].n, !(ways & ECHO_FRAMED));
    CHECK_EQUAL(counts.events[C4T_EV_WRITE].bytes, 5);
    CHECK_EQUAL(counts.events[C4T_EV_RECEIVED].bytes, 5);
    CHECK_EQUAL(counts.events[C4T_EV_COMPLETED_WRITE].bytes, 5);
    CHECK_EQUAL(counts.events[C4T_EV_COMPLETED_RECEIVE].bytes, 5);
    CHECK_EQUAL(c4thost_send(host, id, "late", 4), -1);
    c4thost_forget(host, id);
    CHECK_EQUAL(c4thost_count(host, id, &counts), -1);
    counts = counts_of(host, 0);
    CHECK_EQUAL(counts.events[C4T_EV_WRITE].bytes, 5);
    stop_without_leak(host);
    echo_stop(&echo);
}

static void many_sockets_count_exactly(unsigned ways) {
    enum { SOCKETS = 200, MESSAGES = 40 };
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    echo_start(&echo, &up, ways);
    c4thost_config config = C4THOST_CONFIG_INIT;
    config.ack = ways & ECHO_NEW_THREADS ? C4THOST_ACK_INSIDE : C4THOST_ACK_PROCESSED;
    config.linger = 0;
    c4thost *host = c4thost_new(&config);
    static unsigned char message[9000];
    for (int i = 0; i < SOCKETS; i++) {
        uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, (c4t_slice){"\x70\x00", 2});
        CHECK_EQUAL(id, i + 1);
        for (int m = 1; m <= MESSAGES; m++) CHECK_EQUAL(c4thost_send(host, id, message, (size_t)m * 225), 0);
    }
    const uint64_t bytes = (uint64_t)MESSAGES * (MESSAGES + 1) / 2 * 225;
    uint64_t received[SOCKETS + 1] = {0}, disposed = 0, last[SOCKETS + 1] = {0};
    while (disposed < SOCKETS) {
        c4thost_event event;
        CHECK_EQUAL(c4thost_next(host, &event, 60000), 1);
        if (event.kind == C4THOST_RECEIVED) {
            CHECK_EQUAL(event.size, last[event.id] + 225); /* in order */
            last[event.id] = event.size;
            received[event.id] += event.size;
            if (received[event.id] == bytes) CHECK_EQUAL(c4thost_close(host, event.id, 1000, nothing), 0);
        }
        disposed += event.kind == C4THOST_DISPOSED;
        c4thost_event_free(&event);
    }
    for (uint64_t id = 1; id <= SOCKETS; id++) {
        c4thost_counts counts = counts_of(host, id);
        expect_no_anomaly(&counts);
        CHECK_EQUAL(counts.events[C4T_EV_WRITE].n, MESSAGES);
        CHECK_EQUAL(counts.events[C4T_EV_WRITE].bytes, bytes);
        CHECK_EQUAL(counts.events[C4T_EV_COMPLETED_WRITE].bytes, bytes);
        CHECK_EQUAL(counts.events[C4T_EV_RECEIVED].bytes, bytes);
        CHECK_EQUAL(counts.events[C4T_EV_COMPLETED_RECEIVE].bytes, bytes);
        CHECK_EQUAL(counts.events[C4T_EV_DISPOSE].n, 1);
    }
    CHECK_EQUAL(atomic_load(&echo.writes), SOCKETS * MESSAGES);
    CHECK_EQUAL(atomic_load(&echo.written_bytes), SOCKETS * bytes);
    CHECK_EQUAL(atomic_load(&echo.completed_bytes), SOCKETS * bytes);
    CHECK_EQUAL(atomic_load(&echo.disposes), SOCKETS);
    stop_without_leak(host);
    echo_stop(&echo);
}

static void what_does_not_open_is_closed_by_504(void) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    echo_start(&echo, &up, ECHO_NEVER_OPENS);
    c4thost_config config = config_with(5000);
    c4thost *host = c4thost_new(&config);
    uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, nothing);
    expect_closed(host, id, 6, 504); /* the echo closes with what it is asked for */
    skip(host, id, C4THOST_DISPOSED);
    c4thost_counts counts = counts_of(host, id);
    CHECK_EQUAL(counts.anomalies[C4THOST_NOT_OPENED], 1);
    CHECK_EQUAL(counts.events[C4T_EV_REQUEST_CLOSE].n, 1);
    stop_without_leak(host);
    echo_stop(&echo);
}

static void what_does_not_close_is_ended_as_timed_out(unsigned ways) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    echo_start(&echo, &up, ECHO_NEVER_CLOSES | ways);
    c4thost_config config = config_with(100);
    c4thost *host = c4thost_new(&config);
    uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, nothing);
    skip(host, id, C4THOST_HTTP_RESPONSE);
    skip(host, id, C4THOST_OPENED);
    c4thost_close(host, id, 1000, nothing);
    c4thost_close(host, id, 1000, nothing); /* asks no second time */
    expect_closed(host, id, 5, 3);
    c4thost_leaks leaks;
    c4thost_stop(host, &leaks);
    CHECK_EQUAL(leaks.sockets, 1); /* the echo kept its reference, as it never came to closed */
    c4thost_counts counts = counts_of(host, id);
    CHECK_EQUAL(counts.anomalies[C4THOST_NOT_CLOSED], 1);
    CHECK_EQUAL(counts.events[C4T_EV_REQUEST_CLOSE].n + counts.events[C4T_EV_CLOSE].n, 1);
    CHECK_EQUAL(counts.events[C4T_EV_DISPOSE].n, 0);
    c4thost_free(host);
    echo_stop(&echo);
}

static void at_most_64_KiB_are_unacknowledged(void) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    echo_start(&echo, &up, ECHO_NEVER_ACKS);
    c4thost_config config = config_with(5000);
    config.events = 1u << C4THOST_RECEIVED;
    c4thost *host = c4thost_new(&config);
    uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, nothing);
    static unsigned char message[1000];
    for (int i = 0; i < 200; i++) CHECK_EQUAL(c4thost_send(host, id, message, sizeof message), 0);
    for (int i = 0; i < 66; i++) skip(host, id, C4THOST_RECEIVED);
    sleep_ms(50);
    /* 65 writes are 65,000 bytes, which is not more than 65,536; the 66th exceeds it and is the last. */
    CHECK_EQUAL(counts_of(host, id).events[C4T_EV_WRITE].n, 66);
    stop_without_leak(host);
    echo_stop(&echo);
}

static void leaked_slices_are_counted(void) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    echo_start(&echo, &up, ECHO_KEEPS_SLICES);
    c4thost_config config = config_with(5000);
    config.events = 1u << C4THOST_RECEIVED;
    c4thost *host = c4thost_new(&config);
    uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, nothing);
    for (int i = 0; i < 3; i++) {
        c4thost_send(host, id, "abc", 3);
        skip(host, id, C4THOST_RECEIVED);
    }
    c4thost_leaks leaks;
    c4thost_stop(host, &leaks);
    CHECK_EQUAL(leaks.slices, 3);
    CHECK_EQUAL(leaks.sockets, 0);
    c4thost_free(host);
    echo_stop(&echo);
}

static void a_socket_from_native_is_opened_when_accepted(uint32_t factory_size) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(factory_size);
    echo_start(&echo, &up, 0);
    c4thost_config config = C4THOST_CONFIG_INIT;
    c4thost *host = c4thost_new(&config);
    c4t_socket *socket;
    if (factory_size == C4T_FACTORY_SIZE_64) {
        c4t_socket_factory_64 small;
        memcpy(&small, &echo.factory, sizeof small);
        socket = ((c4t_socket * (*)(c4t_socket_factory_64, void *, const c4t_address *))
                      up.table.from_native)(small, &echo, &somewhere);
    } else {
        socket = ((c4t_socket * (*)(c4t_socket_factory, void *, const c4t_address *))
                      up.table.from_native)(echo.factory, &echo, &somewhere);
    }
    CHECK_EQUAL(atomic_load(&echo.attacheds), factory_size == C4T_FACTORY_SIZE_72);
    up.retain(socket);
    uint64_t id = c4thost_accept(host, socket, nothing);
    CHECK(id);
    CHECK_EQUAL(c4thost_accept(host, socket, nothing), 0);
    up.release(socket);
    /* The echo reports a response for every socket, which an incoming one has not. */
    skip(host, id, C4THOST_HTTP_RESPONSE);
    skip(host, id, C4THOST_OPENED);
    c4thost_close(host, id, 1000, nothing);
    expect_closed(host, id, 6, 1000);
    skip(host, id, C4THOST_DISPOSED);
    c4thost_counts counts = counts_of(host, id);
    CHECK_EQUAL(counts.events[C4T_EV_FROM_NATIVE].n, 1);
    CHECK_EQUAL(counts.events[C4T_EV_OPEN].n, 1);
    CHECK_EQUAL(counts.anomalies[C4THOST_HTTP_OUT_OF_TURN], 1);
    stop_without_leak(host);
    echo_stop(&echo);
}

static void the_driver_may_say_what_is_processed(void) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    echo_start(&echo, &up, 0);
    c4thost_config config = C4THOST_CONFIG_INIT;
    config.ack = C4THOST_ACK_DRIVER;
    config.events = 1u << C4THOST_RECEIVED;
    c4thost *host = c4thost_new(&config);
    uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, nothing);
    c4thost_send(host, id, "hello", 5);
    skip(host, id, C4THOST_RECEIVED);
    sleep_ms(20);
    CHECK_EQUAL(counts_of(host, id).events[C4T_EV_COMPLETED_RECEIVE].n, 0);
    CHECK_EQUAL(c4thost_completed_receive(host, id, 5), 0);
    while (!counts_of(host, id).events[C4T_EV_COMPLETED_RECEIVE].n) sleep_ms(1);
    CHECK_EQUAL(counts_of(host, id).events[C4T_EV_COMPLETED_RECEIVE].bytes, 5);
    stop_without_leak(host);
    echo_stop(&echo);
}

static void the_end_of_a_framed_stream_closes_inside_received(void) {
    struct echo echo;
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    echo_start(&echo, &up, ECHO_FRAMED | ECHO_OBEYS_Q);
    c4thost_config config = C4THOST_CONFIG_INIT;
    config.events = 1u << C4THOST_RECEIVED | 1u << C4THOST_CLOSED;
    c4thost *host = c4thost_new(&config);
    uint64_t id = c4thost_connect(host, &echo.factory, &somewhere, nothing);
    c4thost_send(host, id, "Q", 1);
    c4thost_event event = expect(host, id, C4THOST_RECEIVED);
    CHECK_EQUAL(event.size, 0);
    c4thost_event_free(&event);
    expect_closed(host, id, 6, 1000);
    c4thost_counts counts = counts_of(host, id);
    expect_no_anomaly(&counts);
    CHECK_EQUAL(counts.events[C4T_EV_CLOSE].n, 1);
    CHECK_EQUAL(counts.events[C4T_EV_COMPLETED_RECEIVE].n, 0);
    stop_without_leak(host);
    echo_stop(&echo);
}

int main(void) {
    a_session_runs_from_open_to_dispose(0, C4T_FACTORY_SIZE_72);
    a_session_runs_from_open_to_dispose(0, C4T_FACTORY_SIZE_64);
    a_session_runs_from_open_to_dispose(ECHO_FRAMED, C4T_FACTORY_SIZE_72);
    a_session_runs_from_open_to_dispose(ECHO_ACKS_INSIDE | ECHO_CLOSES_INSIDE | ECHO_OPENS_INSIDE, C4T_FACTORY_SIZE_72);
    many_sockets_count_exactly(0);
    many_sockets_count_exactly(ECHO_ACKS_INSIDE | ECHO_OPENS_INSIDE);
    many_sockets_count_exactly(ECHO_NEW_THREADS);
    what_does_not_open_is_closed_by_504();
    what_does_not_close_is_ended_as_timed_out(0);
    what_does_not_close_is_ended_as_timed_out(ECHO_FRAMED);
    at_most_64_KiB_are_unacknowledged();
    leaked_slices_are_counted();
    a_socket_from_native_is_opened_when_accepted(C4T_FACTORY_SIZE_64);
    a_socket_from_native_is_opened_when_accepted(C4T_FACTORY_SIZE_72);
    the_driver_may_say_what_is_processed();
    the_end_of_a_framed_stream_closes_inside_received();
    return 0;
}
