#include "threads.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"

/* What c4t_here and hints are before there is any: no C4Socket has that address. */
static struct c4t_session nobody = {.socket = (c4t_socket *)&nobody};
static _Atomic uint64_t void_control = C4T_CAPTURE_VOID;
static struct c4t_thread nowhere = {
    .row = &nowhere.own_row, .control = &void_control, .hint = {[0 ... C4T_HINTS - 1] = &nobody}};

__thread struct c4t_thread *c4t_leases[C4T_TRACERS_MAX] __attribute__((tls_model("initial-exec")));
__thread struct c4t_thread *c4t_here __attribute__((tls_model("initial-exec"))) = &nowhere;
__thread struct c4t_thread *c4t_there __attribute__((tls_model("initial-exec"))) = &nowhere;

#define SETTLE_LOOK_US 50
#define SETTLE_MOST_US (100 * 1000) /* a thread that gets no processor for so long may lose its event */

static pthread_key_t ending;
static bool has_barrier; /* set once, before the first lease */

/* Where a block's index is kept as leased. */
static uint32_t block_index(const struct c4trace_tracer *tracer, const struct c4t_cells *cells) {
    return (uint32_t)(((const unsigned char *)cells - tracer->base - tracer->header->cells.offset) /
                      tracer->header->cells.stride);
}

struct c4t_cells *c4t_cells_take(struct c4trace_tracer *tracer, uint32_t factory, uint32_t flags) {
    struct c4t_segment_header *header = tracer->header;
    struct c4t_cells *fresh = NULL;
    for (uint32_t i = 0; i < header->cells.count; i++) {
        struct c4t_cells *cells = c4t_at(tracer, &header->cells, i);
        if (tracer->cells_leased[i]) continue;
        uint32_t owner =
            atomic_load_explicit(&cells->factory, memory_order_relaxed); /* relaxed: written under the lock we hold */
        if (!owner && !fresh) fresh = cells;
        if (owner != factory + 1 || flags || c4t_is_shared(cells)) continue;
        tracer->cells_leased[i] = 1;
        return cells;
    }
    if (!fresh) return NULL;
    uint32_t i = block_index(tracer, fresh);
    tracer->cells_leased[i] = 1;
    fresh->flags = flags;
    atomic_store_explicit(&fresh->factory, factory + 1, memory_order_release); /* release: flags before it */
    uint32_t top = atomic_load_explicit(&header->cells_top, memory_order_relaxed);
    if (i >= top) atomic_store_explicit(&header->cells_top, i + 1, memory_order_release); /* release: as above */
    return fresh;
}

struct c4t_cells *c4t_thread_cells(struct c4t_thread *thread, struct c4t_factory *factory) {
    struct c4trace_tracer *tracer = thread->tracer;
    pthread_mutex_lock(&tracer->lock);
    struct c4t_cells *cells = NULL;
    if (thread->slot < C4T_THREADS_MAX) cells = c4t_cells_take(tracer, factory->index, 0);
    pthread_mutex_unlock(&tracer->lock);
    if (cells)
        for (uint32_t event = 0; event < C4T_EV_COUNT; event++)
            cells->event[event].who =
                (uint64_t)thread->tid << 32 | factory->index << 16 | (uint32_t)C4T_REC_PLAIN << 8 | event;
    else
        cells = factory->shared_cells;
    thread->cells[factory->index] = cells;
    return cells;
}

/* Its own ring, or the shared one, which is the last; tracer->lock held. */
static void lease_ring(struct c4t_thread *thread) {
    struct c4trace_tracer *tracer = thread->tracer;
    struct c4t_segment_header *header = tracer->header;
    thread->shared_ring = !tracer->free_ring_count;
    uint32_t i = thread->shared_ring ? header->rings.count - 1 : tracer->free_rings[--tracer->free_ring_count];
    struct c4t_ring *ring = c4t_at(tracer, &header->rings, i);
    thread->ring = ring;
    thread->ring_data = tracer->base + ring->data;
    thread->ring_cap = ring->cap;
    /* acquire: the thread that had the ring before wrote it; the lock orders us after it */
    thread->head = atomic_load_explicit(&ring->head, memory_order_acquire);
    thread->until = 0;
    thread->gaps = !thread->shared_ring;
    atomic_store_explicit(&c4t_row_of(thread)->ring, i, memory_order_relaxed); /* relaxed: advisory */
}

