/* A host whose sockets fail and come again, for as long as it is asked to: what benchmarks/soak.py looks at from outside.
 *
 *     soak_host NAME SECONDS SOCKETS EVENTS_A_SECOND
 *
 * It prints the path of its segment and waits for a line; then SOCKETS sockets are sent messages, which their factory gives back, each
 * from a thread of its own. Some are refused, and each fails after a while, and is opened again. At the end it prints what the embedded
 * host, which plays LiteCore's part, has counted: {"events":{number:[n,bytes]},"anomalies":n,"left":n}. It waits for another line before
 * it closes the tracer.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "c4trace.h"
#include "host.h"

#define SOCKETS_MAX 1000
#define MESSAGE 256
#define TICK_NS 20000000
#define AHEAD 64u /* messages of a socket that may be on their way */
#define QUEUE 512u
#define EVENTS_A_MESSAGE 4 /* write, completedWrite, received, completedReceive */

static void (*opened)(c4t_socket *);
static void (*received)(c4t_socket *, c4t_slice);
static void (*completed_write)(c4t_socket *, size_t);
static void (*closed)(c4t_socket *, c4t_error);
static void (*got_http_response)(c4t_socket *, int, c4t_slice);
static void (*release_buffer)(const void *);
static c4t_socket *(*retain)(c4t_socket *);
static void (*release)(c4t_socket *);
static void (*set_handle)(c4t_socket *, void *);
static void *(*get_handle)(c4t_socket *);

/* Messages of each slot that came back; its driver goes no further ahead. */
static _Atomic uint64_t answered[SOCKETS_MAX];

enum fate { REFUSED_BY_PEER, REFUSED_BY_SERVER, RESET, LOST };

/* One socket of the factory, from open to dispose. */
struct line {
    c4t_socket *socket;
    unsigned slot;
    enum fate fate;
    unsigned left; /* messages until it fails */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    c4t_slice queue[QUEUE];
    unsigned first, count;
    int status; /* of requestClose, 0 before */
    bool over;
};

static uint32_t dice(void) {
    static _Atomic uint32_t state = 2463534242u;
    uint32_t x = atomic_fetch_add(&state, 0x9e3779b9u);
    x ^= x >> 16, x *= 0x85ebca6bu, x ^= x >> 13, x *= 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* The next message, or none when the line is to end. */
static bool take(struct line *line, c4t_slice *message) {
    pthread_mutex_lock(&line->lock);
    while (!line->count && !line->status) pthread_cond_wait(&line->changed, &line->lock);
    bool taken = line->count && !line->status && line->left;
    if (taken) {
        *message = line->queue[line->first++ % QUEUE];
        line->count--;
        line->left--;
    }
    pthread_mutex_unlock(&line->lock);
    return taken;
}

/* Let go of what was not sent; from now on nothing is taken in. */
static void end(struct line *line) {
    pthread_mutex_lock(&line->lock);
    line->over = true;
    for (; line->count; line->count--) release_buffer(line->queue[line->first++ % QUEUE].buf);
    pthread_mutex_unlock(&line->lock);
}

static c4t_error reason(const struct line *line) {
    if (line->status) return (c4t_error){6, line->status, 0};
    switch (line->fate) {
    case REFUSED_BY_PEER:
        return (c4t_error){2, ECONNREFUSED, 0};
    case REFUSED_BY_SERVER:
        return (c4t_error){6, 503, 0};
    case RESET:
        return (c4t_error){2, ECONNRESET, 0};
    default:
        return (c4t_error){6, 1006, 0};
    }
}

static void *live(void *argument) {
    static const unsigned char headers[] = {0x70, 0x00}; /* an empty Fleece dictionary */
    struct line *line = argument;
    c4t_socket *socket = line->socket;
    if (line->fate != REFUSED_BY_PEER)
        got_http_response(socket, line->fate == REFUSED_BY_SERVER ? 503 : 101, (c4t_slice){headers, sizeof headers});
    if (line->fate == RESET || line->fate == LOST) {
        opened(socket);
        c4t_slice message;
        while (take(line, &message)) {
            completed_write(socket, message.size);
            received(socket, message);
            release_buffer(message.buf);
            atomic_fetch_add(&answered[line->slot], 1);
        }
    }
    end(line);
    closed(socket, reason(line));
    release(socket); /* the line may be gone now */
    return NULL;
}

static void on_open(c4t_socket *socket, const c4t_address *address, c4t_slice options, void *context) {
    (void)options, (void)context;
    struct line *line = calloc(1, sizeof *line);
    if (!line) abort();
    char path[16] = "";
    size_t size = address->path.size - 1 < sizeof path - 1 ? address->path.size - 1 : sizeof path - 1;
    memcpy(path, (const char *)address->path.buf + 1, size);
    uint32_t chance = dice() % 100;
    line->socket = retain(socket);
    line->slot = (unsigned)atoi(path) % SOCKETS_MAX;
    line->fate = chance < 2 ? REFUSED_BY_PEER : chance < 4 ? REFUSED_BY_SERVER : chance < 50 ? RESET : LOST;
    line->left = 500 + dice() % 2000;
    pthread_mutex_init(&line->lock, NULL);
    pthread_cond_init(&line->changed, NULL);
    set_handle(socket, line);
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, live, line)) abort();
    pthread_attr_destroy(&detached);
}

