/* Meeting a LiteCore: at its first interposed call it is looked up, once for each caller's place in the code. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

#define CALLERS 256 /* places in the code that are remembered; power of two */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct c4t_met met[C4T_PORTS_MAX];
static int met_count; /* under lock */

static struct {
    const void *_Atomic caller; /* set last */
    const struct c4t_met *_Atomic met;
} callers[CALLERS];

/* Where C4ReplicatorParameters has its socketFactory (headers of 2.8, 3.0, and 3.1 to 4.1); 0: not known. Told by what a version exports,
 * because official builds may name a commit in place of a version. */
static size_t factory_in_params(const struct c4t_litecore *litecore) {
    int major = 0, minor = 0;
    bool named = sscanf(litecore->version, "%d.%d.", &major, &minor) == 2;
    if (named && (major < 2 || (major == 2 && minor < 8) || major > 4 || (major == 4 && minor > 1))) return 0;
    if (dlsym(litecore->library, "c4coll_isValid")) return 64; /* 3.1 and later: no push and pull, no filters */
    if (dlsym(litecore->library, "c4repl_setProgressLevel")) return 88; /* 3.0: with encryptors */
    return dlsym(litecore->library, "c4repl_setSuspended") ? 72 : 0;    /* 2.8 */
}

static const char *asked_for(void) {
    const char *name = getenv("C4TRACE_NAME");
    return name && name[0] ? name : NULL;
}

static void say(const char *what) {
    char line[640];
    int n = snprintf(line, sizeof line, "c4trace: %s\n", what);
    ssize_t written =
        asked_for() ? write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) : 0;
    (void)written; /* there is nobody else to tell */
}

/* lock held */
static const struct c4t_met *enter(const struct c4t_litecore *litecore) {
    for (int i = 0; i < met_count; i++)
        if (met[i].litecore.library == litecore->library) return &met[i];
    if (met_count == C4T_PORTS_MAX) return NULL;
    struct c4t_met *m = &met[met_count++];
    m->litecore = *litecore;
    m->factory_in_params = factory_in_params(litecore);
    if (m->factory_in_params && litecore->real.factory_size) {
        pthread_mutex_lock(&c4t_setup_lock);
        m->port = c4t_port_for(&litecore->real, litecore->library);
        pthread_mutex_unlock(&c4t_setup_lock);
    } else {
        char text[256];
        snprintf(text, sizeof text, "LiteCore '%s' is of a version c4trace does not know; it is not traced",
                 litecore->version);
        say(text);
    }
    return m;
}

static const struct c4t_met *look_up(const void *caller) {
    struct c4t_litecore litecore;
    pthread_mutex_lock(&lock);
    const struct c4t_met *m = NULL;
    if (c4t_litecore_behind(caller, &litecore))
        m = enter(&litecore);
    else if (met_count)
        m = &met[0];
    else if (!c4t_litecore_load(NULL, &litecore, NULL))
        m = enter(&litecore);
    pthread_mutex_unlock(&lock);
    return m;
}

const struct c4t_met *c4t_meet(const void *caller) {
    size_t i = (size_t)((uintptr_t)caller * 0x9E3779B97F4A7C15ull >> 56) & (CALLERS - 1);
    /* acquire: what is remembered for a caller was stored before it */
    if (atomic_load_explicit(&callers[i].caller, memory_order_acquire) == caller) {
        const struct c4t_met *m = atomic_load_explicit(&callers[i].met, memory_order_relaxed); /* relaxed: as above */
        if (atomic_load_explicit(&callers[i].caller, memory_order_relaxed) == caller) return m;
    }
    const struct c4t_met *m = look_up(caller);
    const void *nobody = NULL;
    /* An entry is taken once and for all, so that its two words always belong together. */
    if (m && atomic_compare_exchange_strong_explicit(&callers[i].caller, &nobody, (const void *)1, memory_order_relaxed,
                                                     memory_order_relaxed)) {
        atomic_store_explicit(&callers[i].met, m,
                              memory_order_relaxed); /* relaxed: the caller's release publishes it */
        atomic_store_explicit(&callers[i].caller, caller, memory_order_release); /* release: met first */
    }
    return m;
}

static uint32_t number(const char *variable, uint32_t otherwise) {
    const char *text = getenv(variable);
    char *end;
    unsigned long value = text ? strtoul(text, &end, 10) : 0;
    return text && *text && !*end && value <= UINT32_MAX ? (uint32_t)value : otherwise;
}

static struct c4trace_tracer *_Atomic tracer;
static pid_t tried_by;

static struct c4trace_tracer *open_tracer(const struct c4t_met *m) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = asked_for();
    config.upcalls = &m->litecore.real;
    config.capture = number("C4TRACE_CAPTURE_LEVEL", C4T_CAPTURE_HEADERS);
    config.capture_bytes = number("C4TRACE_CAPTURE_BYTES", 0);
    config.segment_bytes = number("C4TRACE_SEGMENT_KIB", 0) * (size_t)1024;
    c4trace_failure failure;
    struct c4trace_tracer *opened;
    if (c4trace_open(&config, &opened, &failure)) {
        say(failure.text);
        return NULL;
    }
    pthread_mutex_lock(&c4t_setup_lock);
    opened->port->library = m->litecore.library;
    c4t_tracer_knows(opened, m->port, m->litecore.version);
    pthread_mutex_unlock(&c4t_setup_lock);
    if (c4trace_warning(opened)[0]) say(c4trace_warning(opened));
    c4t_expect_consumer(opened, number("C4TRACE_COLLECTOR", 0));
    return opened;
}

struct c4trace_tracer *c4t_preloaded_tracer(const struct c4t_met *m) {
    struct c4trace_tracer *opened = atomic_load_explicit(&tracer, memory_order_acquire); /* acquire: it is whole */
    if (C4T_LIKELY(opened) && C4T_LIKELY(tried_by == getpid())) return opened;
    if (!asked_for()) return NULL;
    pthread_mutex_lock(&lock);
    if (tried_by != getpid()) { /* the first time, or in a forked child, whose parent's tracer is not its own */
        tried_by = getpid();
        atomic_store_explicit(&tracer, open_tracer(m), memory_order_release); /* release: it is whole */
    }
    opened = atomic_load_explicit(&tracer, memory_order_relaxed); /* relaxed: under the lock */
    pthread_mutex_unlock(&lock);
    return opened;
}
