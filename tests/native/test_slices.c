/* Slices that `write` hands over: which of them were released, wherever and whenever that was, and which are held. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "slices.h"
#include "stand_in.h"

#ifdef C4TRACE_SANITIZED
enum { ROUNDS = 3000 };
#else
enum { ROUNDS = 4000 };
#endif
enum { THREADS = 4, SIZE = 100, MORE_THAN_FIT = 20000, ROOM = 2048 * 7 };

static c4trace_tracer *tracer;
static const c4t_socket_factory *traced;

/* What a release does to bytes that malloc gave. */
static void real_release(const void *bytes) { free((void *)(uintptr_t)bytes); }
static void release(const void *bytes) { UP(tracer, release_buffer)(bytes); }

static void (*in_write)(c4t_slice slice);
static void at_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) { (void)s, (void)a, (void)o, (void)c; }
static void at_write(c4t_socket *s, c4t_slice slice) { (void)s, in_write(slice); }
static void at_completed(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void at_request_close(c4t_socket *s, int code, c4t_slice m) { (void)s, (void)code, (void)m; }
static void at_dispose(c4t_socket *s) { (void)s; }
static const c4t_socket_factory factory = {C4T_NO_FRAMING,   NULL,       at_open, at_write, at_completed, NULL,
                                           at_request_close, at_dispose, NULL};

static void keeps(c4t_slice slice) { (void)slice; }
static void releases_at_once(c4t_slice slice) { release(slice.buf); }

static void http(c4t_socket *s, int c, c4t_slice h) { (void)s, (void)c, (void)h; }
static void opened(c4t_socket *s) { (void)s; }
static void received(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void completed_write(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void close_requested(c4t_socket *s, int c, c4t_slice m) { (void)s, (void)c, (void)m; }
static void closed(c4t_socket *s, c4t_error e) { (void)s, (void)e; }
static const c4t_upcalls upcalls = {.factory_size = 72,
                                    .got_http_response = http,
                                    .opened = opened,
                                    .received = received,
                                    .completed_write = completed_write,
                                    .close_requested = close_requested,
                                    .closed = closed,
                                    .release_buffer = real_release};

static void begin(void (*with_slices)(c4t_slice)) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "slices";
    config.upcalls = &upcalls;
    in_write = with_slices;
    CHECK(!c4trace_open(&config, &tracer, NULL));
    traced = wrap(tracer, &factory, "f");
    c4trace_uses_release(tracer, traced);
    CHECK_EQUAL(((struct c4t_factory_row *)c4t_at(tracer, &tracer->header->factories, 0))->releases, C4T_UPCALLS_TABLE);
}

static c4t_socket *open_socket(int i) {
    traced->open(SOCKET(i), &address, (c4t_slice){NULL, 0}, NULL);
    return SOCKET(i);
}

static c4t_slice write_to(c4t_socket *socket, size_t size) {
    c4t_slice slice = {malloc(size ? size : 1), size};
    CHECK(slice.buf);
    traced->write(socket, slice);
    return slice;
}

static struct c4t_cells sums(void) {
    struct c4t_cells sum = {0};
    for (uint32_t i = 0; i < tracer->header->cells_top; i++) {
        struct c4t_cells *cells = c4t_at(tracer, &tracer->header->cells, i);
        sum.written.n += cells->written.n;
        sum.written.bytes += cells->written.bytes;
        sum.released.n += cells->released.n;
        sum.released.bytes += cells->released.bytes;
        sum.unfollowed.n += cells->unfollowed.n;
        sum.unfollowed.bytes += cells->unfollowed.bytes;
    }
    return sum;
}

static void demand(uint64_t written, uint64_t released, uint64_t unfollowed) {
    struct c4t_cells sum = sums();
    CHECK_EQUAL(sum.written.n, written);
    CHECK_EQUAL(sum.released.n, released);
    CHECK_EQUAL(sum.unfollowed.n, unfollowed);
}

static void demand_held(uint32_t row, uint64_t n, uint64_t bytes) {
    uint64_t held = row_of(tracer, row)->held;
    CHECK_EQUAL(held >> 32 & 0xFFFF, n);
    CHECK_EQUAL(held & UINT32_MAX, bytes);
}

static void end(void) {
    c4trace_close(tracer, 0);
    CHECK(c4t_slices); /* the table stays, for slices that are released later */
}

static void a_factory_whose_releases_cannot_be_seen_is_not_followed(void) {
    tracer = open_tracer("unseen", C4T_CAPTURE_HEADERS, 0);
    traced = wrap(tracer, &inner_factory, "f");
    CHECK(!c4t_slices);
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, NULL);
    traced->write(SOCKET(1), (c4t_slice){"abc", 3});
    demand(0, 0, 0);
    demand_held(0, 0, 0);
    CHECK_EQUAL(((struct c4t_factory_row *)c4t_at(tracer, &tracer->header->factories, 0))->releases,
                C4T_UPCALLS_NOT_VISIBLE);
    c4trace_close(tracer, 0);
}

static void what_is_released_inside_write_is_not_held(void) {
    begin(releases_at_once);
    c4t_socket *socket = open_socket(1);
    for (int i = 0; i < 1000; i++) write_to(socket, SIZE);
    demand(1000, 1000, 0);
    CHECK_EQUAL(sums().released.bytes, 1000 * SIZE);
    demand_held(0, 0, 0);
    end();
}

static void *release_elsewhere(void *bytes) {
    release(bytes);
    return NULL;
}

static void what_is_released_later_or_elsewhere_is_held_until_then(void) {
    begin(keeps);
    c4t_socket *socket = open_socket(1);
    c4t_slice first = write_to(socket, SIZE), second = write_to(socket, 7), third = write_to(socket, 0);
    demand_held(0, 3, SIZE + 7);
    release(first.buf);
    demand_held(0, 2, 7);
    pthread_t thread; /* which was never leased anything */
    CHECK(!pthread_create(&thread, NULL, release_elsewhere, (void *)(uintptr_t)second.buf));
    pthread_join(thread, NULL);
    demand_held(0, 1, 0);
    traced->dispose(socket);
    demand_held(0, 1, 0);
    release(third.buf); /* after dispose, as rule C4S-036 has it */
    demand_held(0, 0, 0);
    demand(3, 3, 0);
    CHECK_EQUAL(sums().released.bytes, SIZE + 7);
    end();
}

static void what_is_no_slice_of_write_changes_nothing(void) {
    begin(keeps);
    c4t_socket *socket = open_socket(1);
    c4t_slice slice = write_to(socket, SIZE);
    traced->write(socket, (c4t_slice){NULL, 0}); /* nobody's to release */
    release(NULL);
    for (int i = 0; i < 1000; i++) release(malloc(SIZE)); /* other buffers */
    demand(1, 0, 0);
    demand_held(0, 1, SIZE);
    release(slice.buf);
    demand(1, 1, 0);
    end();
}

static void what_was_retained_is_held_until_the_last_reference_is_gone(void) {
    begin(keeps);
    c4t_slice slice = write_to(open_socket(1), SIZE);
    c4t_slice_retained(slice.buf);
    c4t_slice_retained(slice.buf);
    c4t_slice_retained(&slice); /* no slice */
    c4t_slice_released(slice.buf);
    c4t_slice_released(slice.buf);
    demand(1, 0, 0);
    release(slice.buf);
    demand(1, 1, 0);
    demand_held(0, 0, 0);
    end();
}

static void too_many_references_are_not_followed(void) {
    begin(keeps);
    c4t_slice slice = write_to(open_socket(1), SIZE);
    for (int i = 0; i < 0x10000; i++) c4t_slice_retained(slice.buf);
    demand(1, 0, 1);
    demand_held(0, 0, 0);
    release(slice.buf);
    demand(1, 0, 1);
    end();
}

static void an_address_that_comes_again_was_released_unseen(void) {
    begin(keeps);
    c4t_socket *socket = open_socket(1);
    static const char bytes[SIZE];
    traced->write(socket, (c4t_slice){bytes, SIZE});
    traced->write(socket, (c4t_slice){bytes, 5});
    demand(2, 0, 1);
    demand_held(0, 1, 5);
    c4t_slice_released(bytes);
    demand(2, 1, 1);
    demand_held(0, 0, 0);
    end();
}

static void what_does_not_fit_is_said(void) {
    begin(keeps);
    static const void *slices[MORE_THAN_FIT];
    c4t_socket *socket = open_socket(1);
    for (int i = 0; i < MORE_THAN_FIT; i++) slices[i] = write_to(socket, SIZE).buf;
    struct c4t_cells full = sums();
    uint64_t followed = MORE_THAN_FIT - full.unfollowed.n;
    CHECK_EQUAL(full.written.n, MORE_THAN_FIT);
    CHECK(followed <= ROOM && followed > ROOM / 2);
    demand_held(0, followed, followed * SIZE);
    for (int i = 0; i < MORE_THAN_FIT; i++) release(slices[i]);
    demand(MORE_THAN_FIT, followed, MORE_THAN_FIT - followed);
    demand_held(0, 0, 0);
    traced->write(socket, (c4t_slice){&full, SIZE}); /* there is room again */
    demand(MORE_THAN_FIT + 1, followed, MORE_THAN_FIT - followed);
    /* No slice is so large, but if one were, the session's row would not say what is not so. */
    traced->write(socket, (c4t_slice){&followed, (size_t)1 << 40});
    demand(MORE_THAN_FIT + 2, followed, MORE_THAN_FIT - followed + 1);
    demand_held(0, 1, SIZE);
    end();
}

static void a_row_that_is_another_sessions_is_left_alone(void) {
    begin(keeps);
    c4t_slice slice = write_to(open_socket(0), SIZE);
    traced->dispose(SOCKET(0));
    for (int i = 1; i < 14000; i++) traced->dispose(open_socket(i)); /* all rows, once more and again */
    demand_held(0, 0, 0);
    release(slice.buf);
    demand(1, 1, 0);
    demand_held(0, 0, 0);
    end();
}

static void a_closed_tracer_forgets(void) {
    begin(keeps);
    c4t_socket *socket = open_socket(1);
    static const void *slices[1000];
    for (int i = 0; i < 1000; i++) slices[i] = write_to(socket, SIZE).buf;
    void (*release_then)(const void *) = UP(tracer, release_buffer);
    end();
    begin(keeps);
    open_socket(1);
    for (int i = 0; i < 1000; i++) release_then(slices[i]);
    demand(0, 0, 0);
    demand_held(0, 0, 0);
    end();
}

static void a_forked_child_changes_nothing(void) {
    begin(keeps);
    c4t_slice slice = write_to(open_socket(1), SIZE);
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        release(slice.buf);
        write_to(SOCKET(1), SIZE);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    demand(1, 0, 0);
    demand_held(0, 1, SIZE);
    release(slice.buf);
    demand(1, 1, 0);
    end();
}

/* Slices on their way from the threads that write to those that release. */
static const void *_Atomic in_transit[256];
static const void *never_released[THREADS * ROUNDS / 8 + 1];

/* Puts a slice there, and releases what lay there before; every eighth is never released. */
static void hands_on(c4t_slice slice) {
    static _Atomic uint32_t turn;
    uint32_t i = atomic_fetch_add(&turn, 1);
    if (i % 8 == 0) {
        never_released[i / 8] = slice.buf;
        return;
    }
    if (i % 8 == 1) {
        c4t_slice_retained(slice.buf);
        c4t_slice_released(slice.buf);
    }
    const void *before = atomic_exchange(&in_transit[i % 256], slice.buf);
    if (before) release(before);
}

static void *writes(void *number) {
    c4t_socket *socket = open_socket((int)(intptr_t)number);
    for (int i = 0; i < ROUNDS; i++) write_to(socket, SIZE);
    return NULL;
}

static _Atomic bool stirring;
static void *releases(void *argument) {
    (void)argument;
    unsigned i = 0;
    while (atomic_load(&stirring)) {
        const void *slice = atomic_exchange(&in_transit[i++ % 256], NULL);
        if (slice) release(slice);
        release(malloc(SIZE)); /* and what is none, at addresses that slices had */
    }
    return NULL;
}

static void threads_hand_over_and_release_and_nothing_is_miscounted(void) {
    begin(hands_on);
    pthread_t writers[THREADS], releasers[THREADS];
    atomic_store(&stirring, true);
    for (intptr_t i = 0; i < THREADS; i++) {
        CHECK(!pthread_create(&writers[i], NULL, writes, (void *)i));
        CHECK(!pthread_create(&releasers[i], NULL, releases, NULL));
    }
    for (int i = 0; i < THREADS; i++) pthread_join(writers[i], NULL);
    atomic_store(&stirring, false);
    for (int i = 0; i < THREADS; i++) pthread_join(releasers[i], NULL);
    for (int i = 0; i < 256; i++)
        if (in_transit[i]) release(in_transit[i]);
    struct c4t_cells sum = sums();
    uint64_t held = 0, bytes = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        held += row_of(tracer, i)->held >> 32 & 0xFFFF;
        bytes += row_of(tracer, i)->held & UINT32_MAX;
    }
    CHECK_EQUAL(sum.written.n, THREADS * ROUNDS);
    CHECK_EQUAL(sum.written.n - sum.released.n - sum.unfollowed.n, held);
    CHECK_EQUAL(sum.released.bytes, SIZE * sum.released.n);
    CHECK_EQUAL(bytes, SIZE * held);
    CHECK_EQUAL(sum.unfollowed.n, 0); /* there was room for seven times as many */
    CHECK_EQUAL(held, THREADS * ROUNDS / 8);
    end();
    for (int i = 0; i < THREADS * ROUNDS / 8; i++) real_release(never_released[i]);
}

int main(void) {
    enter_folder();
    a_factory_whose_releases_cannot_be_seen_is_not_followed();
    what_is_released_inside_write_is_not_held();
    what_is_released_later_or_elsewhere_is_held_until_then();
    what_is_no_slice_of_write_changes_nothing();
    what_was_retained_is_held_until_the_last_reference_is_gone();
    too_many_references_are_not_followed();
    an_address_that_comes_again_was_released_unseen();
    what_does_not_fit_is_said();
    a_row_that_is_another_sessions_is_left_alone();
    a_closed_tracer_forgets();
    a_forked_child_changes_nothing();
    threads_hand_over_and_release_and_nothing_is_miscounted();
    leave_folder();
    return 0;
}