static void on_write(c4t_socket *socket, c4t_slice message) {
    struct line *line = get_handle(socket);
    pthread_mutex_lock(&line->lock);
    bool takes = !line->over && line->count < QUEUE;
    if (takes) line->queue[(line->first + line->count++) % QUEUE] = message;
    pthread_cond_signal(&line->changed);
    pthread_mutex_unlock(&line->lock);
    if (!takes) release_buffer(message.buf);
}

static void on_completed_receive(c4t_socket *socket, size_t n) { (void)socket, (void)n; }

static void on_request_close(c4t_socket *socket, int status, c4t_slice message) {
    (void)message;
    struct line *line = get_handle(socket);
    pthread_mutex_lock(&line->lock);
    line->status = status;
    pthread_cond_signal(&line->changed);
    pthread_mutex_unlock(&line->lock);
}

static void on_dispose(c4t_socket *socket) {
    struct line *line = get_handle(socket);
    pthread_mutex_destroy(&line->lock);
    pthread_cond_destroy(&line->changed);
    free(line);
}

static const c4t_socket_factory factory = {.framing = C4T_NO_FRAMING,
                                           .open = on_open,
                                           .write = on_write,
                                           .completed_receive = on_completed_receive,
                                           .request_close = on_request_close,
                                           .dispose = on_dispose};

#define LOOK_UP(function, name) *(void **)&(function) = c4trace_upcall(tracer, name)
#define LITECORES(function, name) *(void **)&(function) = c4thost_symbol(name, C4T_FACTORY_SIZE_72)

static const void *wrap(c4trace_tracer *tracer, c4trace_failure *failure) {
    const void *traced = c4trace_wrap(tracer, &factory, sizeof factory, "soak", failure);
    if (!traced) return NULL;
    c4trace_uses_table(tracer, traced);
    LOOK_UP(opened, "c4socket_opened");
    LOOK_UP(received, "c4socket_received");
    LOOK_UP(completed_write, "c4socket_completedWrite");
    LOOK_UP(closed, "c4socket_closed");
    LOOK_UP(got_http_response, "c4socket_gotHTTPResponse");
    LITECORES(retain, "c4socket_retain");
    LITECORES(release, "c4socket_release");
    LITECORES(set_handle, "c4Socket_setNativeHandle");
    LITECORES(get_handle, "c4Socket_getNativeHandle");
    release_buffer = c4thost_upcalls(C4T_FACTORY_SIZE_72)->release_buffer;
    return traced;
}

struct slot {
    uint64_t id; /* 0: not open */
    uint64_t sent;
};