static void row_begin(struct c4t_thread *thread) {
    struct c4t_thread_row *row = c4t_row_of(thread);
    /* relaxed, all: a reader takes a row for what it says at that moment */
    atomic_store_explicit(&row->flight, C4T_EV_NONE, memory_order_relaxed);
    if (row != &thread->own_row) c4t_row_follows(row, &thread->tracer->header->control);
    prctl(PR_GET_NAME, row->name);
    thread->call = (uint64_t)thread->slot << C4T_CALL_BITS | atomic_load_explicit(&row->calls, memory_order_relaxed);
    atomic_store_explicit(&row->tid, thread->tid, memory_order_release); /* release: the row is ready */
}

/* Both: tracer->lock held. */
static void put_in_list(struct c4trace_tracer *tracer, struct c4t_thread *thread) {
    thread->next = tracer->threads;
    thread->link = &tracer->threads;
    if (thread->next) thread->next->link = &thread->next;
    tracer->threads = thread;
}

static void take_out_of_list(struct c4t_thread *thread) {
    *thread->link = thread->next;
    if (thread->next) thread->next->link = thread->link;
}

struct c4t_thread *c4t_thread_lease(struct c4trace_tracer *tracer) {
    uint64_t generation =
        atomic_load_explicit(&tracer->generation, memory_order_relaxed); /* relaxed: see c4t_thread_begins */
    if (!(generation & 1)) return NULL;
    struct c4t_thread *thread = aligned_alloc(64, sizeof *thread);
    if (!thread) {
        c4t_step_aside(tracer, "out of memory for a thread");
        return NULL;
    }
    memset(thread, 0, sizeof *thread);
    pthread_mutex_lock(&tracer->lock);
    /* Closed meanwhile, which takes this lock: the rings may be gone. relaxed: under the lock */
    if (atomic_load_explicit(&tracer->generation, memory_order_relaxed) != generation) {
        pthread_mutex_unlock(&tracer->lock);
        free(thread);
        return NULL;
    }
    struct c4t_segment_header *header = tracer->header;
    if (tracer->free_slot_count) {
        thread->slot = tracer->free_slots[--tracer->free_slot_count];
        /* relaxed, both: nobody else has it yet */
        atomic_store_explicit(&thread->row, c4t_at(tracer, &header->threads, thread->slot), memory_order_relaxed);
        uint32_t top = atomic_load_explicit(&header->thread_top, memory_order_relaxed);
        if (thread->slot >= top)
            atomic_store_explicit(&header->thread_top, thread->slot + 1,
                                  memory_order_release); /* release: the row before it is zero */
    } else {
        thread->slot = C4T_THREADS_MAX + tracer->overflow_threads++ % (UINT32_C(1) << 23);
        atomic_store_explicit(&thread->row, &thread->own_row, memory_order_relaxed);
        atomic_fetch_add_explicit(&header->lost[C4T_LOSS_THREAD_SLOT], 1,
                                  memory_order_relaxed); /* relaxed: a plain count */
    }
    thread->tracer = tracer;
    thread->generation = generation;
    thread->base = tracer->base;
    thread->tid = (uint32_t)gettid();
    /* relaxed, all: nobody else has it yet */
    for (uint32_t i = 0; i < C4T_HINTS; i++) atomic_store_explicit(&thread->hint[i], &nobody, memory_order_relaxed);
    atomic_store_explicit(&thread->control, &header->control, memory_order_relaxed);
    atomic_store_explicit(&thread->own_row.depth, C4T_DEPTH_VOID, memory_order_relaxed);
    atomic_store_explicit(&thread->valid, true, memory_order_relaxed);
    lease_ring(thread);
    row_begin(thread);
    put_in_list(tracer, thread);
    pthread_mutex_unlock(&tracer->lock);
    thread->older = c4t_leases[tracer->index];
    c4t_leases[tracer->index] = thread;
    pthread_setspecific(ending, c4t_leases);
    return thread;
}

/* tracer->lock held */
static void give_back(struct c4trace_tracer *tracer, struct c4t_thread *thread) {
    struct c4t_thread_row *row = c4t_row_of(thread);
    for (uint32_t i = 0; i < C4T_FACTORIES_MAX; i++)
        if (thread->cells[i] && !c4t_is_shared(thread->cells[i]))
            tracer->cells_leased[block_index(tracer, thread->cells[i])] = 0;
    if (!thread->shared_ring)
        tracer->free_rings[tracer->free_ring_count++] = atomic_load_explicit(&row->ring, memory_order_relaxed);
    /* relaxed, all: advisory to readers; the lock orders them for the next lessee */
    atomic_store_explicit(&row->flight, C4T_EV_NONE, memory_order_relaxed);
    atomic_store_explicit(&row->calls, thread->call & C4T_CALL_MASK, memory_order_relaxed);
    atomic_store_explicit(&row->ring, C4T_NO_RING, memory_order_relaxed);
    atomic_store_explicit(&row->tid, 0, memory_order_release); /* release: the row is quiet */
    if (thread->slot < C4T_THREADS_MAX) tracer->free_slots[tracer->free_slot_count++] = thread->slot;
}

