#include "calls.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "segment.h"

static void nothing_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) {
    (void)s, (void)a, (void)o, (void)c;
}
static void nothing_size(c4t_socket *s, size_t n) { (void)s, (void)n; }
static void nothing_slice(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void nothing(c4t_socket *s) { (void)s; }
static void nothing_status(c4t_socket *s, int code, c4t_slice m) { (void)s, (void)code, (void)m; }

static const c4t_socket_factory inner = {C4T_NO_FRAMING, NULL,           nothing_open, nothing_slice, nothing_size,
                                         NULL,           nothing_status, nothing,      NULL};

const void *c4bench_inner(void) { return &inner; }

static const char message[C4BENCH_MESSAGE_MAX];

/* Thread-local, so that the yardsticks of several threads share no cache line. */
static __thread volatile uint64_t stored[2];

static c4t_socket *socket_at(uintptr_t first, uint64_t i) { return (c4t_socket *)(first + C4BENCH_SOCKET_STEP * i); }

static uint64_t count(const struct c4bench_calls *calls) { return (uint64_t)calls->threads * calls->each; }

void c4bench_open(const struct c4bench_calls *calls) {
    static const c4t_address address = {{"ws", 2}, {"localhost", 9}, 4984, {"/db/_blipsync", 13}};
    const c4t_socket_factory *factory = calls->factory;
    for (uint64_t i = 0; i < count(calls); i++)
        factory->open(socket_at(calls->sockets, i), &address, (c4t_slice){NULL, 0}, factory->context);
}

void c4bench_dispose(const struct c4bench_calls *calls) {
    const c4t_socket_factory *factory = calls->factory;
    for (uint64_t i = 0; i < count(calls); i++) factory->dispose(socket_at(calls->sockets, i));
}

double c4bench_sessions(const struct c4bench_calls *calls, uint32_t rounds) {
    const c4t_socket_factory *factory = calls->factory;
    if (!rounds || !count(calls)) return -1;
    uint64_t began = c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t round = 0; round < rounds; round++) {
        c4bench_open(calls);
        for (uint64_t i = 0; i < count(calls); i++)
            factory->request_close(socket_at(calls->sockets, i), 1000, (c4t_slice){NULL, 0});
        c4bench_dispose(calls);
    }
    return (double)(c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)(count(calls) * rounds);
}

/* The fastest counter of this machine, sound or not: a yardstick only stores what it reads. */
static uint32_t counter(void) {
#if defined(__x86_64__)
    return C4T_CLOCK_TSC;
#elif defined(__aarch64__)
    return C4T_CLOCK_CNTVCT;
#else
    return C4T_CLOCK_MONOTONIC;
#endif
}

typedef void (*write_function)(c4t_socket *, c4t_slice);

/* A function for each loop, so that a profiler tells them apart and none asks in each turn what it is to do. */
static __attribute__((noinline, noclone)) void call_bare(write_function volatile write, c4t_socket *socket,
                                                         c4t_slice slice, uint64_t calls) {
    for (uint64_t i = 0; i < calls; i++) write(socket, slice);
}

static __attribute__((noinline, noclone)) void call_stamped(write_function volatile write, c4t_socket *socket,
                                                            c4t_slice slice, uint64_t calls, uint32_t clock) {
    for (uint64_t i = 0; i < calls; i++) {
        stored[0] = c4t_clock_ticks(clock);
        write(socket, slice);
        stored[1] = c4t_clock_ticks(clock);
    }
}

/* Where threads wait until all have begun, or until one could not. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint32_t waiting;
    enum { SHUT, OPEN, GIVEN_UP } state;
};

static __attribute__((noinline, noclone)) void call_in_turn(write_function volatile write, uintptr_t first,
                                                            uint32_t each, c4t_slice slice, uint64_t calls) {
    for (uint64_t i = 0, at = 0; i < calls; i++) {
        write(socket_at(first, at), slice);
        if (++at == each) at = 0;
    }
}

struct job {
    const struct c4bench_calls *calls;
    struct gate *gate;
    uint32_t thread;
    double ns;
};

static bool pass(struct gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    pthread_cond_broadcast(&gate->moved);
    while (gate->state == SHUT) pthread_cond_wait(&gate->moved, &gate->lock);
    bool open = gate->state == OPEN;
    pthread_mutex_unlock(&gate->lock);
    return open;
}

/* Let those who began go on, once all of them are there; or, where `wanted` did not begin, go home. */
static void decide(struct gate *gate, uint32_t began, uint32_t wanted) {
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < began) pthread_cond_wait(&gate->moved, &gate->lock);
    gate->state = began == wanted ? OPEN : GIVEN_UP;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->lock);
}

