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
/* Publish a return record. Dropping one loses no event: its event is on record, and its duration in the histogram. */
C4T_INTERNAL void c4t_ring_put_return(struct c4t_thread *thread, const struct c4t_entry *entry);

/* Is there room up to `end` in the thread's own ring, although its last known tail says no? */
C4T_INTERNAL bool c4t_ring_has_room(struct c4t_thread *thread, uint64_t end);

/* Orders the store of `reserved` before the record's bytes, for a reader that overtakes us in flight-recorder mode. */
C4T_HOT void c4t_store_fence(void) {
#if defined(__aarch64__)
    __asm__ volatile("dmb ishst" ::: "memory");
#else
    __asm__ volatile("" ::: "memory"); /* x86 keeps stores in order */
#endif
}

/* Place for a record of `size` bytes in the thread's own ring; NULL: no room, or gaps must be written first. */
C4T_HOT struct c4t_record *c4t_ring_claim(struct c4t_thread *thread, uint64_t size) {
    uint64_t position = thread->head, end = position + size;
    if (C4T_UNLIKELY(end - thread->tail > thread->ring_cap) && !c4t_ring_has_room(thread, end)) return NULL;
    struct c4t_ring *ring = thread->ring;
    atomic_store_explicit(&ring->reserved, end, memory_order_relaxed); /* relaxed: ordered by the fence */
    c4t_store_fence();
    uint64_t offset = position & (thread->ring_cap - 1);
    uint32_t block = (uint32_t)(offset >> thread->block_shift);
    if (C4T_UNLIKELY(block != thread->block)) {
        thread->block = block;
        atomic_store_explicit(&ring->anchor[block], position,
                              memory_order_release); /* release: after `reserved` moved past its old lap */
    }
    return (struct c4t_record *)(thread->ring_data + offset);
}

/* The claimed record is whole: let readers see it. */
C4T_HOT void c4t_ring_commit(struct c4t_thread *thread, struct c4t_record *record, uint32_t size) {
    uint64_t end = thread->head + size;
    record->size = size;
    record->tid = thread->tid;
    /* relaxed: ordered by head's release */
    atomic_store_explicit(&record->mark, (uint32_t)(thread->head >> 6) + 1u, memory_order_relaxed);
    thread->head = end;
    atomic_store_explicit(&thread->ring->head, end, memory_order_release); /* release: the record is whole */
}

/* Own ring, nothing to write first: the way of nearly every record. */
C4T_HOT bool c4t_ring_is_plain(const struct c4t_thread *thread) {
    return C4T_LIKELY(!(thread->shared_ring | thread->gaps));
}

#endif
