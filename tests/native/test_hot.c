/* The short way of calls where something comes between: another factory's session in the same place, calls within calls, a tracer that is
 * stopped, a ring that is full. Whatever does, each event is counted once, for whom it is, and is on record or counted as lost. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "slices.h"
#include "stand_in.h"

#ifdef C4TRACE_SANITIZED
enum { STOPS = 40, ROUNDS = 4000 };
#else
enum { STOPS = 150, ROUNDS = 20000 };
#endif
enum { LINGERING = 512, WARM = 100, THREADS = 4 };

static const c4t_slice hello = {"hello", 5};

static void open_session(const c4t_socket_factory *traced, int i) {
    traced->open(SOCKET(i), &address, (c4t_slice){NULL, 0}, traced->context);
}

static uint64_t counted_for(c4trace_tracer *tracer, const c4t_socket_factory *traced, int event) {
    uint32_t factory = (uint32_t)c4trace_factory_index(tracer, traced);
    uint64_t n = 0;
    for (uint32_t i = 0; i < tracer->header->cells_top; i++) {
        struct c4t_cells *cells = c4t_at(tracer, &tracer->header->cells, i);
        if (cells->factory == factory + 1) n += cells->event[event].n;
    }
    return n;
}

static void a_session_that_becomes_another_factorys_is_counted_for_that_one(void) {
    c4trace_tracer *tracer = open_tracer("whose", C4T_CAPTURE_OFF, 0);
    const c4t_socket_factory *one = wrap(tracer, &inner_factory, "1"), *other = wrap(tracer, &inner_factory, "2");
    open_session(other, 3); /* the thread's cells of both */
    other->write(SOCKET(3), hello);
    open_session(one, 1);
    for (int i = 0; i < WARM; i++) one->write(SOCKET(1), hello);
    struct c4t_session *session = c4t_session_find(SOCKET(1));
    one->dispose(SOCKET(1));
    for (int i = 0; i < LINGERING; i++) {
        open_session(one, 2);
        one->dispose(SOCKET(2));
    }
    open_session(other, 1);
    CHECK(c4t_session_find(SOCKET(1)) == session);
    for (int i = 0; i < WARM; i++) {
        other->write(SOCKET(1), hello);
        UP(tracer, received)(SOCKET(1), hello);
    }
    CHECK_EQUAL(counted_for(tracer, one, C4T_EV_WRITE), WARM);
    CHECK_EQUAL(counted_for(tracer, other, C4T_EV_WRITE), WARM + 1);
    CHECK_EQUAL(counted_for(tracer, one, C4T_EV_RECEIVED), 0);
    CHECK_EQUAL(counted_for(tracer, other, C4T_EV_RECEIVED), WARM);
    c4trace_close(tracer, 0);
}

static struct side {
    c4trace_tracer *tracer;
    const c4t_socket_factory *traced;
} one, other;

/* A factory and a LiteCore that call back. */
static void (*within)(void);
static void call_back(void) {
    void (*what)(void) = within;
    within = NULL;
    if (what) what();
}
static void at_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) { (void)s, (void)a, (void)o, (void)c; }
static void at_write(c4t_socket *s, c4t_slice d) { (void)s, (void)d, call_back(); }
static void at_completed(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void at_request_close(c4t_socket *s, int code, c4t_slice m) { (void)s, (void)code, (void)m; }
static const c4t_socket_factory calling_back = {.framing = C4T_NO_FRAMING,
                                                .open = at_open,
                                                .write = at_write,
                                                .completed_receive = at_completed,
                                                .request_close = at_request_close};
static void up_http(c4t_socket *s, int c, c4t_slice h) { (void)s, (void)c, (void)h; }
static void up_opened(c4t_socket *s) { (void)s; }
static void up_received(c4t_socket *s, c4t_slice d) { (void)s, (void)d, call_back(); }
static void up_close_requested(c4t_socket *s, int c, c4t_slice m) { (void)s, (void)c, (void)m; }
static void up_closed(c4t_socket *s, c4t_error e) { (void)s, (void)e; }
/* Asked in the midst of an event: goes on a little after the tracer was stopped. */
static _Atomic bool asked;
static c4t_slice error_message(c4t_error e) {
    (void)e;
    atomic_store(&asked, true);
    while (atomic_load(&one.tracer->generation) & 1) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return (c4t_slice){"why", 3};
}
static void release_buffer(const void *bytes) { (void)bytes; }
static const c4t_upcalls upcalls = {.factory_size = 72,
                                    .got_http_response = up_http,
                                    .opened = up_opened,
                                    .received = up_received,
                                    .completed_write = at_completed,
                                    .close_requested = up_close_requested,
                                    .closed = up_closed,
                                    .error_message = error_message,
                                    .release_buffer = release_buffer};

/* A tracer by this clock ("": the best), and a session of which this thread owns both directions. */
static void begin(struct side *side, const char *name, const char *clock, int socket) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = name;
    config.upcalls = &upcalls;
    const char *was = getenv("C4TRACE_CLOCK");
    char before[16] = "";
    if (was) snprintf(before, sizeof before, "%s", was);
    CHECK(!setenv("C4TRACE_CLOCK", clock, 1));
    CHECK(!c4trace_open(&config, &side->tracer, NULL));
    CHECK(!setenv("C4TRACE_CLOCK", before, 1));
    side->traced = wrap(side->tracer, &calling_back, name);
    open_session(side->traced, socket);
    for (int i = 0; i < WARM; i++) {
        side->traced->write(SOCKET(socket), hello);
        UP(side->tracer, received)(SOCKET(socket), hello);
    }
}

