/* Slices that `write` handed over and that nobody has released yet (rule C4S-030), by the address of their bytes.
 *
 * Followed are those of factories whose releases can be seen: `_FLBuf_Release` is interposed, turned in the factory's library, or one of
 * the functions the factory was given. It releases much else too, so a release is looked up here. The table is of a fixed size and in
 * private memory; whatever finds no room in it is counted as not followed. No lock, no waiting, no allocation.
 */
#ifndef C4TRACE_SLICES_H
#define C4TRACE_SLICES_H

#include "tracer.h"

struct c4t_slices;
/* NULL until a factory's releases can be seen. */
C4T_INTERNAL extern struct c4t_slices *_Atomic c4t_slices;

/* This factory's releases can be seen from now on; not, without memory. c4t_setup_lock held. */
C4T_INTERNAL void c4t_slices_visible(struct c4t_factory *factory, enum c4t_upcalls_seen how);

C4T_INTERNAL void c4t_slice_follow(struct c4t_factory *factory, struct c4t_session *session, struct c4t_cells *cells,
                                   c4t_slice slice);
/* `write` is about to hand over `slice`; `cells` are the calling thread's. A slice without bytes is nobody's to release. */
C4T_HOT void c4t_slice_written(struct c4t_factory *factory, struct c4t_session *session, struct c4t_cells *cells,
                               c4t_slice slice) {
    /* relaxed: a slice that is handed over meanwhile is not followed */
    if (C4T_LIKELY(!atomic_load_explicit(&factory->follows_slices, memory_order_relaxed)) || !slice.buf) return;
    c4t_slice_follow(factory, session, cells, slice);
}

C4T_INTERNAL void c4t_slice_lookup_released(struct c4t_slices *table, const void *bytes);
C4T_INTERNAL void c4t_slice_lookup_retained(struct c4t_slices *table, const void *bytes);

/* A reference to these bytes, which may be a slice's or anything, is about to be given back. To be said before it is: afterwards the
 * address may be another slice's. */
C4T_HOT void c4t_slice_released(const void *bytes) {
    /* acquire: the table was empty before it was published */
    struct c4t_slices *table = atomic_load_explicit(&c4t_slices, memory_order_acquire);
    if (table && bytes) c4t_slice_lookup_released(table, bytes);
}

/* One more reference to these bytes was taken. */
C4T_HOT void c4t_slice_retained(const void *bytes) {
    struct c4t_slices *table = atomic_load_explicit(&c4t_slices, memory_order_acquire); /* acquire: as above */
    if (table && bytes) c4t_slice_lookup_retained(table, bytes);
}

/* What a session's row says of slices that are held: which session (its low bits), how many, their bytes. */
#define C4T_HELD_OF(sid) ((uint64_t)(uint16_t)(sid) << 48)

/* Forget this tracer's slices: it closes. */
C4T_INTERNAL void c4t_slices_forget(const struct c4trace_tracer *tracer);
/* In a forked child, whose segments are the parent's: nothing is followed. */
C4T_INTERNAL void c4t_slices_after_fork(void);

#endif