static void make(const struct c4bench_calls *calls, uintptr_t first, uint64_t n) {
    write_function volatile write = ((const c4t_socket_factory *)calls->factory)->write;
    c4t_socket *socket = (c4t_socket *)first;
    c4t_slice slice = {message, calls->message};
    if (calls->each > 1)
        call_in_turn(write, first, calls->each, slice, n);
    else if (calls->stamps == C4BENCH_BARE)
        call_bare(write, socket, slice, n);
    else
        call_stamped(write, socket, slice, n, calls->stamps == C4BENCH_TICKS ? counter() : C4T_CLOCK_MONOTONIC);
}

static void *run(void *data) {
    struct job *job = data;
    const struct c4bench_calls *calls = job->calls;
    uintptr_t first = calls->sockets + (uintptr_t)C4BENCH_SOCKET_STEP * calls->each * job->thread;
    if (!pass(job->gate)) return NULL;
    if (calls->warm) make(calls, first, calls->warm);
    uint64_t began = c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    make(calls, first, calls->calls);
    job->ns = (double)(c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)calls->calls;
    return NULL;
}

double c4bench_run(const struct c4bench_calls *calls) {
    if (!calls->calls || !calls->each || !calls->threads || calls->threads > C4BENCH_THREADS_MAX ||
        calls->message > sizeof message)
        return -1;
    struct job jobs[C4BENCH_THREADS_MAX];
    pthread_t ids[C4BENCH_THREADS_MAX];
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, SHUT};
    uint32_t began = 0;
    double sum = 0;
    for (; began < calls->threads; began++) {
        jobs[began] = (struct job){calls, &gate, began, 0};
        if (pthread_create(&ids[began], NULL, run, &jobs[began])) break;
    }
    decide(&gate, began, calls->threads);
    for (uint32_t i = 0; i < began; i++) {
        pthread_join(ids[i], NULL);
        sum += jobs[i].ns;
    }
    return began == calls->threads ? sum / began : -1;
}

struct c4bench_rings c4bench_look(const char *segment) {
    struct c4bench_rings rings = {0, 0};
    int fd = open(segment, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return rings;
    struct c4t_segment_header header;
    struct c4t_ring ring;
    if (pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header && header.magic == C4T_SEGMENT_MAGIC &&
        header.layout == C4T_SEGMENT_LAYOUT)
        for (uint32_t i = 0; i < header.rings.count; i++) {
            off_t at = (off_t)(header.rings.offset + (uint64_t)i * header.rings.stride);
            if (pread(fd, &ring, sizeof ring, at) != (ssize_t)sizeof ring) break;
            rings.each = ring.cap;
            rings.written += ring.shared ? ring.reserved : ring.head;
        }
    close(fd);
    return rings;
}

struct copying {
    unsigned char *ring;
    uint64_t ring_bytes, size, warm, copies;
    double ns;
};

static void *copy(void *data) {
    struct copying *c = data;
    uint64_t header = sizeof(struct c4t_record), step = header + ((c->size + 63u) & ~(uint64_t)63u);
    uint64_t began = 0, at = 0;
    for (uint64_t i = 0; i < c->warm + c->copies; i++) {
        if (i == c->warm) began = c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID);
        memcpy(c->ring + (at & (c->ring_bytes - 1)) + header, message, c->size);
        __asm__ volatile("" ::: "memory"); /* every copy is made */
        at += step + header;               /* the return record */
    }
    c->ns = (double)(c4t_clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)c->copies;
    return NULL;
}

double c4bench_copy(size_t size, uint64_t ring_bytes, uint64_t warm, uint64_t copies) {
    if (!copies || size > sizeof message || size > ring_bytes || ring_bytes & (ring_bytes - 1)) return -1;
    /* Shared memory with its pages there, as a segment's are, and the same slack behind it. */
    size_t mapped = ring_bytes + C4T_RECORD_MAX;
    struct copying copying = {NULL, ring_bytes, size, warm, copies, -1};
    copying.ring = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (copying.ring == MAP_FAILED) return -1;
    pthread_t id; /* as c4bench_run's: on a processor that may have slept */
    if (!pthread_create(&id, NULL, copy, &copying)) pthread_join(id, NULL);
    munmap(copying.ring, mapped);
    return copying.ns;
}
