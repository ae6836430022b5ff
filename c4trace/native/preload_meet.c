/* Meeting a LiteCore: at its first interposed call it is looked up, once for each caller's place in the code. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "forks.h"
#include "preload.h"

#define CALLERS 256 /* places in the code that are remembered; power of two */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct c4t_met met[C4T_PORTS_MAX];
static int met_count; /* under lock; raised when the new one is whole, so that a child forked meanwhile finds no half */
_Atomic unsigned char c4t_met_known_only;
static const struct c4t_met *looked_up; /* under lock */
static _Atomic bool lookups_are_seen;

static struct {
    const void *_Atomic caller; /* set last */
    const struct c4t_met *_Atomic met;
} callers[CALLERS];

/* Where C4ReplicatorParameters has its socketFactory (headers of 2.8, 3.0, and 3.1 to 4.1); 0: not known. Told by what a version exports,
 * because official builds may name a commit in place of a version. */
static size_t factory_in_params(const struct c4t_litecore *litecore) {
    int major = 0, minor = 0;
    bool named = sscanf(litecore->version, "%d.%d.", &major, &minor) == 2;
    static const int newest[] = {[2] = 8, [3] = 4, [4] = 1};
    if (named && (major < 2 || major > 4 || minor > newest[major] || (major == 2 && minor < 8))) return 0;
    if (dlsym(litecore->library, "c4coll_isValid")) return 64; /* 3.1 and later: no push and pull, no filters */
    if (dlsym(litecore->library, "c4repl_setProgressLevel")) return 88; /* 3.0: with encryptors */
    return dlsym(litecore->library, "c4repl_setSuspended") ? 72 : 0;    /* 2.8 */
}

/* lock held */
static const struct c4t_met *enter(const struct c4t_litecore *litecore) {
    for (int i = 0; i < met_count; i++)
        if (met[i].litecore.library == litecore->library) return &met[i];
    if (met_count == C4T_PORTS_MAX) return NULL;
    struct c4t_met *m = &met[met_count];
    m->litecore = *litecore;
    m->factory_in_params = factory_in_params(litecore);
    m->port = NULL;
    if (m->factory_in_params && litecore->real.factory_size) {
        pthread_mutex_lock(&c4t_setup_lock);
        m->port = c4t_port_for(&litecore->real, litecore->library);
        pthread_mutex_unlock(&c4t_setup_lock);
    }
    c4t_lead_past_releases((const void *)litecore->real.opened);
    bool known_only = m->port && (!met_count || atomic_load_explicit(&c4t_met_known_only, memory_order_relaxed));
    met_count++;
    /* release: a thread that sees it finds this LiteCore met */
    atomic_store_explicit(&c4t_met_known_only, known_only, memory_order_release);
    c4t_tell(m->port ? "met" : "unknown", litecore->version);
    return m;
}

static void in_forked_child(void) { pthread_mutex_init(&lock, NULL); /* another thread of the parent may hold it */ }

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void set_up(void) { c4t_in_forked_children(in_forked_child); }

/* The loader is asked without our lock: who is inside it (a library's constructor) may be on the way to us. */
static const struct c4t_met *look_up(const void *caller) {
    struct c4t_litecore litecore;
    pthread_once(&once, set_up);
    bool found = c4t_litecore_behind(caller, &litecore);
    const struct c4t_met *m = NULL;
    pthread_mutex_lock(&lock);
    if (!found && met_count) m = looked_up ? looked_up : &met[0];
    pthread_mutex_unlock(&lock);
    if (m || (!found && c4t_litecore_load(NULL, &litecore, NULL))) return m;
    pthread_mutex_lock(&lock);
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

bool c4t_none_was_met(void) { return !met_count; }

bool c4t_lookups_are_seen(void) {
    return atomic_load_explicit(&lookups_are_seen, memory_order_relaxed); /* relaxed: a mark */
}

/* Whoever is linked to one LiteCore and looks another up, or looks up in two, calls by pointers that do not say which. */
const struct c4t_met *c4t_meet_looked_up(const void *found, const void *caller) {
    struct c4t_litecore litecore, linked;
    pthread_once(&once, set_up);
    if (!c4t_litecore_behind(found, &litecore)) return NULL;
    bool another = c4t_litecore_behind(caller, &linked) && linked.library != litecore.library;
    atomic_store_explicit(&lookups_are_seen, true, memory_order_relaxed); /* relaxed: as above */
    pthread_mutex_lock(&lock);
    const struct c4t_met *m = another ? NULL : enter(&litecore);
    if (m && !looked_up) looked_up = m;
    bool second = another || (m && looked_up != m);
    pthread_mutex_unlock(&lock);
    static _Atomic bool told;
    if (second && !atomic_exchange_explicit(&told, true, memory_order_relaxed)) /* relaxed: a mark */
        c4t_tell("note", "a second LiteCore that is looked up in one process is not traced");
    return second ? NULL : m;
}

static struct c4trace_tracer *_Atomic tracer;
static _Atomic pid_t tried_by;

static struct c4trace_tracer *open_tracer(const struct c4t_met *m) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = c4t_asked_name();
    config.upcalls = &m->litecore.real;
    config.capture = c4t_asked_number("C4TRACE_CAPTURE_LEVEL", C4T_CAPTURE_HEADERS);
    config.capture_bytes = c4t_asked_number("C4TRACE_CAPTURE_BYTES", 0);
    config.segment_bytes = c4t_asked_number("C4TRACE_SEGMENT_KIB", 0) * (size_t)1024;
    c4trace_failure failure;
    struct c4trace_tracer *opened;
    if (c4trace_open(&config, &opened, &failure)) {
        c4t_tell("failed", failure.text);
        return NULL;
    }
    pthread_mutex_lock(&c4t_setup_lock);
    opened->port->library = m->litecore.library;
    c4t_tracer_knows(opened, m->port, m->litecore.version);
    pthread_mutex_unlock(&c4t_setup_lock);
    if (c4trace_warning(opened)[0]) c4t_tell("note", c4trace_warning(opened));
    c4t_expect_consumer(opened, c4t_asked_number("C4TRACE_COLLECTOR", 0));
    c4t_tell("segment", c4trace_segment_path(opened));
    return opened;
}

struct c4trace_tracer *c4t_preloaded_tracer(const struct c4t_met *m) {
    struct c4trace_tracer *opened = atomic_load_explicit(&tracer, memory_order_acquire); /* acquire: it is whole */
    pid_t pid = getpid();
    /* relaxed: a process sees its own, and a forked child its parent's */
    if (C4T_LIKELY(opened) && C4T_LIKELY(atomic_load_explicit(&tried_by, memory_order_relaxed) == pid)) return opened;
    if (!c4t_asked_name()) return NULL;
    pthread_mutex_lock(&lock);
    /* The first time, or in a forked child, whose parent's tracer is not its own. relaxed, all: under the lock */
    if (atomic_load_explicit(&tried_by, memory_order_relaxed) != pid) {
        opened = open_tracer(m);
        atomic_store_explicit(&tracer, opened, memory_order_release); /* release: it is whole */
        atomic_store_explicit(&tried_by, pid, memory_order_relaxed);
    }
    opened = atomic_load_explicit(&tracer, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
    return opened;
}
