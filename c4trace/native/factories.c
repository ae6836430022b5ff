/* Wrapping: a traced factory that mirrors the inner one exactly. */
#include "factories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slices.h"
#include "threads.h"

static bool is_trampoline(const c4t_socket_factory *factory, int i) {
    return factory->write == c4t_trampolines[i].write;
}

struct c4t_factory *c4t_factory_of_traced(const c4t_socket_factory *factory) {
    for (int i = 0; i < C4T_TRAMPOLINES; i++)
        if (is_trampoline(factory, i)) return &c4t_factories[i];
    return NULL;
}

static bool same_callbacks(const c4t_socket_factory *a, const c4t_socket_factory *b) {
    return a->framing == b->framing && a->open == b->open && a->write == b->write &&
           a->completed_receive == b->completed_receive && a->close == b->close &&
           a->request_close == b->request_close && a->dispose == b->dispose;
}

struct c4t_factory *c4t_factory_of_inner(const c4t_socket_factory *factory) {
    struct c4t_factory *found = NULL;
    for (int i = 0; i < C4T_TRAMPOLINES; i++) {
        struct c4t_factory *wrapped = &c4t_factories[i];
        /* acquire: a factory in use was filled before; a tracer that is closing is none */
        if (!atomic_load_explicit(&wrapped->used, memory_order_acquire) ||
            !atomic_load_explicit(&wrapped->tracer, memory_order_acquire) || !same_callbacks(&wrapped->inner, factory))
            continue;
        if (wrapped->inner.context == factory->context) return wrapped;
        if (!found) found = wrapped;
    }
    return found;
}

/* Rule C4S-002, which LiteCore itself checks for registered factories only, and then by ending the process. What it accepts
 * elsewhere, a callback that it never calls, is no reason to leave a factory untraced that was not given to us by hand. */
static int check_inner(const c4t_socket_factory *inner, bool strict, c4trace_failure *failure) {
    if (inner->framing > C4T_SERVER_FRAMING)
        return c4t_fail(failure, C4TRACE_BAD_FACTORY,
                        "factory: framing is %u; it is 0 (client), 1 (none) or 2 (server)", inner->framing);
    const char *missing = !inner->write ? "write" : !inner->completed_receive ? "completedReceive" : NULL;
    bool none = inner->framing == C4T_NO_FRAMING;
    if (!missing && none && !inner->request_close) missing = "requestClose";
    if (!missing && !none && !inner->close) missing = "close";
    if (missing)
        return c4t_fail(failure, C4TRACE_BAD_FACTORY,
                        "factory: %s is NULL; LiteCore would crash calling it (rule C4S-002): set it", missing);
    if (strict && (none ? inner->close != NULL : inner->request_close != NULL))
        return c4t_fail(failure, C4TRACE_BAD_FACTORY,
                        "factory: %s must be NULL with this framing (rule C4S-002): set it to NULL",
                        none ? "close" : "requestClose");
    return C4TRACE_OK;
}

static int check_size(const struct c4trace_tracer *tracer, size_t *size, c4trace_failure *failure) {
    if (!*size && tracer->port) *size = tracer->port->real.factory_size;
    if (*size == C4T_FACTORY_SIZE_64 || *size == C4T_FACTORY_SIZE_72) return C4TRACE_OK;
    if (*size)
        return c4t_fail(failure, C4TRACE_BAD_FACTORY,
                        "factory: %zu bytes; a C4SocketFactory has 64 (up to 3.3, 4.0) or 72 (3.4, 4.1 and later)",
                        *size);
    return c4t_fail(failure, C4TRACE_BAD_FACTORY,
                    "factory: LiteCore '%s' is of no version c4trace knows, so the size of its C4SocketFactory is "
                    "unknown; say 64 or 72",
                    tracer->header->litecore_version);
}

/* A set of trampolines: unused, or, once half of them are in use, longest closed with no session left. LiteCore may have a copy of what was
 * handed out then, which leads to these for good: so only where the callbacks behind it are the same. c4t_setup_lock held. */
static struct c4t_factory *take(const c4t_socket_factory *inner) {
    struct c4t_factory *oldest = NULL, *unused = NULL;
    int unused_count = 0;
    for (int i = 0; i < C4T_TRAMPOLINES; i++) {
        struct c4t_factory *factory = &c4t_factories[i];
        /* relaxed, all: changed under the setup lock, but for live, which a session's end may bring to 0 a moment later */
        if (!atomic_load_explicit(&factory->used, memory_order_relaxed)) {
            if (!unused_count++) unused = factory;
            continue;
        }
        if (atomic_load_explicit(&factory->tracer, memory_order_relaxed) ||
            atomic_load_explicit(&factory->live, memory_order_relaxed) > 0 || !same_callbacks(&factory->inner, inner) ||
            factory->inner.attached != inner->attached)
            continue;
        if (!oldest || factory->closed_order < oldest->closed_order) oldest = factory;
    }
    return oldest && unused_count <= C4T_TRAMPOLINES / 2 ? oldest : unused;
}