static uint32_t flight_of(const struct side *side) {
    return C4T_FLIGHT_EVENT(c4t_row_of(c4t_leases[side->tracer->index])->flight);
}

static void innermost(void) {
    CHECK_EQUAL(flight_of(&one), C4T_EV_WRITE);
    CHECK_EQUAL(flight_of(&other), C4T_EV_RECEIVED);
}

static void inside_both(void) {
    innermost();
    within = innermost;
    UP(other.tracer, received)(SOCKET(2), hello);
    innermost();
}

static void inside_one(void) {
    CHECK_EQUAL(flight_of(&one), C4T_EV_WRITE);
    CHECK_EQUAL(flight_of(&other), C4T_EV_NONE);
    within = inside_both;
    UP(other.tracer, received)(SOCKET(2), hello);
    CHECK_EQUAL(flight_of(&one), C4T_EV_WRITE);
    CHECK_EQUAL(flight_of(&other), C4T_EV_NONE);
}

static void calls_within_calls_hide_none_of_another_tracer(const char *clock) {
    begin(&one, "one", "", 1);
    begin(&other, "other", clock, 2);
    for (int i = 1; i <= 3; i++) {
        within = inside_one;
        one.traced->write(SOCKET(1), hello);
        CHECK_EQUAL(total(one.tracer, C4T_EV_WRITE, -1).n, WARM + i);
        CHECK_EQUAL(total(other.tracer, C4T_EV_RECEIVED, -1).n, WARM + 2 * i);
    }
    CHECK(flight_of(&one) == C4T_EV_NONE && flight_of(&other) == C4T_EV_NONE);
    c4trace_close(one.tracer, 0);
    c4trace_close(other.tracer, 0);
}

static void receives(void) {
    struct c4t_thread_row *row = c4t_row_of(c4t_leases[one.tracer->index]);
    uint64_t flight = row->flight, since = row->flight_since;
    CHECK_EQUAL(C4T_FLIGHT_EVENT(flight), C4T_EV_WRITE);
    UP(one.tracer, received)(SOCKET(1), hello);
    CHECK(row->flight == flight && row->flight_since == since);
}

/* What a closed tracer has left behind knows the same socket. */
static void calls_within_calls_are_told_apart_from_those_of_a_closed_tracer(const char *closed, const char *open) {
    begin(&other, "closed", closed, 1);
    c4trace_close(other.tracer, 0);
    begin(&one, "open", open, 1);
    within = receives;
    one.traced->write(SOCKET(1), hello);
    CHECK_EQUAL(flight_of(&one), C4T_EV_NONE);
    CHECK_EQUAL(total(one.tracer, C4T_EV_WRITE, -1).hist[0], WARM + 1);
    CHECK_EQUAL(total(one.tracer, C4T_EV_RECEIVED, -1).hist[0], WARM + 1);
    c4trace_close(one.tracer, 0);
}

/* A consumer that lives and reads nothing. */
static void consume_nothing(c4trace_tracer *tracer) {
    tracer->header->consumer_beat = UINT64_MAX;
    tracer->header->consumer_pid = 1;
}

static _Atomic bool going;
static void *go_on(void *number) {
    int i = *(int *)number;
    while (atomic_load(&going)) {
        one.traced->write(SOCKET(i), hello);
        UP(one.tracer, completed_write)(SOCKET(i), hello.size);
        UP(one.tracer, opened)(SOCKET(i));
        UP(one.tracer, received)(SOCKET(i), hello);
        one.traced->completed_receive(SOCKET(i), hello.size);
    }
    return NULL;
}

