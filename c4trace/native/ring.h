/* Writing a record into the ring of a thread, or into the shared one. Never waits: without room the record is dropped and counted. */
#ifndef C4TRACE_RING_H
#define C4TRACE_RING_H

#include "tracer.h"

/* What goes into a record beside its event, session and stamp. */
struct c4t_entry {
    uint8_t event;
    uint8_t flags;
    uint16_t domain;
    int32_t code;
    uint64_t sid;
    uint64_t ticks;
    uint64_t call;
    uint64_t n;
    uint16_t factory;
    uint16_t text1_size;
    uint32_t text2_size;
    uint32_t data_size;
    const void *text1, *text2, *data;
};

/* Publish a record; false where it was dropped (and counted). A record that only its data keeps out goes in without them, marked as cut. */
C4T_INTERNAL bool c4t_ring_put(struct c4t_thread *thread, const struct c4t_entry *entry, struct c4t_session *session);
/* The same for an event whose thread has gaps in its own ring, before there is a record: it was dropped (and counted), because there is
 * no room even for the gaps. False: nothing was done. */
C4T_INTERNAL bool c4t_ring_still_drops(struct c4t_thread *thread, uint64_t sid, struct c4t_session *session,
                                       uint64_t now);
/* Publish a return record. Dropping one loses no event: its event is on record, and its duration in the histogram. */
C4T_INTERNAL void c4t_ring_put_return(struct c4t_thread *thread, const struct c4t_entry *entry);

/* Room in the thread's own ring for a record of `size` bytes, by which every so often `until` moves on; false: none, or gaps must be
 * written first. */
C4T_INTERNAL bool c4t_ring_advance(struct c4t_thread *thread, uint64_t size);

/* Place for a record of `size` bytes in the thread's own ring, or NULL. */
C4T_HOT struct c4t_record *c4t_ring_claim(struct c4t_thread *thread, uint64_t size) {
    if (C4T_UNLIKELY(thread->head + size > thread->until) && !c4t_ring_advance(thread, size)) return NULL;
    return (struct c4t_record *)(void *)(thread->lap + thread->head);
}

/* The claimed record is whole: let readers see it. */
C4T_HOT void c4t_ring_commit(struct c4t_thread *thread, struct c4t_record *record, uint32_t size) {
    uint64_t head = thread->head;
    record->size = size;
    /* relaxed: ordered by head's release */
    atomic_store_explicit(&record->mark, (uint32_t)(head + size), memory_order_relaxed);
    thread->head = head + size;
    atomic_store_explicit(&thread->ring->head, head + size, memory_order_release); /* release: the record is whole */
}

#endif
