/* A segment's file is cut short while it is read. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "made_segment.h"
#include "reader.h"

#define RINGS 3u
#define LINES 40
#define ROUNDS 300

static char error[512];
static const double bounds[] = {1e-6, 1e-3};
static struct c4t_total totals[C4T_TOTALS];

static void cut(const struct made_segment *segment, off_t size) { CHECK(truncate(segment->path, size) == 0); }

/* Of another process, which lives, with some events in it. */
static void make(struct made_segment *segment) {
    made_segment(segment, RINGS, MADE_CAP);
    segment->header->pid = (uint32_t)getppid();
    segment->header->pid_start = 0; /* whenever it began */
    for (uint32_t i = 0; i < LINES; i++) {
        struct made_record record = {
            .event = C4T_EV_WRITE, .sid = 1, .call = i + 1, .ticks = made_now(segment), .n = 7};
        made_put(segment, i % RINGS, &record);
    }
    segment->header->cells_top = 1;
    struct c4t_cells *cells = made_row(segment, &segment->header->cells, 0);
    cells->factory = 1;
    cells->event[C4T_EV_WRITE].n = LINES;
}

static struct c4t_reader *open_reader(const struct made_segment *segment, int mode) {
    struct c4t_reader *reader = c4t_reader_open(segment->path, mode, 0, error, sizeof error);
    if (!reader) fprintf(stderr, "%s\n", error);
    CHECK(reader);
    return reader;
}

static void look_at_everything(struct c4t_reader *reader) {
    static struct c4t_session_copy sessions[64];
    static struct c4t_flight_copy flights[64];
    static struct c4t_closed_copy closed[64];
    struct c4t_reader_info info;
    struct c4t_factory_copy factory;
    c4t_reader_info(reader, &info);
    c4t_reader_factory(reader, 0, &factory);
    struct c4t_slices_copy slices;
    c4t_reader_slices(reader, 0, &slices);
    c4t_reader_totals(reader, 0, bounds, 2, 0, totals);
    c4t_reader_sessions(reader, sessions, 64);
    c4t_reader_flights(reader, flights, 64);
    c4t_reader_closed(reader, closed, 64);
}

static void what_was_read_before_stays_and_the_end_is_told(void) {
    struct made_segment segment;
    make(&segment);
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    struct c4t_batch batch;
    look_at_everything(reader);
    CHECK_EQUAL(totals[C4T_EV_WRITE].n, LINES);
    CHECK(!c4t_reader_was_cut(reader) && !c4t_reader_host_is_over(reader));
    cut(&segment, 0);
    c4t_reader_collect(reader, C4T_WANT_TEXT, 1000000, &batch); /* ends long before that */
    CHECK_EQUAL(batch.over, 3);
    CHECK(c4t_reader_was_cut(reader) && c4t_reader_host_is_over(reader));
    while (c4t_reader_drain(reader, C4T_WANT_TEXT, &batch)) continue;
    look_at_everything(reader);
    CHECK_EQUAL(totals[C4T_EV_WRITE].n, LINES); /* never less than was said */
    c4t_reader_close(reader);
    CHECK(!c4t_reader_open(segment.path, C4T_READ, 0, error, sizeof error) && strstr(error, "only 0 bytes"));
    cut(&segment, (off_t)segment.size); /* for made_segment_remove */
    made_segment_remove(&segment);
}

