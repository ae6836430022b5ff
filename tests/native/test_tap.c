/* The tap between a stand-in LiteCore and a stand-in factory that note all they are given. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "tap.h"

#define SOCKET(i) ((c4t_socket *)(uintptr_t)(0x10000 + 0x100 * (i)))

static struct {
    _Atomic uint64_t open, write, write_bytes, completed_receive, request_close, dispose, close;
    const c4t_address *address;
    c4t_slice options, slice, message;
    void *context;
    int status;
    size_t n;
    struct {
        _Atomic uint64_t opened, received, received_bytes, completed_write, close_requested, closed, http;
        c4t_slice data, headers;
        c4t_error error;
        int status;
    } real;
} seen;

static void in_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) {
    (void)s;
    seen.open++;
    seen.address = a;
    seen.options = o;
    seen.context = c;
}
static void in_write(c4t_socket *s, c4t_slice d) {
    (void)s;
    atomic_fetch_add(&seen.write, 1);
    atomic_fetch_add(&seen.write_bytes, d.size);
}
static void in_completed_receive(c4t_socket *s, size_t n) {
    (void)s;
    (void)n;
    atomic_fetch_add(&seen.completed_receive, 1);
}
static void in_close(c4t_socket *s) {
    (void)s;
    seen.close++;
}
static void in_request_close(c4t_socket *s, int status, c4t_slice m) {
    (void)s;
    seen.request_close++;
    seen.status = status;
    seen.message = m;
}
static void in_dispose(c4t_socket *s) {
    (void)s;
    atomic_fetch_add(&seen.dispose, 1);
}

static void real_http(c4t_socket *s, int status, c4t_slice headers) {
    (void)s;
    seen.real.http++;
    seen.real.status = status;
    seen.real.headers = headers;
}
static void real_opened(c4t_socket *s) {
    (void)s;
    atomic_fetch_add(&seen.real.opened, 1);
}
static void real_received(c4t_socket *s, c4t_slice d) {
    (void)s;
    atomic_fetch_add(&seen.real.received, 1);
    atomic_fetch_add(&seen.real.received_bytes, d.size);
}
static void real_completed_write(c4t_socket *s, size_t n) {
    (void)s;
    (void)n;
    atomic_fetch_add(&seen.real.completed_write, 1);
}
static void real_close_requested(c4t_socket *s, int status, c4t_slice m) {
    (void)s;
    (void)m;
    seen.real.close_requested++;
    seen.real.status = status;
}
static void real_closed(c4t_socket *s, c4t_error e) {
    (void)s;
    atomic_fetch_add(&seen.real.closed, 1);
    seen.real.error = e;
}

static const c4t_upcalls real_upcalls = {.factory_size = 72,
                                         .got_http_response = real_http,
                                         .opened = real_opened,
                                         .received = real_received,
                                         .completed_write = real_completed_write,
                                         .close_requested = real_close_requested,
                                         .closed = real_closed};
static int context_of_inner;
static const c4t_socket_factory inner_factory = {C4T_NO_FRAMING,   &context_of_inner,    in_open,
                                                 in_write,         in_completed_receive, NULL,
                                                 in_request_close, in_dispose,           NULL};
static const c4t_address address = {{"ws", 2}, {"db.example", 10}, 4984, {"/orders/_blipsync", 17}};

static c4trace_tracer *open_tracer(const char *name, uint32_t capture, size_t bytes) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    c4trace_failure failure = {0, ""};
    c4trace_tracer *tracer;
    config.name = name;
    config.upcalls = &real_upcalls;
    config.capture = capture;
    config.segment_bytes = bytes;
    int error = c4trace_open(&config, &tracer, &failure);
    if (error) fprintf(stderr, "%s\n", failure.text);
    CHECK(!error);
    memset(&seen, 0, sizeof seen);
    return tracer;
}

static const c4t_socket_factory *wrap(c4trace_tracer *tracer, const c4t_socket_factory *inner, const char *label) {
    c4trace_failure failure = {0, ""};
    const c4t_socket_factory *traced = c4trace_wrap(tracer, inner, 0, label, &failure);
    if (!traced) fprintf(stderr, "%s\n", failure.text);
    CHECK(traced);
    return traced;
}

#define UP(tracer, field) (tracer->port->traced.field)

/* Sum of one event's cells over all blocks of the first factory. */
static struct c4t_cell total(c4trace_tracer *tracer, int event, int latency) {
    struct c4t_cell sum = {0};
    for (uint32_t i = 0; i < tracer->header->cells_top; i++) {
        struct c4t_cells *cells = c4t_at(tracer, &tracer->header->cells, i);
        struct c4t_cell *cell = latency < 0 ? &cells->event[event] : &cells->latency[latency];
        sum.n += cell->n;
        sum.bytes += cell->bytes;
        sum.done += cell->done;
        for (uint32_t b = 0; b < C4T_HIST_BUCKETS; b++) sum.hist[0] += cell->hist[b];
    }
    for (uint32_t i = 0; i < tracer->header->thread_top; i++) {
        struct c4t_thread_row *row = c4t_at(tracer, &tracer->header->threads, i);
        for (uint32_t k = 0; row->pending_cell && k < tracer->header->cells_top; k++) {
            struct c4t_cells *cells = c4t_at(tracer, &tracer->header->cells, k);
            struct c4t_cell *cell = latency < 0 ? &cells->event[event] : &cells->latency[latency];
            if ((unsigned char *)cell - tracer->base != (ptrdiff_t)row->pending_cell) continue;
            sum.done++;
            sum.hist[0]++;
        }
    }
    return sum;
}

