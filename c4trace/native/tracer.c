/* Tracers and wrapped factories: opening, wrapping, closing, forking. */
#include "tracer.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "factories.h"
#include "forks.h"
#include "segment_make.h"
#include "sessions.h"
#include "slices.h"
#include "threads.h"
#include "unnoticed.h"

struct c4trace_tracer c4t_tracers[C4T_TRACERS_MAX];
struct c4t_factory c4t_factories[C4T_TRAMPOLINES];
pthread_mutex_t c4t_setup_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t closed_order; /* under the setup lock */

int c4t_fail(c4trace_failure *failure, int error, const char *format, ...) {
    if (!failure) return error;
    failure->error = error;
    va_list args;
    va_start(args, format);
    vsnprintf(failure->text, sizeof failure->text, format, args);
    va_end(args);
    return error;
}

/* Even generations are not open. */
static bool is_open(const struct c4trace_tracer *tracer) {
    return atomic_load_explicit(&tracer->generation, memory_order_relaxed) & 1; /* relaxed: changed under a lock */
}

/* All leases are void; tracer->lock held. */
static void void_all(struct c4trace_tracer *tracer) {
    atomic_fetch_add_explicit(&tracer->generation, 1, memory_order_relaxed); /* relaxed: see c4t_thread_begins */
    c4t_threads_void(tracer);
}

void c4t_step_aside(struct c4trace_tracer *tracer, const char *why) {
    pthread_mutex_lock(&tracer->lock);
    bool first = is_open(tracer);
    if (first) void_all(tracer);
    pthread_mutex_unlock(&tracer->lock);
    if (!first) return;
    struct c4t_segment_header *header = tracer->header;
    snprintf(header->status_text, sizeof header->status_text, "%s", why);
    atomic_store_explicit(&header->status, C4T_STATUS_ASIDE, memory_order_release); /* release: the text before it */
    char line[256];
    int n = snprintf(line, sizeof line, "c4trace: %s: stepped aside, calls pass untraced from here on: %s\n",
                     tracer->name, why);
    c4t_say(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* The child of a fork has none of the threads that trace, and shares the segment with its parent: it traces nothing. */
static void in_forked_child(void) {
    pthread_mutex_init(&c4t_setup_lock, NULL);
    c4t_sessions_after_fork();
    c4t_slices_after_fork();
    c4t_threads_after_fork();
    for (int i = 0; i < C4T_TRACERS_MAX; i++) {
        struct c4trace_tracer *tracer = &c4t_tracers[i];
        tracer->held = false; /* the segment is the parent's to remove */
        if (!is_open(tracer)) continue;
        atomic_fetch_add_explicit(&tracer->generation, 1, memory_order_relaxed); /* relaxed: one thread is alive */
    }
    for (int i = 0; i < C4T_TRAMPOLINES; i++)
        atomic_store_explicit(&c4t_factories[i].tracer, NULL, memory_order_relaxed);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int setup_error;

static void set_up_process(void) {
    setup_error = c4t_threads_setup();
    for (int i = 0; i < C4T_TRACERS_MAX; i++) {
        c4t_tracers[i].index = (uint32_t)i;
        pthread_mutex_init(&c4t_tracers[i].lock, NULL);
    }
    if (!setup_error) setup_error = c4t_in_forked_children(in_forked_child);
}

static int check_config(const c4trace_config *config, c4trace_failure *failure) {
    if (!config || config->size != sizeof *config)
        return c4t_fail(failure, C4TRACE_BAD_CONFIG,
                        "c4trace_config of another version; start from C4TRACE_CONFIG_INIT and rebuild");
    const char *name = config->name ? config->name : "";
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i])) n = 0;
    if (!n || n > 48 || name[0] == '.')
        return c4t_fail(failure, C4TRACE_BAD_NAME,
                        "tracer name '%.60s' is not 1 to 48 letters, digits, '.', '_' or '-'", name);
    if (config->capture > C4T_CAPTURE_FULL)
        return c4t_fail(failure, C4TRACE_BAD_CONFIG, "capture level %u is unknown; levels are 0 (off) to %u (full)",
                        config->capture, C4T_CAPTURE_FULL);
    if (config->segment_bytes && config->segment_bytes < C4T_SEGMENT_LEAST)
        return c4t_fail(failure, C4TRACE_BAD_CONFIG, "a segment of %zu bytes is too small; it takes at least %u",
                        config->segment_bytes, C4T_SEGMENT_LEAST);
    if (config->sessions > 1u << 20)
        return c4t_fail(failure, C4TRACE_BAD_CONFIG, "%u session rows are too many; at most %u", config->sessions,
                        1u << 20);
    return C4TRACE_OK;
}

