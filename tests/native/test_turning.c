/* The capture level turned by another process, which is killed at any moment, while eight threads talk on 64 sockets, one reader takes
 * all events and another one looks at the counters: host, counters and stream must agree to the last event. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "traced.h"

#ifdef C4TRACE_SANITIZED
enum { TALKS = 5, MESSAGES = 40 };
#else
enum { TALKS = 20, MESSAGES = 200 };
#endif
enum { SOCKETS = 64 };

static struct traced traced;

/* The other process: turns as fast as it can, never so far that events are not recorded or without the address. */
static int turn_until_killed(const char *path) {
    char error[256] = "";
    c4t_reader *reader = c4t_reader_open(path, C4T_CONTROL, 0, error, sizeof error);
    if (!reader) fprintf(stderr, "%s\n", error);
    CHECK(reader);
    for (uint32_t i = 0;; i++) {
        CHECK(!c4t_reader_set_capture(reader, C4T_CAPTURE_HEADERS + i % 3, i % 300));
        if (i == 100) CHECK_EQUAL(write(STDOUT_FILENO, "!", 1), 1);
    }
}

/* Comes back once it does turn. */
static pid_t start_turning(void) {
    int says[2];
    char said;
    CHECK(!pipe2(says, O_CLOEXEC));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (!pid) {
        dup2(says[1], STDOUT_FILENO);
        execl("/proc/self/exe", "test_turning", c4trace_segment_path(traced.tracer), (char *)NULL);
        _exit(127);
    }
    close(says[1]);
    CHECK_EQUAL(read(says[0], &said, 1), 1);
    close(says[0]);
    return pid;
}

static void kill_it(pid_t pid) {
    int status;
    CHECK(!kill(pid, SIGKILL));
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* and did not end by itself */
}

static _Atomic bool turning, talking;
static void *turn(void *argument) {
    (void)argument;
    for (long i = 0; atomic_load(&talking); i++) {
        pid_t pids[2] = {start_turning(), start_turning()};
        atomic_store(&turning, true);
        nanosleep(&(struct timespec){.tv_nsec = 1000000 * (5 + i % 20)}, NULL);
        for (int k = 0; k < 2; k++) kill_it(pids[k]);
    }
    return NULL;
}

static const double bounds[] = {0.000001, 0.001, 1};
static struct c4t_total watched[C4T_TOTALS];

/* No number goes down, and no more are done than began. */
static void look_at_totals(c4t_reader *reader) {
    static struct c4t_total totals[C4T_TOTALS];
    CHECK(!c4t_reader_totals(reader, 0, bounds, 3, 0, totals));
    for (int i = 0; i < C4T_TOTALS; i++) {
        CHECK(totals[i].n >= watched[i].n && totals[i].bytes >= watched[i].bytes && totals[i].done <= totals[i].n);
        for (int b = 0; b < 4; b++) CHECK(totals[i].buckets[b] >= watched[i].buckets[b]);
    }
    memcpy(watched, totals, sizeof totals);
}

static void *look(void *reader) {
    while (atomic_load(&talking)) look_at_totals(reader);
    return NULL;
}

static c4t_reader *open_reader(void) {
    char error[256];
    c4t_reader *reader = c4t_reader_open(c4trace_segment_path(traced.tracer), C4T_READ, 0, error, sizeof error);
    CHECK(reader);
    return reader;
}

static bool are_the_same(const struct c4t_total *a, const struct c4t_total *b) {
    for (int i = 0; i < C4T_TOTALS; i++)
        if (a[i].n != b[i].n || a[i].done != b[i].done || memcmp(a[i].buckets, b[i].buckets, 4 * sizeof *a[i].buckets))
            return false;
    return true;
}

/* Who has looked all the time says in the end what is said to one who comes then. */
static void compare_looks(c4t_reader *reader) {
    static struct c4t_total fresh[C4T_TOTALS];
    for (int i = 0; i < 60000; i++) { /* the last calls may not have returned yet */
        c4t_reader *late = open_reader();
        CHECK(!c4t_reader_totals(late, 0, bounds, 3, 0, fresh));
        c4t_reader_close(late);
        look_at_totals(reader);
        if (are_the_same(fresh, watched) && fresh[C4T_EV_DISPOSE].done == TALKS * SOCKETS) return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    CHECK(!"the same totals");
}

static void levels_turned_from_outside_lose_nothing(void) {
    c4thost_config config = C4THOST_CONFIG_INIT;
    config.threads = 8;
    config.ack = C4THOST_ACK_INSIDE;
    config.events = 1u << C4THOST_RECEIVED | 1u << C4THOST_DISPOSED;
    config.linger = 0;
    config.connect_timeout_ms = config.close_timeout_ms = 60000;
    traced_start(&traced, ECHO_ACKS_INSIDE, &config, C4T_CAPTURE_HEADERS, false);
    c4t_reader *reader = open_reader();
    pthread_t turner, looker;
    atomic_store(&talking, true);
    CHECK(!pthread_create(&turner, NULL, turn, NULL));
    CHECK(!pthread_create(&looker, NULL, look, reader));
    while (!atomic_load(&turning)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    for (int i = 0; i < TALKS; i++) traced_talk(&traced, SOCKETS, MESSAGES, false);
    atomic_store(&talking, false);
    pthread_join(turner, NULL);
    pthread_join(looker, NULL);
    compare_looks(reader);
    c4t_reader_close(reader);
    traced_finish(&traced);
}

int main(int argc, char **argv) {
    if (argc > 1) return turn_until_killed(argv[1]);
    levels_turned_from_outside_lose_nothing();
    return 0;
}
