/* The embedded host tells who does not keep to the contract. */
#include <string.h>

#include "check.h"
#include "drive.h"
#include "echo.h"
#include "host.h"

/* A factory that does nothing by itself: the test makes its up-calls. */
static c4t_socket *_Atomic played;
static uint64_t closes_asked;
static void play_open(c4t_socket *socket, const c4t_address *address, c4t_slice options, void *context) {
    (void)options, (void)context;
    CHECK(!memcmp(address->hostname.buf, "localhost", 9) && address->port == 4984);
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    atomic_store(&played, up.retain(socket));
}
static void play_write(c4t_socket *socket, c4t_slice bytes) {
    (void)socket;
    c4thost_upcalls(C4T_FACTORY_SIZE_72)->release_buffer(bytes.buf);
}
static void play_completed(c4t_socket *socket, size_t n) { (void)socket, (void)n; }
static void play_request_close(c4t_socket *socket, int status, c4t_slice message) {
    (void)socket, (void)status, (void)message;
    closes_asked++;
}
static void play_dispose(c4t_socket *socket) {
    /* Forbidden (C4S-072), and counted. */
    echo_host_upcalls(C4T_FACTORY_SIZE_72).table.completed_write(socket, 1);
    atomic_store(&played, NULL);
}
static const c4t_socket_factory play = {.framing = C4T_NO_FRAMING,
                                        .open = play_open,
                                        .write = play_write,
                                        .completed_receive = play_completed,
                                        .request_close = play_request_close,
                                        .dispose = play_dispose};

static c4t_socket *wait_for_played(void) {
    c4t_socket *socket;
    while (!(socket = atomic_load(&played))) sleep_ms(1);
    return socket;
}

static void breaches_of_the_contract_are_counted(void) {
    const c4t_upcalls *up = c4thost_upcalls(C4T_FACTORY_SIZE_72);
    struct echo_upcalls more = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    c4thost_config config = C4THOST_CONFIG_INIT;
    c4thost *host = c4thost_new(&config);
    uint64_t id = c4thost_connect(host, &play, &somewhere, nothing);
    c4t_socket *socket = wait_for_played();
    up->received(socket, (c4t_slice){"early", 5});
    up->opened(socket);                          /* no response before it */
    up->got_http_response(socket, 101, nothing); /* too late */
    up->opened(socket);
    up->received(socket, nothing);
    up->completed_write(socket, 1);
    up->close_requested(socket, 1001, nothing); /* answered by requestClose on this thread */
    CHECK_EQUAL(closes_asked, 1);
    up->close_requested(socket, 1001, nothing);
    CHECK_EQUAL(closes_asked, 1);
    up->closed(socket, (c4t_error){.domain = 1, .code = 4});
    up->closed(socket, (c4t_error){.domain = 6, .code = 1000});
    up->received(socket, (c4t_slice){"late", 4});
    more.release(socket);
    c4thost_event event;
    do {
        CHECK_EQUAL(c4thost_next(host, &event, 20000), 1);
        c4thost_event_free(&event);
    } while (event.kind != C4THOST_DISPOSED);
    c4thost_counts counts = counts_of(host, id);
    static const struct {
        enum c4thost_anomaly anomaly;
        uint64_t n;
    } expected[] = {{C4THOST_AFTER_CLOSED, 1},       {C4THOST_AFTER_DISPOSE, 1},         {C4THOST_CLOSED_AGAIN, 1},
                    {C4THOST_OPENED_OUT_OF_TURN, 1}, {C4THOST_HTTP_OUT_OF_TURN, 1},      {C4THOST_HTTP_MISSING, 1},
                    {C4THOST_ACKED_TOO_MUCH, 1},     {C4THOST_RECEIVED_EARLY, 1},        {C4THOST_RECEIVED_EMPTY, 1},
                    {C4THOST_ERROR_DOMAIN, 1},       {C4THOST_CLOSE_REQUESTED_FRAMED, 0}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        CHECK_EQUAL(counts.anomalies[expected[i].anomaly], expected[i].n);
    CHECK_EQUAL(counts.events[C4T_EV_CLOSED].n, 2);
    CHECK_EQUAL(counts.events[C4T_EV_RECEIVED].n, 3);

    c4thost_strays before, after;
    c4thost_get_strays(&before);
    up->opened(socket);
    more.release(socket);
    c4t_slice slice = up->error_message(
        ((c4t_error (*)(uint8_t, int, c4t_slice))c4thost_symbol("c4error_make", 72))(5, 3, (c4t_slice){"text", 4}));
    CHECK_EQUAL(slice.size, 4);
    up->release_buffer(slice.buf);
    up->release_buffer(slice.buf);
    c4thost_get_strays(&after);
    CHECK_EQUAL(after.up_calls - before.up_calls, 1);
    CHECK_EQUAL(after.releases - before.releases, 1);
    CHECK_EQUAL(after.slices - before.slices, 1);
    stop_without_leak(host);
}

static void bad_input_is_refused(void) {
    c4thost_config config = C4THOST_CONFIG_INIT;
    config.factory_size = 56;
    CHECK(!c4thost_new(&config));
    config.factory_size = C4T_FACTORY_SIZE_72;
    config.size = 1;
    CHECK(!c4thost_new(&config));
    CHECK(!c4thost_upcalls(56));
    CHECK(!c4thost_symbol("c4socket_registerFactory", 72));
    for (int i = 0; c4thost_symbol_name(i); i++) CHECK(c4thost_symbol(c4thost_symbol_name(i), 64));
    config = (c4thost_config)C4THOST_CONFIG_INIT;
    c4thost *host = c4thost_new(&config);
    c4t_socket_factory wrong = play;
    wrong.close = play_dispose; /* forbidden without framing (C4S-002) */
    CHECK(!c4thost_connect(host, &wrong, &somewhere, nothing));
    CHECK(!c4thost_connect(host, NULL, &somewhere, nothing));
    CHECK_EQUAL(c4thost_send(host, 7, "x", 1), -1);
    stop_without_leak(host);
}

int main(void) {
    breaches_of_the_contract_are_counted();
    bad_input_is_refused();
    return 0;
}