/* A slot for the name, longest unused first; c4t_setup_lock held. */
static struct c4trace_tracer *free_tracer(const char *name, c4trace_failure *failure) {
    struct c4trace_tracer *free_one = NULL;
    for (int i = 0; i < C4T_TRACERS_MAX; i++) {
        struct c4trace_tracer *tracer = &c4t_tracers[i];
        if (tracer->held) {
            if (strcmp(tracer->name, name)) continue;
            c4t_fail(failure, C4TRACE_NAME_TAKEN,
                     "a tracer named '%s' is open in this process already; use that one or another name", name);
            return NULL;
        }
        if (!free_one || tracer->generation < free_one->generation) free_one = tracer;
    }
    if (!free_one)
        c4t_fail(failure, C4TRACE_TOO_MANY, "%d tracers are open in this process; one can wrap several factories",
                 C4T_TRACERS_MAX);
    return free_one;
}

/* The LiteCore that up-calls go to, where it is known now; otherwise wrap finds it. */
static int bind_port(struct c4trace_tracer *tracer, const c4trace_config *config, struct c4t_litecore *litecore,
                     c4trace_failure *failure) {
    memset(litecore, 0, sizeof *litecore);
    tracer->port = NULL;
    if (config->upcalls) {
        litecore->real = *config->upcalls;
    } else {
        int error = c4t_litecore_load(config->litecore, litecore, failure);
        if (error < 0) return C4TRACE_OK;
        if (error) return error;
    }
    tracer->port = c4t_port_for(&litecore->real, litecore->library);
    if (!tracer->port)
        return c4t_fail(failure, C4TRACE_TOO_MANY, "more than %d LiteCores in this process", C4T_PORTS_MAX);
    return C4TRACE_OK;
}

