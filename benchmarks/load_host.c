/* A host that makes exactly so many calls a second: what benchmarks/load.py starts.
 *
 *     load_host SEGMENT_MIB THREADS
 *
 * Prints one line of JSON about itself, then obeys lines on stdin until its end: "CAPTURE BYTES RATE COUNT" lets the threads make COUNT
 * writes of BYTES bytes together, at the capture level of that number, RATE a second in all (0: as fast as they can). When they are
 * done it prints what was made, in how many seconds, and the longest time a thread was behind its plan: a call that is late by more
 * than the ring holds shows that the machine, not the recorder, was too slow.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "c4trace.h"
#include "segment.h"

#define THREADS_MAX 16
#define BYTES_MAX (1u << 20)
#define BEHIND_US                                                                                                      \
    50 /* threads sleep until they are so far behind their plan, then catch up: a burst of 50 at 1,000,000 a second */

static void no_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) { (void)s, (void)a, (void)o, (void)c; }
static void no_size(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void no_slice(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void no(c4t_socket *s) { (void)s; }
static void no_status(c4t_socket *s, int code, c4t_slice m) { (void)s, (void)code, (void)m; }
static void no_closed(c4t_socket *s, c4t_error e) { (void)s, (void)e; }

static const c4t_socket_factory inner = {C4T_NO_FRAMING, NULL, no_open, no_slice, no_size, NULL, no_status, no, NULL};
static const c4t_upcalls litecore = {.factory_size = C4T_FACTORY_SIZE_72,
                                     .got_http_response = no_status,
                                     .opened = no,
                                     .received = no_slice,
                                     .completed_write = no_size,
                                     .close_requested = no_status,
                                     .closed = no_closed};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct worker {
    pthread_t id;
    int number;
    const c4t_socket_factory *factory;
    const unsigned char *bytes;
    size_t size;
    uint64_t count;
    double ns_each; /* 0: no plan */
    uint64_t begin;
    uint64_t latest_ns;
};

static void *work(void *data) {
    struct worker *w = data;
    c4t_socket *socket = (c4t_socket *)(uintptr_t)(0x10000 + 0x1000 * w->number);
    c4t_slice message = {w->bytes, w->size};
    for (uint64_t made = 0; made < w->count;) {
        uint64_t now = now_ns() - w->begin;
        uint64_t due = w->ns_each > 0 ? (uint64_t)((double)now / w->ns_each) : w->count;
        if (due > w->count) due = w->count;
        uint64_t late = w->ns_each > 0 ? now - (uint64_t)((double)made * w->ns_each) : 0;
        if (due > made && late > w->latest_ns) w->latest_ns = late;
        for (; made < due; made++) w->factory->write(socket, message);
        if (made < w->count) {
            struct timespec pause = {0, BEHIND_US * 1000};
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static void make(struct worker *workers, int threads, uint64_t rate, uint64_t count) {
    uint64_t begin = now_ns(), latest = 0;
    for (int i = 0; i < threads; i++) {
        struct worker *w = &workers[i];
        w->begin = begin;
        w->count = count / (uint64_t)threads + ((uint64_t)i < count % (uint64_t)threads);
        w->ns_each = rate ? 1e9 * threads / (double)rate : 0;
        w->latest_ns = 0;
        if (pthread_create(&w->id, NULL, work, w)) abort();
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].id, NULL);
        if (workers[i].latest_ns > latest) latest = workers[i].latest_ns;
    }
    double seconds = (double)(now_ns() - begin) / 1e9;
    printf("{\"made\":%llu,\"seconds\":%.6f,\"latest_ms\":%.3f}\n", (unsigned long long)count, seconds,
           (double)latest / 1e6);
    fflush(stdout);
}

int main(int argc, char **argv) {
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "load";
    config.upcalls = &litecore;
    config.segment_bytes = (argc > 1 ? strtoull(argv[1], NULL, 10) : 64) << 20;
    c4trace_failure failure;
    c4trace_tracer *tracer;
    const c4t_socket_factory *traced = NULL;
    unsigned char *bytes = malloc(BYTES_MAX);
    if (threads < 1 || threads > THREADS_MAX || !bytes) return 2;
    if (!c4trace_open(&config, &tracer, &failure)) traced = c4trace_wrap(tracer, &inner, 0, "load", &failure);
    if (!traced) {
        fprintf(stderr, "load_host: %s\n", failure.text);
        return 2;
    }
    uint32_t random = 1; /* what is sent compresses as badly as what is encrypted or compressed already */
    for (size_t i = 0; i < BYTES_MAX; i++) bytes[i] = (unsigned char)((random = random * 1664525u + 1013904223u) >> 24);
    static const c4t_address address = {{"ws", 2}, {"localhost", 9}, 4984, {"/db/_blipsync", 13}};
    struct worker workers[THREADS_MAX];
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){.number = i, .factory = traced, .bytes = bytes};
        traced->open((c4t_socket *)(uintptr_t)(0x10000 + 0x1000 * i), &address, (c4t_slice){NULL, 0}, NULL);
    }
    printf("{\"pid\":%d,\"segment\":\"%s\",\"warning\":\"%s\"}\n", (int)getpid(), c4trace_segment_path(tracer),
           c4trace_warning(tracer));
    fflush(stdout);
    unsigned capture, size;
    unsigned long long rate, count;
    while (scanf("%u %u %llu %llu", &capture, &size, &rate, &count) == 4) {
        if (size > BYTES_MAX || c4trace_set_capture(tracer, capture, 0)) return 2;
        for (int i = 0; i < threads; i++) workers[i].size = size;
        make(workers, threads, rate, count);
    }
    c4trace_close(tracer, 0);
    free(bytes);
    return 0;
}
