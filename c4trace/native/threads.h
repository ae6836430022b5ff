/* What a host thread leases from a tracer at its first event and gives back when it ends: a row, a ring, blocks of cells. */
#ifndef C4TRACE_THREADS_H
#define C4TRACE_THREADS_H

#include "tracer.h"

/* initial-exec: global-dynamic would cost a call a look-up. Small, because it comes out of the loader's spare static TLS. */
extern __thread struct c4t_thread *c4t_leases[C4T_TRACERS_MAX] __attribute__((tls_model("initial-exec")));
/* The lease that this thread needed last, of tracers whose clock is the processor's counter; before the first, one that leads nowhere. */
extern __thread struct c4t_thread *c4t_here __attribute__((tls_model("initial-exec")));
/* The same of tracers whose clock is clock_gettime. */
extern __thread struct c4t_thread *c4t_there __attribute__((tls_model("initial-exec")));

/* As capture level: the lease is void. */
#define C4T_CAPTURE_VOID UINT32_MAX

/* A lease for this thread; NULL where the tracer is closed or memory exhausted. */
C4T_INTERNAL struct c4t_thread *c4t_thread_lease(struct c4trace_tracer *tracer);
/* The thread's own block of a factory's cells, or the shared one. */
C4T_INTERNAL struct c4t_cells *c4t_thread_cells(struct c4t_thread *thread, struct c4t_factory *factory);
/* Once a process: the destructor that gives leases back. Returns 0 or an errno. */
C4T_INTERNAL int c4t_threads_setup(void);
/* Make `block` ready as the shared cells of a factory; tracer->lock held. NULL when no block is left. */
C4T_INTERNAL struct c4t_cells *c4t_cells_take(struct c4trace_tracer *tracer, uint32_t factory, uint32_t flags);

/* The session is to be another factory's: no thread finds it at once any more, and with it that one's cells; tracer->lock held. */
C4T_INTERNAL void c4t_threads_forget(struct c4trace_tracer *tracer, const struct c4t_session *session);
/* Once the tracer is closed, or its lock held: no lease of it is good any more. */
C4T_INTERNAL void c4t_threads_void(struct c4trace_tracer *tracer);
/* In a forked child: this thread's leases are its parent's. */
C4T_INTERNAL void c4t_threads_after_fork(void);

/* Let a row say what the control word says. */
C4T_HOT void c4t_row_follows(struct c4t_thread_row *row, const _Atomic uint64_t *control) {
    uint64_t said;
    do {
        /* seq_cst, all: see c4t_turn_capture */
        said = atomic_load(control);
        atomic_store(&row->depth, c4t_depth_of(said));
    } while (atomic_load(control) != said);
}

/* Say in the thread's row that an event is being counted and recorded, which ends with c4t_forward; false where the tracer was closed
 * just now. */
C4T_HOT bool c4t_thread_begins(const struct c4t_thread *thread, struct c4t_thread_row *row, uint64_t sid) {
    /* relaxed: ordered before the loads that follow by who waits for it to end */
    atomic_store_explicit(&row->flight, C4T_FLIGHT(sid, C4T_ENTERING), memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* the compiler keeps that order, and the processor where one waits */
    if (C4T_LIKELY(thread->generation == atomic_load_explicit(&thread->tracer->generation, memory_order_relaxed)))
        return true;
    atomic_store_explicit(&row->flight, C4T_EV_NONE,
                          memory_order_release); /* release: what was done before it came here */
    return false;
}

/* After the tracer was closed: wait until what had begun before is counted and recorded, so that both say the same. Not for callees, and
 * not for ever. */
C4T_INTERNAL void c4t_threads_settle(struct c4trace_tracer *tracer);
/* Every running thread passes a barrier: what it stored before is seen here, and it sees what was stored here. */
C4T_INTERNAL void c4t_barrier_in_all_threads(void);
/* Is that a matter of microseconds? */
C4T_INTERNAL bool c4t_has_barrier(void);

#endif
