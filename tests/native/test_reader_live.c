/* The reader beside the real writer: threads of this process, and a process that is killed. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "c4trace.h"
#include "check.h"
#include "reader.h"

#define THREADS 24 /* more than there are rings: some share one */
#define TURNS 20000u
#ifdef C4TRACE_SANITIZED
#define FLOOD 8000u
#else
#define FLOOD 30000u
#endif
#define PATTERN 997u

static void in_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) { (void)s, (void)a, (void)o, (void)c; }
static void in_write(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void in_completed_receive(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void in_request_close(c4t_socket *s, int status, c4t_slice m) { (void)s, (void)status, (void)m; }
static void in_dispose(c4t_socket *s) { (void)s; }
static void real_event(c4t_socket *s) { (void)s; }
static void real_n(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void real_slice(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void real_closed(c4t_socket *s, c4t_error e) { (void)s, (void)e; }
static void real_status(c4t_socket *s, int status, c4t_slice m) { (void)s, (void)status, (void)m; }

static const c4t_upcalls real = {.factory_size = 72,
                                 .got_http_response = real_status,
                                 .opened = real_event,
                                 .received = real_slice,
                                 .completed_write = real_n,
                                 .close_requested = real_status,
                                 .closed = real_closed};
static const c4t_socket_factory inner = {C4T_NO_FRAMING,   NULL,       in_open, in_write, in_completed_receive, NULL,
                                         in_request_close, in_dispose, NULL};
static const c4t_address address = {{"ws", 2}, {"db.example", 10}, 4984, {"/db", 3}};

static char folder[] = "/tmp/c4trace-live-XXXXXX";
static c4trace_tracer *tracer;
static const c4t_socket_factory *traced;
static unsigned char bytes[1 << 17];

static void open_tracer(const char *name, uint32_t capture) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    c4trace_failure failure = {0, ""};
    config.name = name;
    config.upcalls = &real;
    config.folder = folder;
    config.capture = capture;
    config.capture_bytes = 200;
    int error = c4trace_open(&config, &tracer, &failure);
    if (error) fprintf(stderr, "%s\n", failure.text);
    CHECK(!error);
    traced = c4trace_wrap(tracer, &inner, sizeof inner, "live", &failure);
    if (!traced) fprintf(stderr, "%s\n", failure.text);
    CHECK(traced);
}

static c4t_socket *socket_of(uint64_t i) { return (c4t_socket *)(uintptr_t)(0x10000 + 0x100 * i); }

static struct c4t_reader *open_reader(const char *path, int mode) {
    char error[512];
    struct c4t_reader *reader = c4t_reader_open(path, mode, 0, error, sizeof error);
    if (!reader) fprintf(stderr, "%s\n", error);
    CHECK(reader);
    return reader;
}

/* What is seen of a run, one event after the other. */
struct tally {
    uint64_t events, lost, last_seq;
    uint64_t last_n;        /* of any thread */
    bool in_turn;           /* n must grow over all threads */
    uint64_t last_n_of[64]; /* by sid */
};

static void see(struct tally *tally, const struct c4t_event_view *view) {
    if (view->kind == C4T_VIEW_GAP) tally->lost += view->n;
    if (view->kind != C4T_VIEW_EVENT) return;
    tally->events++;
    CHECK_EQUAL(view->seq, ++tally->last_seq);
    if (view->event != C4T_EV_WRITE) return;
    if (tally->in_turn) {
        CHECK(view->n > tally->last_n);
        tally->last_n = view->n;
    }
    CHECK(view->sid < 64 && view->n > tally->last_n_of[view->sid]);
    tally->last_n_of[view->sid] = view->n;
    /* The payload is the one that belongs to n: nothing torn, nothing of another record. */
    for (uint32_t i = 0; i < view->data_size; i += 61) CHECK_EQUAL(view->data[i], bytes[view->n % PATTERN + i]);
}

static void look(struct c4t_reader *reader, struct tally *tally) {
    struct c4t_event_view view;
    while (c4t_reader_next(reader, &view)) see(tally, &view);
    c4t_reader_done(reader);
}

static atomic_bool consuming, stop_consuming;
static bool wait_for_flood; /* the consumer comes when a quarter of it has passed */
static _Atomic uint64_t written_of_all;
static const char *consumed_path;
static struct tally consumed;

static void *consume(void *unused) {
    (void)unused;
    while (wait_for_flood && written_of_all < THREADS * FLOOD / 4) usleep(100);
    struct c4t_reader *reader = open_reader(consumed_path, C4T_CONSUME);
    consuming = true;
    while (!stop_consuming) {
        CHECK_EQUAL(c4t_reader_look(reader, 0), 0);
        look(reader, &consumed);
        usleep(300);
    }
    c4t_reader_look_finally(reader);
    look(reader, &consumed);
    struct c4t_reader_info info;
    c4t_reader_info(reader, &info);
    uint64_t lost = info.lost[C4T_LOSS_RING_FULL] + info.lost[C4T_LOSS_OVERWRITTEN];
    CHECK(wait_for_flood ? consumed.lost <= lost : consumed.lost == lost);
    c4t_reader_close(reader);
    return NULL;
}

static _Atomic uint64_t turn;

/* One thread at a time writes; the next one begins only when that write has returned. */
static void *write_in_turn(void *index) {
    uint64_t i = (uintptr_t)index;
    traced->open(socket_of(i), &address, (c4t_slice){NULL, 0}, NULL);
    for (uint64_t mine = i + 1; mine <= TURNS; mine += THREADS) {
        while (turn != mine) sched_yield();
        traced->write(socket_of(i), (c4t_slice){NULL, mine});
        turn = mine + 1;
    }
    return NULL;
}

static void *write_flood(void *index) {
    uint64_t i = (uintptr_t)index;
    traced->open(socket_of(i), &address, (c4t_slice){NULL, 0}, NULL);
    for (uint64_t n = 1; n <= FLOOD; n++) {
        traced->write(socket_of(i), (c4t_slice){bytes + n % PATTERN, n});
        written_of_all++;
    }
    return NULL;
}

static void run_threads(void *(*run)(void *), int threads, bool late) {
    pthread_t ids[THREADS], consumer;
    memset(&consumed, 0, sizeof consumed);
    consumed.in_turn = run == write_in_turn;
    consuming = stop_consuming = false;
    wait_for_flood = late;
    written_of_all = 0;
    consumed_path = c4trace_segment_path(tracer);
    CHECK(pthread_create(&consumer, NULL, consume, NULL) == 0);
    while (!consuming && !late) sched_yield();
    for (uintptr_t i = 0; i < (uintptr_t)threads; i++) CHECK(pthread_create(&ids[i], NULL, run, (void *)i) == 0);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    stop_consuming = true;
    pthread_join(consumer, NULL);
}

static void causes_come_before_effects_over_all_threads(void) {
    open_tracer("turns", C4T_CAPTURE_EVENTS);
    turn = 1;
    run_threads(write_in_turn, THREADS, false);
    CHECK_EQUAL(consumed.events + consumed.lost, THREADS + TURNS);
    c4trace_close(tracer, 0);
}

static void under_flood_every_event_is_seen_or_counted_as_lost(void) {
    open_tracer("flood", C4T_CAPTURE_FULL);
    run_threads(write_flood, THREADS, false);
    CHECK_EQUAL(consumed.events + consumed.lost, THREADS * (FLOOD + 1));
    CHECK(consumed.lost > 0); /* else this shows nothing */
    c4trace_close(tracer, 0);
}

/* What many threads overwrite in the ring they share is never torn, though some are held up for many laps. */
static void a_consumer_may_come_in_the_middle_of_a_flood(void) {
    open_tracer("late", C4T_CAPTURE_FULL);
    run_threads(write_flood, THREADS, true);
    CHECK(consumed.events > 0 && consumed.events + consumed.lost < THREADS * (FLOOD + 1));
    c4trace_close(tracer, 0);
}

struct child {
    pid_t pid;
    char path[256];
    _Atomic uint64_t *written; /* by its only thread, after each call has returned; after 100 it waits for written[1] */
};

/* A host of its own that writes until it is killed. */
static struct child start_child(const char *name) {
    struct child child = {0};
    child.written = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(child.written != MAP_FAILED);
    child.pid = fork();
    CHECK(child.pid >= 0);
    if (!child.pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        open_tracer(name, C4T_CAPTURE_BYTES);
        traced->open(socket_of(0), &address, (c4t_slice){NULL, 0}, NULL);
        for (uint64_t n = 1;; n++) {
            traced->write(socket_of(0), (c4t_slice){bytes + n % PATTERN, n});
            *child.written = n;
            if (n % 64 == 0) usleep(50);
            while (n == 100 && !child.written[1]) usleep(100);
        }
    }
    snprintf(child.path, sizeof child.path, "%s/%s.%d.seg", folder, name, (int)child.pid);
    while (*child.written < 100 && waitpid(child.pid, NULL, WNOHANG) == 0) usleep(100);
    CHECK(*child.written >= 100);
    return child;
}

static void kill_child(const struct child *child) {
    int status;
    CHECK(kill(child->pid, SIGKILL) == 0 && waitpid(child->pid, &status, 0) == child->pid);
    CHECK(WIFSIGNALED(status));
}

static void a_flight_recorder_is_read_while_it_overwrites(void) {
    struct child child = start_child("flight");
    child.written[1] = 1;
    for (int i = 0; i < 100; i++) {
        uint64_t before = *child.written;
        struct tally tally = {0};
        struct c4t_reader *reader = open_reader(child.path, C4T_READ);
        c4t_reader_look_finally(reader);
        look(reader, &tally);
        CHECK(tally.last_n_of[1] >= before); /* up to the present */
        CHECK(tally.events + tally.lost <= *child.written + 2);
        c4t_reader_close(reader);
    }
    while (*child.written < 30000) usleep(1000); /* by then it went round */
    kill_child(&child);
    struct tally tally = {0};
    struct c4t_reader *reader = open_reader(child.path, C4T_READ);
    CHECK(c4t_reader_host_is_over(reader));
    c4t_reader_look_finally(reader);
    look(reader, &tally);
    CHECK(tally.last_n_of[1] >= *child.written && tally.events < 30000 && tally.events > 1000);
    c4t_reader_close(reader);
    unlink(child.path);
}

static void what_a_killed_host_wrote_is_recorded_whole(void) {
    struct child child = start_child("killed");
    struct tally tally = {0};
    struct c4t_reader *reader = open_reader(child.path, C4T_CONSUME);
    child.written[1] = 1;
    for (int i = 0; i < 50; i++) {
        CHECK_EQUAL(c4t_reader_look(reader, 100000), 0);
        look(reader, &tally);
        usleep(1000);
    }
    kill_child(&child);
    struct c4t_batch batch;
    uint64_t seen = tally.events;
    c4t_reader_collect(reader, C4T_WANT_TEXT, 5000000, &batch);
    CHECK_EQUAL(batch.over, 1);
    seen += batch.events;
    uint64_t lost = tally.lost + batch.lost;
    while (c4t_reader_drain(reader, C4T_WANT_TEXT, &batch)) {
        seen += batch.events;
        lost += batch.lost;
    }
    uint64_t happened = *child.written + 1;                        /* and open */
    CHECK(seen + lost == happened || seen + lost == happened + 1); /* the one it was killed in */
    c4t_reader_close(reader);
    unlink(child.path);
}

int main(void) {
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 11);
    CHECK(mkdtemp(folder));
    a_flight_recorder_is_read_while_it_overwrites();
    what_a_killed_host_wrote_is_recorded_whole();
    causes_come_before_effects_over_all_threads();
    under_flood_every_event_is_seen_or_counted_as_lost();
    a_consumer_may_come_in_the_middle_of_a_flood();
    rmdir(folder);
    return 0;
}