/* Private memory beside the segment; false without memory. */
static bool make_private(struct c4trace_tracer *tracer) {
    struct c4t_segment_header *header = tracer->header;
    uint32_t wanted = header->sessions.count;
    if (tracer->sessions_mapped < wanted) {
        void *sessions = mmap(NULL, wanted * sizeof(struct c4t_session), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (sessions == MAP_FAILED) return false;
        tracer->sessions = sessions; /* the smaller one stays mapped: a late thread may still hold a session in it */
        tracer->sessions_mapped = wanted;
    }
    memset(tracer->cells_leased, 0, sizeof tracer->cells_leased);
    tracer->free_slot_count = header->threads.count;
    for (uint32_t i = 0; i < header->threads.count; i++) tracer->free_slots[i] = header->threads.count - 1 - i;
    tracer->free_ring_count = header->rings.count - 1; /* the last is shared */
    for (uint32_t i = 0; i < tracer->free_ring_count; i++) tracer->free_rings[i] = tracer->free_ring_count - 1 - i;
    tracer->spare = tracer->extra;
    tracer->ended_first = tracer->ended_last = NULL;
    tracer->ended_count = tracer->overflow_threads = 0;
    tracer->last_sid = 0;
    return true;
}

void c4t_expect_consumer(struct c4trace_tracer *tracer, uint32_t pid) {
    if (!pid) return;
    struct c4t_segment_header *header = tracer->header;
    /* relaxed, both: no event has been recorded yet; if it never comes, the lease runs out */
    atomic_store_explicit(&header->consumer_beat, c4t_clock_ticks(tracer->clock), memory_order_relaxed);
    atomic_store_explicit(&header->consumer_pid, pid, memory_order_relaxed);
}

bool c4t_is_held(const struct c4trace_tracer *tracer) { return tracer->held && is_open(tracer); }

void c4t_tracer_knows(struct c4trace_tracer *tracer, struct c4t_port *port, const char *version) {
    tracer->port = port;
    if (!port) return;
    snprintf(tracer->header->litecore_version, sizeof tracer->header->litecore_version, "%s", version);
    tracer->header->factory_size = (uint32_t)port->real.factory_size;
}

static int open_tracer(struct c4trace_tracer *tracer, const c4trace_config *config, c4trace_failure *failure) {
    struct c4t_litecore litecore;
    snprintf(tracer->name, sizeof tracer->name, "%s", config->name);
    tracer->warning[0] = 0;
    int error = bind_port(tracer, config, &litecore, failure);
    if (!error) error = c4t_segment_make(tracer, config, failure);
    if (error) return error;
    if (!make_private(tracer)) {
        c4t_segment_unmake(tracer);
        return c4t_fail(failure, C4TRACE_SEGMENT, "out of memory for %u sessions",
                        config->sessions ? config->sessions : C4T_SESSIONS_DEFAULT);
    }
    c4t_tracer_knows(tracer, tracer->port, litecore.version);
    tracer->held = true;
    atomic_fetch_add_explicit(&tracer->generation, 1,
                              memory_order_release); /* release: everything above belongs to it */
    return C4TRACE_OK;
}

static int open_unnoticed(const c4trace_config *config, c4trace_tracer **out, c4trace_failure *failure) {
    pthread_once(&once, set_up_process);
    if (setup_error)
        return c4t_fail(failure, C4TRACE_SEGMENT, "cannot set up thread or fork hooks: %s", strerror(setup_error));
    pthread_mutex_lock(&c4t_setup_lock);
    struct c4trace_tracer *tracer = free_tracer(config->name, failure);
    int error = tracer ? open_tracer(tracer, config, failure) : failure ? failure->error : C4TRACE_TOO_MANY;
    pthread_mutex_unlock(&c4t_setup_lock);
    if (!error) *out = tracer;
    return error;
}

int c4trace_open(const c4trace_config *config, c4trace_tracer **out, c4trace_failure *failure) {
    *out = NULL;
    int error = check_config(config, failure);
    if (error) return error;
    struct c4t_unnoticed before;
    c4t_unnoticed_begin(&before);
    error = open_unnoticed(config, out, failure);
    c4t_unnoticed_end(&before);
    return error;
}

/* Trace no more, and let nothing lead here: another tracer may be in this place one day. c4t_setup_lock held. */
static void stop(struct c4trace_tracer *tracer) {
    pthread_mutex_lock(&tracer->lock);
    bool was_open = is_open(tracer); /* else it was stopped before, or has stepped aside */
    if (was_open) void_all(tracer);
    pthread_mutex_unlock(&tracer->lock);
    if (was_open) c4t_threads_settle(tracer);
    c4t_relocate_undo(tracer);
    for (int i = 0; i < C4T_TRAMPOLINES; i++) {
        struct c4t_factory *factory = &c4t_factories[i];
        /* relaxed, both: a call that is under way finds the tracer closed */
        if (atomic_load_explicit(&factory->tracer, memory_order_relaxed) != tracer) continue;
        atomic_store_explicit(&factory->tracer, NULL, memory_order_relaxed);
        factory->closed_order = ++closed_order;
    }
    c4t_sessions_forget(tracer);
    c4t_slices_forget(tracer);
    if (was_open)
        atomic_store_explicit(&tracer->header->status, C4T_STATUS_CLOSED,
                              memory_order_release); /* release: nothing follows */
}

void c4trace_stop(c4trace_tracer *tracer) {
    pthread_mutex_lock(&c4t_setup_lock);
    if (tracer->held) stop(tracer);
    pthread_mutex_unlock(&c4t_setup_lock);
}

void c4trace_close(c4trace_tracer *tracer, int keep) {
    pthread_mutex_lock(&c4t_setup_lock);
    if (tracer->held) {
        stop(tracer);
        if (!keep) c4t_segment_unmake(tracer);
        tracer->held = false;
    }
    pthread_mutex_unlock(&c4t_setup_lock);
}

const char *c4trace_segment_path(const c4trace_tracer *tracer) { return tracer->path; }
const char *c4trace_warning(const c4trace_tracer *tracer) { return tracer->warning; }
const char *c4trace_upcall_name(int i) { return c4t_upcall_name(i); }
uint64_t c4trace_ticks(void) {
    uint64_t rate;
    return c4t_clock_ticks(c4t_clock_choose(&rate));
}

void *c4trace_upcall(c4trace_tracer *tracer, const char *name) {
    for (int i = 0; tracer->port && c4t_upcall_name(i); i++)
        if (!strcmp(name, c4t_upcall_name(i))) return *c4t_upcall_slot(&tracer->port->traced, i);
    return NULL;
}

void *c4trace_symbol(c4trace_tracer *tracer, const char *name) {
    return tracer->port && tracer->port->library ? dlsym(tracer->port->library, name) : NULL;
}

int c4trace_set_capture(c4trace_tracer *tracer, uint32_t capture, uint32_t capture_bytes) {
    if (capture > C4T_CAPTURE_FULL || !is_open(tracer))
        return capture > C4T_CAPTURE_FULL ? C4TRACE_BAD_CONFIG : C4TRACE_CLOSED;
    c4t_turn_capture(tracer->base, &tracer->header->threads, (uint64_t)capture | (uint64_t)capture_bytes << 32);
    return C4TRACE_OK;
}