/* Records of all rings, counted by event; [C4T_EV_GAP] sums what gaps say. */
struct records {
    uint64_t entries[C4T_EV_COUNT + 1], returns;
};
static struct records records_of(c4trace_tracer *tracer) {
    struct records found = {0};
    for (uint32_t i = 0; i < tracer->header->rings.count; i++) {
        struct c4t_ring *ring = c4t_at(tracer, &tracer->header->rings, i);
        uint64_t end = ring->shared ? ring->reserved : ring->head;
        for (uint64_t p = ring->tail; p < end;) {
            struct c4t_record *record = (void *)(tracer->base + ring->data + (p & (ring->cap - 1)));
            CHECK(record->mark == (uint32_t)(p >> 6) + 1);
            CHECK(record->size >= 64 && record->size % 64 == 0);
            if (record->flags & C4T_REC_RETURN)
                found.returns++;
            else if (record->event == C4T_EV_GAP)
                found.entries[C4T_EV_GAP] += record->n;
            else
                found.entries[record->event]++;
            p += record->size;
        }
    }
    return found;
}

static struct c4t_session_row *row_of(c4trace_tracer *tracer, uint32_t i) {
    return c4t_at(tracer, &tracer->header->sessions, i);
}

static void mirrors_the_inner_factory_exactly(void) {
    c4trace_tracer *tracer = open_tracer("mirror", C4T_CAPTURE_HEADERS, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "no framing");
    CHECK(traced->framing == C4T_NO_FRAMING && traced->context == &context_of_inner);
    CHECK(traced->open && traced->write && traced->completed_receive && traced->request_close && traced->dispose);
    CHECK(!traced->close && !traced->attached);
    c4t_socket_factory framed = {C4T_CLIENT_FRAMING, NULL, NULL, in_write, in_completed_receive,
                                 in_close,           NULL, NULL, NULL};
    traced = wrap(tracer, &framed, "framed");
    CHECK(traced->framing == C4T_CLIENT_FRAMING && !traced->context && !traced->open && traced->close &&
          !traced->request_close && !traced->dispose);
    /* A 64-byte factory ends where `attached` would be: what lies behind it is not read. */
    unsigned char *small = malloc(C4T_FACTORY_SIZE_64);
    memcpy(small, &inner_factory, C4T_FACTORY_SIZE_64);
    traced = c4trace_wrap(tracer, small, C4T_FACTORY_SIZE_64, "small", NULL);
    CHECK(traced && !traced->attached);
    free(small);
    c4trace_close(tracer, 0);
}