/* NULL where the inner one has NULL, everything else ours; framing and context are the inner one's. */
static void mirror(struct c4t_factory *factory) {
    const c4t_socket_factory *inner = &factory->inner;
    c4t_socket_factory traced = c4t_trampolines[factory - c4t_factories];
    traced.framing = inner->framing;
    traced.context = inner->context;
    if (!inner->open) traced.open = NULL;
    if (!inner->close) traced.close = NULL;
    if (!inner->request_close) traced.request_close = NULL;
    if (!inner->dispose) traced.dispose = NULL;
    if (!inner->attached) traced.attached = NULL;
    factory->traced->factory = traced;
}

/* Where a tracer knows no LiteCore yet, the inner factory's library leads to it. */
static void find_port(struct c4trace_tracer *tracer, const c4t_socket_factory *inner) {
    struct c4t_litecore litecore;
    if (!tracer->port && c4t_litecore_behind((const void *)inner->write, &litecore))
        c4t_tracer_knows(tracer, c4t_port_for(&litecore.real, litecore.library), litecore.version);
}

/* The factory's place in the tracer, its trampolines and its cells. */
static int place(struct c4trace_tracer *tracer, const c4t_socket_factory *inner, struct c4t_factory **out,
                 c4trace_failure *failure) {
    /* relaxed: written under the setup lock */
    uint32_t index = atomic_load_explicit(&tracer->header->factory_count, memory_order_relaxed);
    struct c4t_factory *factory = index < C4T_FACTORIES_MAX ? take(inner) : NULL;
    if (!factory)
        return c4t_fail(failure, C4TRACE_TOO_MANY, "factory: a tracer wraps at most %u, a process %u",
                        C4T_FACTORIES_MAX, C4T_TRAMPOLINES);
    pthread_mutex_lock(&tracer->lock);
    factory->shared_cells = c4t_cells_take(tracer, index, C4T_CELLS_SHARED);
    pthread_mutex_unlock(&tracer->lock);
    if (!factory->shared_cells)
        return c4t_fail(failure, C4TRACE_TOO_MANY,
                        "factory: no counters left in a segment of this size; make it larger");
    struct c4t_traced *traced = malloc(sizeof *traced);
    if (!traced) return c4t_fail(failure, C4TRACE_TOO_MANY, "factory: out of memory");
    traced->earlier = factory->traced;
    factory->traced = traced;
    factory->inner = *inner;
    factory->index = index;
    factory->row = c4t_at(tracer, &tracer->header->factories, index);
    /* relaxed, both: nobody calls it yet */
    atomic_store_explicit(&factory->live, 0, memory_order_relaxed);
    atomic_store_explicit(&factory->follows_slices, false, memory_order_relaxed);
    *out = factory;
    return C4TRACE_OK;
}

/* From here on it can be called and found. */
static void hand_out(struct c4trace_tracer *tracer, struct c4t_factory *factory, uint32_t upcalls) {
    mirror(factory);
    /* relaxed: advisory; release: the factory is filled before it can be found or called */
    atomic_store_explicit(&factory->row->upcalls, upcalls, memory_order_relaxed);
    atomic_store_explicit(&factory->tracer, tracer, memory_order_release);
    atomic_store_explicit(&factory->used, true, memory_order_release);
    atomic_store_explicit(&tracer->header->factory_count, factory->index + 1, memory_order_release);
}

static int wrap(struct c4trace_tracer *tracer, const void *inner, size_t size, const char *label,
                struct c4t_factory **out, c4trace_failure *failure) {
    c4t_socket_factory copy = {0};
    memcpy(&copy, inner, C4T_FACTORY_SIZE_64);
    int error = check_inner(&copy, true, failure);
    if (error) return error;
    if (c4t_factory_of_traced(&copy))
        return c4t_fail(failure, C4TRACE_BAD_FACTORY, "factory: it is a traced one already; wrap the inner one once");
    find_port(tracer, &copy);
    if ((error = check_size(tracer, &size, failure))) return error;
    memcpy(&copy, inner, size);
    if ((error = place(tracer, &copy, out, failure))) return error;
    struct c4t_factory *factory = *out;
    factory->size = (uint32_t)size;
    factory->port = tracer->port;
    snprintf(factory->row->label, sizeof factory->row->label, "%s", label);
    factory->row->framing = copy.framing;
    factory->row->size = (uint32_t)size;
    struct c4t_turned turned = {0, 0};
    if (tracer->port) turned = c4t_relocate(tracer, tracer->port, (const void *)copy.write);
    if (turned.releases) c4t_slices_visible(factory, C4T_UPCALLS_RELOCATION);
    hand_out(tracer, factory, turned.upcalls ? C4T_UPCALLS_RELOCATION : C4T_UPCALLS_NOT_VISIBLE);
    return C4TRACE_OK;
}