static void thread_ends(void *leases) {
    (void)leases;
    c4t_here = c4t_there = &nowhere;
    for (int i = 0; i < C4T_TRACERS_MAX; i++) {
        struct c4t_thread *thread = c4t_leases[i];
        if (!thread) continue;
        c4t_leases[i] = NULL;
        struct c4trace_tracer *tracer = &c4t_tracers[i];
        pthread_mutex_lock(&tracer->lock);
        bool valid = thread->generation ==
                     atomic_load_explicit(&tracer->generation, memory_order_relaxed); /* relaxed: under the lock */
        if (valid) give_back(tracer, thread);
        for (struct c4t_thread *one = thread; one; one = one->older) take_out_of_list(one);
        pthread_mutex_unlock(&tracer->lock);
        for (struct c4t_thread *older; thread; thread = older) {
            older = thread->older;
            free(thread);
        }
    }
}

/* relaxed, all: see c4t_threads_settle for calls that begin; one that returns meanwhile may write as if it had returned before */
static void make_void(struct c4t_thread *thread) {
    atomic_store_explicit(&thread->row, &thread->own_row, memory_order_relaxed);
    atomic_store_explicit(&thread->control, &void_control, memory_order_relaxed);
    atomic_store_explicit(&thread->valid, false, memory_order_relaxed);
}

void c4t_threads_forget(struct c4trace_tracer *tracer, const struct c4t_session *session) {
    for (struct c4t_thread *thread = tracer->threads; thread; thread = thread->next)
        for (uint32_t i = 0; i < C4T_HINTS; i++)
            /* relaxed, both: whoever calls for the session knows that it has begun anew */
            if (atomic_load_explicit(&thread->hint[i], memory_order_relaxed) == session)
                atomic_store_explicit(&thread->hint[i], &nobody, memory_order_relaxed);
}

void c4t_threads_void(struct c4trace_tracer *tracer) {
    for (struct c4t_thread *thread = tracer->threads; thread; thread = thread->next) make_void(thread);
}

void c4t_threads_after_fork(void) {
    c4t_here = c4t_there = &nowhere;
    for (int i = 0; i < C4T_TRACERS_MAX; i++) {
        if (c4t_leases[i]) make_void(c4t_leases[i]);
        /* The other threads' are nobody's now, and one of them may just have been changing the list. */
        c4t_tracers[i].threads = NULL;
        for (struct c4t_thread *one = c4t_leases[i]; one; one = one->older) put_in_list(&c4t_tracers[i], one);
    }
}

bool c4t_has_barrier(void) { return has_barrier; }

void c4t_barrier_in_all_threads(void) {
    if (has_barrier && !syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)) return;
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL); /* not allowed: no store waits that long to be seen */
}

/* Is a thread, with a row or past the pool, counting and recording an event that it began before its lease was void? */
static bool is_any_entering(struct c4trace_tracer *tracer) {
    bool any = false;
    pthread_mutex_lock(&tracer->lock);
    for (struct c4t_thread *one = tracer->threads; one && !any; one = one->next) {
        const struct c4t_section *rows = &tracer->header->threads;
        if (one->base != tracer->base) continue; /* of the tracer that was in this place before */
        struct c4t_thread_row *row = one->slot < rows->count ? c4t_at(tracer, rows, one->slot) : &one->own_row;
        /* acquire: what was counted and recorded is seen */
        any = C4T_FLIGHT_EVENT(atomic_load_explicit(&row->flight, memory_order_acquire)) == C4T_ENTERING;
    }
    pthread_mutex_unlock(&tracer->lock);
    return any;
}

void c4t_threads_settle(struct c4trace_tracer *tracer) {
    c4t_barrier_in_all_threads();
    for (int patience = SETTLE_MOST_US / SETTLE_LOOK_US; patience > 0 && is_any_entering(tracer); patience--)
        nanosleep(&(struct timespec){.tv_nsec = SETTLE_LOOK_US * 1000}, NULL);
}

int c4t_threads_setup(void) {
    has_barrier = !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    return pthread_key_create(&ending, thread_ends);
}