struct flows_of_all {
    uint64_t written, completed_write, received, completed_receive;
};
static void add_flows(struct flows_of_all *all, const struct c4t_session_row *row) {
    all->written += row->write.n;
    all->completed_write += row->completed_write.n;
    all->received += row->received.n;
    all->completed_receive += row->completed_receive.n;
}

/* Stopped at any moment: all that had begun is counted and recorded, or neither, and no row says that something is under way. */
static void stopping_leaves_nothing_half_done(void) {
    for (int stop = 0; stop < STOPS; stop++) {
        one.tracer = open_tracer("stopped", C4T_CAPTURE_HEADERS, 2 << 20);
        one.traced = wrap(one.tracer, &inner_factory, "f");
        consume_nothing(one.tracer);
        pthread_t threads[THREADS];
        int numbers[THREADS];
        atomic_store(&going, true);
        for (int i = 0; i < THREADS; i++) {
            open_session(one.traced, numbers[i] = i);
            CHECK(!pthread_create(&threads[i], NULL, go_on, &numbers[i]));
        }
        nanosleep(&(struct timespec){.tv_nsec = 100000 * (stop % 20)}, NULL);
        c4trace_stop(one.tracer);
        atomic_store(&going, false);
        for (int i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
        for (uint32_t i = 0; i < one.tracer->header->thread_top; i++) {
            struct c4t_thread_row *row = c4t_at(one.tracer, &one.tracer->header->threads, i);
            CHECK(C4T_FLIGHT_EVENT(row->flight) != C4T_ENTERING);
        }
        struct records found = records_of(one.tracer);
        uint64_t counted = 0, recorded = 0;
        for (int event = C4T_EV_OPEN; event < C4T_EV_COUNT; event++) {
            counted += total(one.tracer, event, -1).n;
            recorded += found.entries[event];
        }
        CHECK_EQUAL(counted, recorded + dropped_of(one.tracer));
        struct flows_of_all rows = {0};
        for (uint32_t i = 0; i < THREADS; i++) add_flows(&rows, row_of(one.tracer, i));
        CHECK_EQUAL(rows.written, total(one.tracer, C4T_EV_WRITE, -1).n);
        CHECK_EQUAL(rows.completed_write, total(one.tracer, C4T_EV_COMPLETED_WRITE, -1).n);
        CHECK_EQUAL(rows.received, total(one.tracer, C4T_EV_RECEIVED, -1).n);
        CHECK_EQUAL(rows.completed_receive, total(one.tracer, C4T_EV_COMPLETED_RECEIVE, -1).n);
        c4trace_close(one.tracer, 0);
    }
}

static void *close_with_error(void *data) {
    (void)data;
    UP(one.tracer, closed)(SOCKET(1), (c4t_error){.domain = 5, .code = 3});
    return NULL;
}

/* False: the thread got no processor for as long as one waits for it. */
static bool is_waited_for(uint32_t rows) {
    pthread_t thread;
    begin(&one, "waits", "", 1);
    if (one.tracer->free_slot_count > rows) one.tracer->free_slot_count = rows;
    atomic_store(&asked, false);
    CHECK(!pthread_create(&thread, NULL, close_with_error, NULL));
    while (!atomic_load(&asked)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    c4trace_stop(one.tracer);
    uint64_t recorded = records_of(one.tracer).entries[C4T_EV_CLOSED], counted = total(one.tracer, C4T_EV_CLOSED, -1).n;
    CHECK(!pthread_join(thread, NULL));
    CHECK_EQUAL(records_of(one.tracer).entries[C4T_EV_CLOSED], 1);
    c4trace_close(one.tracer, 0);
    return recorded == 1 && counted == 1;
}

static void who_stops_waits_for_what_is_being_recorded(uint32_t rows) {
    int tries = 20;
    while (!is_waited_for(rows)) CHECK(--tries);
}

static struct records taken;

/* Read up to `most` records of the ring and give their room back. */
static void take(c4trace_tracer *tracer, struct c4t_ring *ring, uint32_t most) {
    uint64_t end = ring->shared ? ring->reserved : ring->head, p = ring->tail;
    for (; p < end && most; most--) {
        struct c4t_record *record = (void *)(tracer->base + ring->data + (p & (ring->cap - 1)));
        CHECK(record->mark == (uint32_t)(p + record->size));
        if (record->flags & C4T_REC_RETURN)
            taken.returns++;
        else
            taken.entries[record->event] += record->event == C4T_EV_GAP ? record->n : 1;
        p += record->size;
    }
    ring->tail = p;
}

/* A reader that keeps up for a while, then does not, then makes a little room. Ended here: n of all, returns or lost of all that are on record. */
static void what_is_dropped_and_what_is_not_is_all_there_is(uint64_t level, bool shared, bool follows) {
    c4trace_tracer *tracer = open_tracer("full", (uint32_t)level, 2 << 20);
    CHECK(!c4trace_set_capture(tracer, (uint32_t)level, (uint32_t)(level >> 32)));
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    if (follows) c4trace_uses_release(tracer, traced);
    if (shared) tracer->free_ring_count = 0;
    consume_nothing(tracer);
    memset(&taken, 0, sizeof taken);
    static unsigned char bytes[300];
    uint64_t all = 2;
    for (int i = 0; i < 2; i++) open_session(traced, i);
    struct c4t_ring *ring = c4t_leases[tracer->index]->ring;
    CHECK_EQUAL(ring->shared, shared);
    for (unsigned round = 0; round < ROUNDS; round++, all += 4) {
        int i = round % 7 == 0;
        traced->write(SOCKET(i), (c4t_slice){bytes, round % 300});
        UP(tracer, completed_write)(SOCKET(i), round % 300);
        UP(tracer, received)(SOCKET(i), (c4t_slice){bytes, 299 - round % 300});
        traced->completed_receive(SOCKET(i), 299 - round % 300);
        if (follows) c4t_slice_released(bytes);
        if (round % 5000 < 1000) take(tracer, ring, UINT32_MAX);
        if (round % 5000 > 3000 && round % 11 == 0) take(tracer, ring, round % 5);
    }
    take(tracer, ring, UINT32_MAX);
    uint64_t untold = 0, entries = 0, lost = row_of(tracer, 0)->lost + row_of(tracer, 1)->lost;
    for (uint32_t i = 0; i < C4T_RING_GAPS; i++) untold += ring->gap[i].n;
    for (int event = C4T_EV_OPEN; event < C4T_EV_COUNT; event++) entries += taken.entries[event];
    CHECK(ring->dropped > 0 && entries > ROUNDS / 8);
    CHECK_EQUAL(entries + ring->dropped, all);
    CHECK_EQUAL(taken.entries[C4T_EV_GAP] + untold, ring->dropped);
    CHECK_EQUAL(lost, ring->dropped);
    CHECK_EQUAL(taken.returns + tracer->header->lost[C4T_LOSS_RETURN], entries);
    CHECK_EQUAL(c4t_leases[tracer->index]->call & C4T_CALL_MASK, all);
    static const int events[] = {C4T_EV_WRITE, C4T_EV_COMPLETED_WRITE, C4T_EV_RECEIVED, C4T_EV_COMPLETED_RECEIVE};
    for (int k = 0; k < 4; k++) {
        struct c4t_cell cell = total(tracer, events[k], -1);
        CHECK_EQUAL(cell.n, ROUNDS);
        CHECK_EQUAL(cell.hist[0], ROUNDS);
    }
    CHECK_EQUAL(seen.write, ROUNDS);
    CHECK_EQUAL(seen.completed_receive, ROUNDS);
    CHECK_EQUAL(seen.real.received, ROUNDS);
    CHECK_EQUAL(seen.real.completed_write, ROUNDS);
    uint64_t written = 0;
    for (uint32_t i = 0; i < tracer->header->cells_top; i++)
        written += ((struct c4t_cells *)c4t_at(tracer, &tracer->header->cells, i))->written.n;
    CHECK_EQUAL(written, follows ? ROUNDS : 0);
    c4trace_close(tracer, 0);
}

int main(void) {
    enter_folder();
    a_session_that_becomes_another_factorys_is_counted_for_that_one();
    calls_within_calls_hide_none_of_another_tracer("");
    calls_within_calls_hide_none_of_another_tracer("monotonic");
    calls_within_calls_are_told_apart_from_those_of_a_closed_tracer("monotonic", "");
    calls_within_calls_are_told_apart_from_those_of_a_closed_tracer("", "monotonic");
    stopping_leaves_nothing_half_done();
    who_stops_waits_for_what_is_being_recorded(UINT32_MAX);
    who_stops_waits_for_what_is_being_recorded(0);
    static const uint64_t levels[] = {C4T_CAPTURE_EVENTS, C4T_CAPTURE_HEADERS, C4T_CAPTURE_BYTES | UINT64_C(100) << 32,
                                      C4T_CAPTURE_FULL};
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++)
        for (int way = 0; way < 4; way++) what_is_dropped_and_what_is_not_is_all_there_is(levels[i], way & 1, way & 2);
    leave_folder();
    return 0;
}