struct c4t_factory *c4t_wrap_interposed(struct c4trace_tracer *tracer, struct c4t_port *port,
                                        const c4t_socket_factory *inner, const char *name, bool sees_releases,
                                        c4trace_failure *failure) {
    struct c4t_factory *factory = NULL;
    pthread_mutex_lock(&c4t_setup_lock);
    struct c4t_factory *known = c4t_factory_of_inner(inner);
    if (known && atomic_load_explicit(&known->tracer, memory_order_relaxed) == tracer) { /* relaxed: set-up */
        factory = known;
    } else if (!c4t_is_held(tracer)) {
        c4t_fail(failure, C4TRACE_CLOSED, "the tracer is closed");
    } else if (!check_inner(inner, false, failure) && !place(tracer, inner, &factory, failure)) {
        factory->size = (uint32_t)port->real.factory_size;
        factory->port = port;
        /* The index tells factories of one library apart. */
        snprintf(factory->row->label, sizeof factory->row->label, factory->index ? "%.40s-%u" : "%.40s", name,
                 factory->index + 1);
        factory->row->framing = inner->framing;
        factory->row->size = factory->size;
        if (sees_releases || c4t_refers_to((const void *)inner->write, "_FLBuf_Release"))
            c4t_slices_visible(factory, C4T_UPCALLS_INTERPOSED);
        hand_out(tracer, factory, C4T_UPCALLS_INTERPOSED);
    }
    pthread_mutex_unlock(&c4t_setup_lock);
    return factory;
}

static int check_label(const struct c4trace_tracer *tracer, const char *label, c4trace_failure *failure) {
    if (!label || !label[0] || strlen(label) >= sizeof((struct c4t_factory_row *)0)->label)
        return c4t_fail(failure, C4TRACE_BAD_FACTORY, "factory label '%.60s' is not 1 to 47 bytes long",
                        label ? label : "");
    const struct c4t_segment_header *header = tracer->header;
    for (uint32_t i = 0; i < atomic_load_explicit(&header->factory_count, memory_order_relaxed);
         i++) /* relaxed: under the setup lock */
        if (!strcmp(((struct c4t_factory_row *)c4t_at(tracer, &header->factories, i))->label, label))
            return c4t_fail(failure, C4TRACE_BAD_FACTORY, "factory label '%s' is taken; give each factory its own",
                            label);
    return C4TRACE_OK;
}

const void *c4trace_wrap(c4trace_tracer *tracer, const void *inner, size_t size, const char *label,
                         c4trace_failure *failure) {
    struct c4t_factory *factory = NULL;
    pthread_mutex_lock(&c4t_setup_lock);
    int error = C4TRACE_OK;
    if (!c4t_is_held(tracer))
        error = c4t_fail(failure, C4TRACE_CLOSED, "the tracer is closed; open another one");
    else if (!inner)
        error = c4t_fail(failure, C4TRACE_BAD_FACTORY, "factory: its address is NULL");
    if (!error) error = check_label(tracer, label, failure);
    if (!error) error = wrap(tracer, inner, size, label, &factory, failure);
    pthread_mutex_unlock(&c4t_setup_lock);
    return error ? NULL : &factory->traced->factory;
}

static struct c4t_factory *of_tracer(const c4trace_tracer *tracer, const void *traced) {
    for (int i = 0; i < C4T_TRAMPOLINES; i++) {
        struct c4t_factory *factory = &c4t_factories[i];
        if (factory->traced && &factory->traced->factory == traced &&
            atomic_load_explicit(&factory->tracer, memory_order_relaxed) == tracer)
            return factory; /* relaxed: set-up */
    }
    return NULL;
}

void c4trace_uses_table(c4trace_tracer *tracer, const void *traced) {
    struct c4t_factory *factory = of_tracer(tracer, traced);
    if (factory)
        atomic_store_explicit(&factory->row->upcalls, C4T_UPCALLS_TABLE, memory_order_relaxed); /* relaxed: advisory */
}

void c4trace_uses_release(c4trace_tracer *tracer, const void *traced) {
    pthread_mutex_lock(&c4t_setup_lock);
    struct c4t_factory *factory = of_tracer(tracer, traced);
    if (factory) c4t_slices_visible(factory, C4T_UPCALLS_TABLE);
    pthread_mutex_unlock(&c4t_setup_lock);
}

int c4trace_factory_index(const c4trace_tracer *tracer, const void *traced) {
    struct c4t_factory *factory = of_tracer(tracer, traced);
    return factory ? (int)factory->index : -1;
}

int c4trace_upcalls_seen(const c4trace_tracer *tracer, const void *traced) {
    struct c4t_factory *factory = of_tracer(tracer, traced);
    return factory ? (int)atomic_load_explicit(&factory->row->upcalls, memory_order_relaxed)
                   : C4T_UPCALLS_NOT_VISIBLE; /* relaxed: advisory */
}