static void refuses_factories_that_break_the_contract(void) {
    c4trace_tracer *tracer = open_tracer("refuse", C4T_CAPTURE_HEADERS, 0);
    c4trace_failure failure;
    c4t_socket_factory bad = inner_factory;
    bad.write = NULL;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && failure.error == C4TRACE_BAD_FACTORY &&
          strstr(failure.text, "write"));
    bad = inner_factory;
    bad.request_close = NULL;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && strstr(failure.text, "requestClose"));
    bad = inner_factory;
    bad.close = in_close;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && strstr(failure.text, "close must be NULL"));
    bad = inner_factory;
    bad.framing = 7;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && strstr(failure.text, "framing is 7"));
    CHECK(!c4trace_wrap(tracer, &inner_factory, 80, "a", &failure) && strstr(failure.text, "80 bytes"));
    CHECK(!c4trace_wrap(tracer, NULL, 0, "a", &failure) && !c4trace_wrap(tracer, &inner_factory, 0, "", &failure));
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "a");
    CHECK(!c4trace_wrap(tracer, traced, 0, "b", &failure) && strstr(failure.text, "traced one already"));
    CHECK(!c4trace_wrap(tracer, &inner_factory, 0, "a", &failure) && strstr(failure.text, "taken"));
    c4trace_tracer *twin;
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "refuse";
    CHECK(c4trace_open(&config, &twin, &failure) == C4TRACE_NAME_TAKEN);
    c4trace_close(tracer, 0);
    CHECK(!c4trace_wrap(tracer, &inner_factory, 0, "c", &failure) && failure.error == C4TRACE_CLOSED);
}

static void one_session(c4trace_tracer *tracer, const c4t_socket_factory *traced, c4t_socket *socket) {
    traced->open(socket, &address, (c4t_slice){NULL, 0}, traced->context);
    UP(tracer, got_http_response)(socket, 101, (c4t_slice){NULL, 0});
    UP(tracer, opened)(socket);
    traced->write(socket, (c4t_slice){"hello", 5});
    UP(tracer, completed_write)(socket, 2);
    UP(tracer, completed_write)(socket, 3);
    UP(tracer, received)(socket, (c4t_slice){"answer", 6});
    traced->completed_receive(socket, 6);
    traced->request_close(socket, 1000, (c4t_slice){"bye", 3});
    UP(tracer, closed)(socket, (c4t_error){6, 1000, 0});
    traced->dispose(socket);
}