static void connect_slot(c4thost *host, const void *traced, struct slot *slot, unsigned i) {
    char path[16];
    int n = snprintf(path, sizeof path, "/%u", i);
    const c4t_address address = {{"ws", 2}, {"soak.test", 9}, 4984, {path, (size_t)n}};
    slot->sent = 0;
    atomic_store(&answered[i], 0);
    slot->id = c4thost_connect(host, traced, &address, (c4t_slice){NULL, 0});
}

/* Sockets that are disposed are opened again. */
static void reopen(c4thost *host, const void *traced, struct slot *slots, unsigned count) {
    c4thost_event event;
    while (c4thost_next(host, &event, 0) == 1) {
        for (unsigned i = 0; i < count; i++)
            if (slots[i].id == event.id) connect_slot(host, traced, &slots[i], i);
        c4thost_forget(host, event.id);
        c4thost_event_free(&event);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void soak(c4thost *host, const void *traced, double seconds, unsigned count, double rate) {
    static struct slot slots[SOCKETS_MAX];
    static const char message[MESSAGE];
    double began = now(), owed = 0;
    for (unsigned i = 0; i < count; i++) connect_slot(host, traced, &slots[i], i);
    for (double last = began; last < began + seconds;) {
        nanosleep(&(struct timespec){0, TICK_NS}, NULL);
        double time = now();
        owed += rate / EVENTS_A_MESSAGE / count * (time - last); /* messages of each socket */
        last = time;
        unsigned burst = (unsigned)owed;
        owed -= burst;
        for (unsigned i = 0; i < count; i++)
            for (unsigned n = 0; n < burst && slots[i].sent < atomic_load(&answered[i]) + AHEAD; n++)
                if (c4thost_send(host, slots[i].id, message, sizeof message))
                    break;
                else
                    slots[i].sent++;
        reopen(host, traced, slots, count);
    }
}

static void tell(c4thost *host, const c4thost_leaks *leaks) {
    c4thost_counts counts;
    uint64_t anomalies = 0;
    c4thost_count(host, 0, &counts);
    for (int i = 0; i < C4THOST_ANOMALY_COUNT; i++) anomalies += counts.anomalies[i];
    printf("{\"events\":{");
    for (int i = 1; i < C4T_EV_COUNT; i++)
        printf("%s\"%d\":[%llu,%llu]", i > 1 ? "," : "", i, (unsigned long long)counts.events[i].n,
               (unsigned long long)counts.events[i].bytes);
    printf("},\"anomalies\":%llu,\"left\":%llu}\n", (unsigned long long)anomalies,
           (unsigned long long)(leaks->sockets + leaks->slices + leaks->threads));
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 5 || atoi(argv[3]) < 1 || atoi(argv[3]) > SOCKETS_MAX)
        return fprintf(stderr, "usage: soak_host NAME SECONDS SOCKETS EVENTS_A_SECOND\n"), 2;
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = argv[1];
    config.upcalls = c4thost_upcalls(C4T_FACTORY_SIZE_72);
    config.segment_bytes = 64u << 20;
    c4trace_tracer *tracer;
    c4trace_failure failure;
    if (c4trace_open(&config, &tracer, &failure)) return fprintf(stderr, "%s\n", failure.text), 2;
    const void *traced = wrap(tracer, &failure);
    if (!traced) return fprintf(stderr, "%s\n", failure.text), 2;
    printf("%s\n", c4trace_segment_path(tracer));
    fflush(stdout);
    if (getchar() == EOF) return 2;

    c4thost_config host_config = C4THOST_CONFIG_INIT;
    host_config.events = 1u << C4THOST_DISPOSED;
    c4thost *host = c4thost_new(&host_config);
    if (!host) return fprintf(stderr, "no threads\n"), 2;
    soak(host, traced, atof(argv[2]), (unsigned)atoi(argv[3]), atof(argv[4]));
    c4thost_leaks leaks;
    c4thost_stop(host, &leaks);
    tell(host, &leaks);
    getchar();
    c4trace_close(tracer, 0);
    return 0;
}