static void what_lies_before_the_cut_is_read(void) {
    struct made_segment segment;
    make(&segment);
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    cut(&segment, (off_t)made_ring(&segment, 0)->data); /* the tables stay */
    look_at_everything(reader);
    CHECK_EQUAL(totals[C4T_EV_WRITE].n, LINES);
    CHECK(!c4t_reader_was_cut(reader));
    struct c4t_batch batch;
    uint64_t events = 0;
    while (c4t_reader_drain(reader, C4T_WANT_TEXT, &batch)) events += batch.events;
    CHECK_EQUAL(events, 0);
    CHECK(c4t_reader_was_cut(reader));
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static struct made_segment shaken;
static _Atomic int stop;

static void *shake(void *ignored) {
    (void)ignored;
    for (unsigned i = 0; !stop; i++) {
        cut(&shaken, (off_t)(i * 7919 % (shaken.size + 1)));
        cut(&shaken, (off_t)shaken.size);
    }
    return NULL;
}

/* Whether it can be opened and what it reads is chance; that it goes on is not. */
static void it_may_happen_at_any_moment_and_in_any_thread(void) {
    pthread_t thread;
    make(&shaken);
    unsigned char *whole = malloc(shaken.size);
    memcpy(whole, shaken.base, shaken.size);
    CHECK(pthread_create(&thread, NULL, shake, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        int file = open(shaken.path, O_RDWR);
        CHECK(pwrite(file, whole, shaken.size, 0) == (ssize_t)shaken.size);
        close(file);
        struct c4t_reader *reader = c4t_reader_open(shaken.path, i % 3, 0, error, sizeof error);
        if (!reader) continue;
        struct c4t_batch batch;
        look_at_everything(reader);
        c4t_reader_collect(reader, C4T_WANT_TEXT, 0, &batch);
        while (c4t_reader_drain(reader, C4T_WANT_TEXT, &batch)) continue;
        c4t_reader_close(reader);
    }
    stop = 1;
    pthread_join(thread, NULL);
    cut(&shaken, (off_t)shaken.size);
    free(whole);
    made_segment_remove(&shaken);
}

static volatile sig_atomic_t foreign;
static unsigned char *gone;

static void heal(int number) {
    (void)number;
    foreign++;
    mmap(gone, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void another_mapping_is_left_to_the_handler_there_was(void) {
    struct made_segment segment;
    struct sigaction theirs = {.sa_handler = heal}, before, now;
    make(&segment);
    FILE *file = tmpfile();
    gone = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    CHECK(gone != MAP_FAILED && sigaction(SIGBUS, &theirs, &before) == 0);
    struct c4t_reader *reader = open_reader(&segment, C4T_READ), *other = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(*(volatile unsigned char *)gone, 0);
    CHECK_EQUAL(foreign, 1);
    CHECK(!c4t_reader_was_cut(reader));
    c4t_reader_close(reader);
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler != heal);
    c4t_reader_close(other);
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler == heal);
    segment.header->pid = (uint32_t)getpid();
    reader = open_reader(&segment, C4T_READ);
    CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler == heal); /* a host's own handlers are left alone */
    c4t_reader_close(reader);
    sigaction(SIGBUS, &before, NULL);
    munmap(gone, 4096);
    fclose(file);
    made_segment_remove(&segment);
}

/* How a child ends that touches `at` while a segment is being read. */
static int ending(const struct made_segment *segment, const volatile unsigned char *at, void (*handler)(int)) {
    pid_t child = fork();
    if (child == 0) {
        signal(SIGBUS, handler);
        alarm(20);
        struct c4t_reader *reader = open_reader(segment, C4T_READ);
        if (at) _exit(*at);
        raise(SIGBUS);
        c4t_reader_close(reader);
        _exit(3);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void without_a_handler_it_ends_as_ever(void) {
    struct made_segment segment;
    make(&segment);
    segment.header->pid = 1;
    FILE *file = tmpfile();
    unsigned char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    CHECK(at != MAP_FAILED);
    CHECK_EQUAL(ending(&segment, at, SIG_DFL), -SIGBUS);
    CHECK_EQUAL(ending(&segment, at, SIG_IGN), -SIGBUS);
    CHECK_EQUAL(ending(&segment, NULL, SIG_DFL), -SIGBUS);
    CHECK_EQUAL(ending(&segment, NULL, SIG_IGN), 3);
    munmap(at, 4096);
    fclose(file);
    made_segment_remove(&segment);
}

int main(void) {
    what_was_read_before_stays_and_the_end_is_told();
    what_lies_before_the_cut_is_read();
    it_may_happen_at_any_moment_and_in_any_thread();
    another_mapping_is_left_to_the_handler_there_was();
    without_a_handler_it_ends_as_ever();
    return 0;
}