static void passes_everything_on_as_it_came(void) {
    c4trace_tracer *tracer = open_tracer("pass", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    one_session(tracer, traced, SOCKET(1));
    CHECK(seen.open == 1 && seen.address == &address && seen.context == &context_of_inner);
    CHECK(seen.write == 1 && seen.write_bytes == 5 && seen.completed_receive == 1 && seen.dispose == 1);
    CHECK(seen.request_close == 1 && seen.status == 1000 && seen.message.size == 3);
    CHECK(seen.real.http == 1 && seen.real.opened == 1 && seen.real.received_bytes == 6 &&
          seen.real.completed_write == 2);
    CHECK(seen.real.closed == 1 && seen.real.error.domain == 6 && seen.real.error.code == 1000);
    c4trace_close(tracer, 0);
}

static void counts_and_records_each_event_once(void) {
    c4trace_tracer *tracer = open_tracer("count", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    for (int i = 0; i < 1000; i++) one_session(tracer, traced, SOCKET(i % 7));
    CHECK(total(tracer, C4T_EV_OPEN, -1).n == 1000 && total(tracer, C4T_EV_WRITE, -1).bytes == 5000);
    CHECK(total(tracer, C4T_EV_COMPLETED_WRITE, -1).n == 2000 &&
          total(tracer, C4T_EV_COMPLETED_WRITE, -1).bytes == 5000);
    CHECK(total(tracer, C4T_EV_DISPOSE, -1).done == 1000);
    for (int event = 1; event < C4T_EV_COUNT; event++) {
        struct c4t_cell cell = total(tracer, event, -1);
        CHECK(cell.n == cell.done && cell.done == cell.hist[0]);
    }
    CHECK(total(tracer, 0, C4T_LAT_WRITE_ACK).done == 1000 && total(tracer, 0, C4T_LAT_RECEIVE_ACK).done == 1000);
    CHECK(total(tracer, 0, C4T_LAT_OPEN).done == 1000 && total(tracer, 0, C4T_LAT_CLOSE).done == 1000 &&
          total(tracer, 0, C4T_LAT_SESSION).done == 1000);
    struct c4t_factory_row *row = c4t_at(tracer, &tracer->header->factories, 0);
    CHECK(row->sessions == 1000);
    for (int s = 0; s < C4T_STATE_COUNT; s++) CHECK(row->states[s] == 0);
    struct c4t_closed_row *closed = c4t_at(tracer, &tracer->header->closed, 0);
    CHECK(closed->n == 1000 && closed->domain == 6 && closed->code == 1000);
    CHECK(tracer->header->sessions_total == 1000 && tracer->header->session_top < 1000);
    c4trace_close(tracer, 0);

    tracer = open_tracer("records", C4T_CAPTURE_FULL, 0);
    traced = wrap(tracer, &inner_factory, "f");
    for (int i = 0; i < 100; i++) one_session(tracer, traced, SOCKET(i % 7));
    struct records found = records_of(tracer);
    CHECK(found.entries[C4T_EV_OPEN] == 100 && found.entries[C4T_EV_COMPLETED_WRITE] == 200 &&
          found.entries[C4T_EV_CLOSED] == 100);
    CHECK(found.returns == 1100);
    CHECK(tracer->header->lost[C4T_LOSS_RING_FULL] == 0);
    c4trace_close(tracer, 0);
}

static void keeps_a_row_for_each_session(void) {
    c4trace_tracer *tracer = open_tracer("rows", C4T_CAPTURE_HEADERS, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    c4t_socket *socket = SOCKET(3);
    traced->open(socket, &address, (c4t_slice){NULL, 0}, traced->context);
    struct c4t_session_row *row = row_of(tracer, 0);
    CHECK(row->sid == 1 && row->state == C4T_STATE_OPENING &&
          !strcmp(row->address, "ws://db.example:4984/orders/_blipsync"));
    UP(tracer, opened)(socket);
    CHECK(row->state == C4T_STATE_OPEN && row->t_opened >= row->t_open);
    traced->write(socket, (c4t_slice){"hello", 5});
    UP(tracer, received)(socket, (c4t_slice){"abc", 3});
    CHECK(row->write.n == 1 && row->write.bytes == 5 && row->completed_write.n == 0 && row->received.bytes == 3);
    UP(tracer, close_requested)(socket, 1001, (c4t_slice){NULL, 0});
    CHECK(row->state == C4T_STATE_CLOSING);
    /* The address is reused although no dispose was seen: the first session has vanished, the second is its own. */
    traced->open(socket, &address, (c4t_slice){NULL, 0}, traced->context);
    CHECK(row->state == C4T_STATE_DISPOSED && row->flags & C4T_SESSION_VANISHED);
    CHECK(row_of(tracer, 1)->sid == 2 && row_of(tracer, 1)->state == C4T_STATE_OPENING);
    UP(tracer, closed)(socket, (c4t_error){2, 111, 0});
    CHECK(row_of(tracer, 1)->error_domain == 2 && row_of(tracer, 1)->error_code == 111 &&
          row_of(tracer, 1)->state == C4T_STATE_CLOSED);
    traced->dispose(socket);
    /* After its dispose a late up-call still finds the session it belonged to. */
    UP(tracer, closed)(socket, (c4t_error){0, 0, 0});
    CHECK(seen.real.closed == 2 && tracer->header->orphans == 0);
    UP(tracer, opened)(SOCKET(99));
    CHECK(tracer->header->orphans == 1 && seen.real.opened == 2);
    c4trace_close(tracer, 0);
}

static void passes_untraced_once_it_is_closed(void) {
    c4trace_tracer *tracer = open_tracer("late", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    void (*opened)(c4t_socket *) = UP(tracer, opened);
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    c4trace_close(tracer, 0);
    CHECK(access(c4trace_segment_path(tracer), F_OK));
    c4trace_tracer *other = open_tracer("other", C4T_CAPTURE_FULL, 0);
    wrap(other, &inner_factory, "g");
    opened(SOCKET(1));
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    traced->dispose(SOCKET(1));
    CHECK(seen.real.opened == 1 && seen.write == 1 && seen.dispose == 1);
    CHECK(total(other, C4T_EV_WRITE, -1).n == 0);
    c4trace_close(other, 0);
}

static void steps_aside_once_and_says_why(void) {
    c4trace_tracer *tracer = open_tracer("aside", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    int said[2], keep = dup(STDERR_FILENO);
    CHECK(!pipe(said) && dup2(said[1], STDERR_FILENO) == STDERR_FILENO);
    c4t_step_aside(tracer, "a test");
    c4t_step_aside(tracer, "another test");
    dup2(keep, STDERR_FILENO);
    close(said[1]);
    char text[256] = "";
    ssize_t n = read(said[0], text, sizeof text - 1);
    CHECK(n > 0 && strstr(text, "aside: stepped aside") && strstr(text, ": a test\n") && !strstr(text, "another"));
    CHECK(read(said[0], text, sizeof text) == 0);
    close(said[0]);
    close(keep);
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    traced->dispose(SOCKET(1));
    CHECK(seen.write == 1 && seen.dispose == 1 && total(tracer, C4T_EV_WRITE, -1).n == 0);
    CHECK(tracer->header->status == C4T_STATUS_ASIDE && !strcmp(tracer->header->status_text, "a test"));
    c4trace_close(tracer, 0);
    c4trace_close(open_tracer("aside", C4T_CAPTURE_FULL, 0), 0);
}

static void a_forked_child_passes_calls_and_writes_nothing(void) {
    c4trace_tracer *tracer = open_tracer("fork", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    uint64_t before = records_of(tracer).entries[C4T_EV_WRITE];
    pid_t child = fork();
    if (!child) {
        traced->write(SOCKET(1), (c4t_slice){"x", 1});
        traced->open(SOCKET(2), &address, (c4t_slice){NULL, 0}, traced->context);
        c4trace_tracer *own = open_tracer("fork", C4T_CAPTURE_OFF, 0);
        bool sees_itself = strcmp(c4trace_segment_path(own), c4trace_segment_path(tracer)) != 0 || own != tracer;
        c4trace_close(own, 0);
        _exit(seen.write == 0 && sees_itself ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(records_of(tracer).entries[C4T_EV_WRITE] == before && tracer->header->sessions_total == 1);
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    CHECK(records_of(tracer).entries[C4T_EV_WRITE] == before + 1);
    c4trace_close(tracer, 0);
}

static void what_a_full_ring_drops_is_counted_and_marked(void) {
    c4trace_tracer *tracer = open_tracer("full", C4T_CAPTURE_FULL, 2 << 20);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    tracer->header->consumer_beat = UINT64_MAX; /* a consumer that lives but does not read */
    tracer->header->consumer_pid = 1;
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    enum { WRITES = 20000 };
    for (int i = 0; i < WRITES; i++) traced->write(SOCKET(1), (c4t_slice){"x", 1});
    struct records found = records_of(tracer);
    uint64_t lost = tracer->header->lost[C4T_LOSS_RING_FULL];
    CHECK(lost > 0 && found.entries[C4T_EV_WRITE] + lost == WRITES && row_of(tracer, 0)->lost == lost);
    CHECK(total(tracer, C4T_EV_WRITE, -1).n == WRITES && seen.write == WRITES);
    /* There is room again: the gap is written down before the next event. */
    for (uint32_t i = 0; i < tracer->header->rings.count; i++) {
        struct c4t_ring *ring = c4t_at(tracer, &tracer->header->rings, i);
        ring->tail = ring->head;
    }
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    found = records_of(tracer);
    CHECK(found.entries[C4T_EV_GAP] == lost && found.entries[C4T_EV_WRITE] == 1);
    /* A consumer whose lease has run out no longer makes the ring drop the newest. */
    tracer->header->consumer_beat = 1;
    for (int i = 0; i < WRITES; i++) traced->write(SOCKET(1), (c4t_slice){"x", 1});
    CHECK(tracer->header->consumer_pid == 0 && tracer->header->lost[C4T_LOSS_RING_FULL] == lost);
    c4trace_close(tracer, 0);
}

static void capture_levels_decide_what_is_stored(void) {
    c4trace_tracer *tracer = open_tracer("levels", C4T_CAPTURE_OFF, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    CHECK(records_of(tracer).entries[C4T_EV_OPEN] == 0 && total(tracer, C4T_EV_OPEN, -1).n == 1);
    const uint32_t stored[] = {0, 0, 0, 3, 5};
    for (uint32_t level = C4T_CAPTURE_EVENTS; level <= C4T_CAPTURE_FULL; level++) {
        CHECK(c4trace_set_capture(tracer, level, 3) == 0);
        struct c4t_thread *thread = c4t_thread_of(tracer);
        uint64_t at = thread->head;
        traced->write(SOCKET(1), (c4t_slice){"hello", 5});
        struct c4t_record *record = (void *)(thread->ring_data + (at & (thread->ring_cap - 1)));
        CHECK(record->event == C4T_EV_WRITE && record->n == 5 && record->data == stored[level]);
        CHECK(!(record->flags & C4T_REC_CUT) == (level != C4T_CAPTURE_BYTES));
        CHECK(!memcmp(record + 1, "hello", record->data));
    }
    CHECK(c4trace_set_capture(tracer, 9, 0) == C4TRACE_BAD_CONFIG);
    c4trace_close(tracer, 0);
}

struct pounding {
    c4trace_tracer *tracer;
    const c4t_socket_factory *traced;
    int first, calls;
};
static void *pound(void *data) {
    const struct pounding *p = data;
    for (int i = 0; i < p->calls; i++) {
        p->traced->write(SOCKET(p->first + i % 64), (c4t_slice){"hello", 5});
        UP(p->tracer, completed_write)(SOCKET(p->first + i % 64), 5);
    }
    return NULL;
}

static void a_thousand_short_threads_lose_nothing(void) {
    c4trace_tracer *tracer = open_tracer("threads", C4T_CAPTURE_OFF, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    for (int i = 0; i < 64; i++) traced->open(SOCKET(i), &address, (c4t_slice){NULL, 0}, traced->context);
    struct pounding p = {tracer, traced, 0, 200};
    for (int round = 0; round < 20; round++) {
        pthread_t threads[50];
        for (int i = 0; i < 50; i++) CHECK(!pthread_create(&threads[i], NULL, pound, &p));
        for (int i = 0; i < 50; i++) pthread_join(threads[i], NULL);
    }
    CHECK(total(tracer, C4T_EV_WRITE, -1).n == 200000 && total(tracer, C4T_EV_WRITE, -1).done == 200000);
    CHECK(total(tracer, C4T_EV_COMPLETED_WRITE, -1).bytes == 1000000);
    uint64_t writes = 0, bytes = 0;
    for (int i = 0; i < 64; i++) {
        writes += row_of(tracer, (uint32_t)i)->write.n;
        bytes += row_of(tracer, (uint32_t)i)->completed_write.bytes;
    }
    CHECK(writes == 200000 && bytes == 1000000);
    CHECK(tracer->header->thread_top <= 60 && tracer->free_slot_count == C4T_THREADS_MAX - 1);
    c4trace_close(tracer, 0);
}

int main(void) {
    char folder[] = "/tmp/c4trace-test-XXXXXX";
    CHECK(mkdtemp(folder) && !setenv("C4TRACE_DIR", folder, 1));
    mirrors_the_inner_factory_exactly();
    refuses_factories_that_break_the_contract();
    passes_everything_on_as_it_came();
    counts_and_records_each_event_once();
    keeps_a_row_for_each_session();
    passes_untraced_once_it_is_closed();
    steps_aside_once_and_says_why();
    a_forked_child_passes_calls_and_writes_nothing();
    what_a_full_ring_drops_is_counted_and_marked();
    capture_levels_decide_what_is_stored();
    a_thousand_short_threads_lose_nothing();
    CHECK(!rmdir(folder));
    return 0;
}
