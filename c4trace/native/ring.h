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

#endif
