#include "stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

struct seen seen;

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
void in_close(c4t_socket *s) {
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
int context_of_inner;
const c4t_socket_factory inner_factory = {C4T_NO_FRAMING, &context_of_inner, in_open,    in_write, in_completed_receive,
                                          NULL,           in_request_close,  in_dispose, NULL};
const c4t_socket_factory framed_factory = {C4T_CLIENT_FRAMING, NULL, NULL, in_write, in_completed_receive,
                                           in_close,           NULL, NULL, NULL};
const c4t_address address = {{"ws", 2}, {"db.example", 10}, 4984, {"/orders/_blipsync", 17}};

c4trace_tracer *open_tracer(const char *name, uint32_t capture, size_t bytes) {
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

const c4t_socket_factory *wrap(c4trace_tracer *tracer, const c4t_socket_factory *inner, const char *label) {
    c4trace_failure failure = {0, ""};
    const c4t_socket_factory *traced = c4trace_wrap(tracer, inner, 0, label, &failure);
    if (!traced) fprintf(stderr, "%s\n", failure.text);
    CHECK(traced);
    return traced;
}

struct c4t_cell total(c4trace_tracer *tracer, int event, int latency) {
    struct c4t_cell sum = {0};
    for (uint32_t i = 0; i < tracer->header->cells_top; i++) {
        struct c4t_cells *cells = c4t_at(tracer, &tracer->header->cells, i);
        struct c4t_cell *cell = latency < 0 ? &cells->event[event] : &cells->latency[latency];
        sum.n += cell->n;
        sum.bytes += cell->bytes;
        for (uint32_t b = 0; b < C4T_HIST_BUCKETS; b++) sum.hist[0] += cell->hist[b];
    }
    return sum;
}

struct records records_of(c4trace_tracer *tracer) {
    struct records found = {0};
    for (uint32_t i = 0; i < tracer->header->rings.count; i++) {
        struct c4t_ring *ring = c4t_at(tracer, &tracer->header->rings, i);
        uint64_t end = ring->shared ? ring->reserved : ring->head;
        for (uint64_t p = ring->tail; p < end;) {
            struct c4t_record *record = (void *)(tracer->base + ring->data + (p & (ring->cap - 1)));
            CHECK(record->size >= 64 && record->size % 64 == 0);
            CHECK(record->mark == (uint32_t)(p + record->size));
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

uint64_t dropped_of(c4trace_tracer *tracer) {
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < tracer->header->rings.count; i++)
        dropped += ((struct c4t_ring *)c4t_at(tracer, &tracer->header->rings, i))->dropped;
    return dropped;
}

struct c4t_session_row *row_of(c4trace_tracer *tracer, uint32_t i) {
    return c4t_at(tracer, &tracer->header->sessions, i);
}

static char folder[] = "/tmp/c4trace-test-XXXXXX";

void enter_folder(void) { CHECK(mkdtemp(folder) && !setenv("C4TRACE_DIR", folder, 1)); }

void leave_folder(void) { CHECK(!rmdir(folder)); }
