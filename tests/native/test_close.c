/* A tracer that stops while threads call in: what it has counted is on record, whatever the threads were about to do. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "c4trace.h"
#include "check.h"
#include "reader.h"

#define ROUNDS 60
#define THREADS 12 /* more than there are processors: some are always about to do something */

static void in_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) { (void)s, (void)a, (void)o, (void)c; }
static void in_write(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void in_completed_receive(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void in_request_close(c4t_socket *s, int status, c4t_slice m) { (void)s, (void)status, (void)m; }
static void in_dispose(c4t_socket *s) { (void)s; }

static const c4t_upcalls real = {.factory_size = 72};
static const c4t_socket_factory inner = {C4T_NO_FRAMING,   NULL,       in_open, in_write, in_completed_receive, NULL,
                                         in_request_close, in_dispose, NULL};

static char folder[] = "/tmp/c4trace-close-XXXXXX";
static atomic_bool over;

struct caller {
    pthread_t thread;
    const c4t_socket_factory *traced;
    char socket[64];
};

static void *call(void *argument) {
    struct caller *caller = argument;
    c4t_socket *socket = (c4t_socket *)(void *)caller->socket;
    const c4t_address address = {{"ws", 2}, {"db.example", 10}, 4984, {"/db", 3}};
    caller->traced->open(socket, &address, (c4t_slice){NULL, 0}, NULL);
    while (!atomic_load(&over)) {
        caller->traced->write(socket, (c4t_slice){"hello", 5});
        for (volatile int i = 0; i < 200; i++) {
        }
    }
    caller->traced->dispose(socket);
    return NULL;
}

static c4trace_tracer *open_tracer(const c4t_socket_factory **traced) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    c4trace_failure failure = {0, ""};
    c4trace_tracer *tracer;
    config.name = "close";
    config.upcalls = &real;
    config.folder = folder;
    config.segment_bytes = 64u << 20;
    if (c4trace_open(&config, &tracer, &failure)) fprintf(stderr, "%s\n", failure.text);
    CHECK(!failure.error);
    *traced = c4trace_wrap(tracer, &inner, sizeof inner, "close", &failure);
    CHECK(*traced);
    return tracer;
}

static uint64_t counted(struct c4t_reader *reader) {
    struct c4t_total totals[C4T_TOTALS];
    const double bound = 1;
    uint64_t n = 0;
    CHECK(!c4t_reader_totals(reader, 0, &bound, 1, 0, totals));
    for (int i = 0; i < C4T_EV_COUNT; i++) n += totals[i].n;
    return n;
}

static uint64_t recorded(struct c4t_reader *reader) {
    struct c4t_event_view view;
    uint64_t n = 0;
    c4t_reader_look_finally(reader);
    while (c4t_reader_next(reader, &view)) {
        if (view.kind == C4T_VIEW_EVENT) n++;
        if (view.kind == C4T_VIEW_GAP) n += view.n;
    }
    c4t_reader_done(reader);
    return n;
}

static void what_is_counted_is_on_record_or_told_as_lost(void) {
    static struct caller callers[THREADS];
    const c4t_socket_factory *traced;
    c4trace_tracer *tracer = open_tracer(&traced);
    char error[512];
    struct c4t_reader *reader = c4t_reader_open(c4trace_segment_path(tracer), C4T_CONSUME, 0, error, sizeof error);
    CHECK(reader);
    atomic_store(&over, false);
    for (int i = 0; i < THREADS; i++) {
        callers[i].traced = traced;
        CHECK(!pthread_create(&callers[i].thread, NULL, call, &callers[i]));
    }
    do usleep(10000); /* on a busy machine threads take their time to begin */
    while (counted(reader) <= THREADS);
    c4trace_stop(tracer);
    uint64_t on_record = recorded(reader), in_cells = counted(reader);
    CHECK_EQUAL(on_record, in_cells);
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++) CHECK(!pthread_join(callers[i].thread, NULL));
    CHECK_EQUAL(counted(reader), in_cells);
    CHECK(in_cells > THREADS);
    c4t_reader_close(reader);
    c4trace_close(tracer, 0);
}

int main(void) {
    CHECK(mkdtemp(folder));
    for (int i = 0; i < ROUNDS; i++) what_is_counted_is_on_record_or_told_as_lost();
    CHECK(!rmdir(folder));
    return 0;
}
