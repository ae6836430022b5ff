/* What a traced call costs, beside what two stored time stamps cost: ns of its thread's CPU time per call, so that what else
 * runs on the machine tells little; all sides interleaved in one run.
 *
 *     bench_hot_path [repetitions [calls]]
 *
 * A host calls `write` of a factory that does nothing, 256-byte messages on a session of its own per thread. Prints one JSON object:
 * {"calls": …, "results": [{"side": …, "threads": …, "ns": [one per repetition, the first dropped]}]}.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "c4trace.h"
#include "clock.h"
#include "segment.h"

#define THREADS_MAX 4
#define MESSAGE 256

static void nothing_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) {
    (void)s, (void)a, (void)o, (void)c;
}
static void nothing_size(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void nothing_slice(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void nothing(c4t_socket *s) { (void)s; }
static void nothing_status(c4t_socket *s, int code, c4t_slice m) { (void)s, (void)code, (void)m; }
static void nothing_closed(c4t_socket *s, c4t_error e) { (void)s, (void)e; }

static const c4t_socket_factory inner = {C4T_NO_FRAMING, NULL,           nothing_open, nothing_slice, nothing_size,
                                         NULL,           nothing_status, nothing,      NULL};
static const c4t_upcalls litecore = {.factory_size = C4T_FACTORY_SIZE_72,
                                     .got_http_response = nothing_status,
                                     .opened = nothing,
                                     .received = nothing_slice,
                                     .completed_write = nothing_size,
                                     .close_requested = nothing_status,
                                     .closed = nothing_closed};

/* One way to make the call; `capture` -1: without c4trace. */
struct side {
    const char *name;
    int capture;
    uint32_t capture_bytes;
    int stamps; /* 1: two stored tick readings around the call; 2: two stored clock_gettime */
};
static const struct side sides[] = {
    {"bare", -1, 0, 0},
    {"two_stored_ticks", -1, 0, 1},
    {"two_stored_clock_gettime", -1, 0, 2},
    {"c4trace_off", C4T_CAPTURE_OFF, 0, 0},
    {"c4trace_events", C4T_CAPTURE_EVENTS, 0, 0},
    {"c4trace_headers", C4T_CAPTURE_HEADERS, 0, 0},
    {"c4trace_bytes_64", C4T_CAPTURE_BYTES, 64, 0},
    {"c4trace_full", C4T_CAPTURE_FULL, 0, 0},
};
#define SIDES (sizeof sides / sizeof *sides)

/* Thread-local, so that the baselines do not share a cache line. */
static __thread uint64_t stored[2];

struct job {
    const struct side *side;
    const c4t_socket_factory *factory;
    uint32_t clock;
    uint64_t calls;
    int thread;
    pthread_barrier_t *start;
    double ns;
};

static const char message[MESSAGE];

static void *run(void *data) {
    struct job *job = data;
    void (*volatile write)(c4t_socket *, c4t_slice) = job->factory->write;
    c4t_socket *socket = (c4t_socket *)(uintptr_t)(0x10000 + 0x1000 * (uintptr_t)job->thread);
    c4t_slice slice = {message, MESSAGE};
    int stamps = job->side->stamps;
    uint32_t clock = job->clock;
    volatile uint64_t *at = stored;
    pthread_barrier_wait(job->start);
    uint64_t began = c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < job->calls; i++) {
        if (stamps == 1)
            at[0] = c4t_clock_ticks(clock);
        else if (stamps == 2)
            at[0] = c4t_clock_ns(CLOCK_MONOTONIC);
        write(socket, slice);
        if (stamps == 1)
            at[1] = c4t_clock_ticks(clock);
        else if (stamps == 2)
            at[1] = c4t_clock_ns(CLOCK_MONOTONIC);
    }
    job->ns = (double)(c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)job->calls;
    return NULL;
}

/* ns per call of one side with so many threads: the mean over its threads. */
static double measure(const struct side *side, const c4t_socket_factory *factory, uint32_t clock, int threads,
                      uint64_t calls) {
    struct job jobs[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    double sum = 0;
    for (int i = 0; i < threads; i++) {
        jobs[i] = (struct job){side, factory, clock, calls, i, &start, 0};
        if (pthread_create(&ids[i], NULL, run, &jobs[i])) abort();
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        sum += jobs[i].ns;
    }
    pthread_barrier_destroy(&start);
    return sum / threads;
}

int main(int argc, char **argv) {
    int repetitions = argc > 1 ? atoi(argv[1]) : 8;
    uint64_t calls = argc > 2 ? strtoull(argv[2], NULL, 10) : 400000;
    static const int thread_counts[] = {1, 2, 4};
    char folder[] = "/dev/shm/c4trace-bench-XXXXXX";
    if (repetitions < 2 || !mkdtemp(folder) || setenv("C4TRACE_DIR", folder, 1)) return 2;

    c4trace_config config = C4TRACE_CONFIG_INIT;
    c4trace_failure failure;
    c4trace_tracer *tracer;
    config.name = "bench";
    config.upcalls = &litecore;
    const c4t_socket_factory *traced = NULL;
    if (!c4trace_open(&config, &tracer, &failure)) traced = c4trace_wrap(tracer, &inner, 0, "bench", &failure);
    if (!traced) {
        fprintf(stderr, "%s\n", failure.text);
        return 2;
    }
    uint32_t clock = C4T_CLOCK_MONOTONIC;
#if defined(__x86_64__)
    clock = C4T_CLOCK_TSC;
#elif defined(__aarch64__)
    clock = C4T_CLOCK_CNTVCT;
#endif
    static const c4t_address address = {{"ws", 2}, {"localhost", 9}, 4984, {"/db/_blipsync", 13}};
    for (uintptr_t i = 0; i < THREADS_MAX; i++)
        traced->open((c4t_socket *)(0x10000 + 0x1000 * i), &address, (c4t_slice){NULL, 0}, NULL);

    double *ns = calloc(SIDES * 3 * (size_t)repetitions, sizeof *ns);
    if (!ns) return 2;
    for (int r = 0; r < repetitions; r++)
        for (size_t t = 0; t < 3; t++)
            for (size_t s = 0; s < SIDES; s++) {
                if (sides[s].capture >= 0)
                    c4trace_set_capture(tracer, (uint32_t)sides[s].capture, sides[s].capture_bytes);
                ns[(s * 3 + t) * (size_t)repetitions + (size_t)r] =
                    measure(&sides[s], sides[s].capture >= 0 ? traced : &inner, clock, thread_counts[t], calls);
            }
    printf("{\"calls\":%llu,\"results\":[", (unsigned long long)calls);
    for (size_t s = 0; s < SIDES; s++)
        for (size_t t = 0; t < 3; t++) {
            printf("%s{\"side\":\"%s\",\"threads\":%d,\"ns\":[", s + t ? "," : "", sides[s].name, thread_counts[t]);
            for (int r = 1; r < repetitions; r++)
                printf("%s%.2f", r > 1 ? "," : "", ns[(s * 3 + t) * (size_t)repetitions + (size_t)r]);
            printf("]}");
        }
    printf("]}\n");
    c4trace_close(tracer, 0);
    free(ns);
    return rmdir(folder) != 0;
}
