/* The frame around one call or up-call: stamp, count, record, forward, stamp, record. */
#ifndef C4TRACE_TAP_H
#define C4TRACE_TAP_H

#include "ring.h"
#include "sessions.h"
#include "stats.h"
#include "threads.h"

#define C4T_SAMPLE_EVERY 1024u /* one event in so many measures c4trace's own cost */

/* Lives on the stack of the traced call. */
struct c4t_frame {
    struct c4trace_tracer *tracer;
    struct c4t_thread *thread; /* NULL: step aside, just forward */
    struct c4t_session *session;
    struct c4t_cells *cells;
    struct c4t_cell *cell;
    uint64_t began;                   /* stamp before forwarding */
    uint64_t number;                  /* of this event among the thread's */
    uint64_t control;                 /* the segment's control word at entry */
    uint64_t outer_what, outer_since; /* the call this thread was in already */
    uint64_t sample;                  /* ticks c4trace took so far; 0 = not sampled */
    uint16_t factory;
    uint8_t event;
    bool shared;    /* cells are */
    bool published; /* the entry record is in the ring, so a return record belongs to it */
    uint8_t return_flags;
};

/* relaxed: set before the session can be found, and not changed while it is in use */
C4T_HOT uint64_t c4t_sid(const struct c4t_session *session) {
    return atomic_load_explicit(&session->sid, memory_order_relaxed);
}

C4T_HOT bool c4t_is_open(const struct c4trace_tracer *tracer) {
    /* relaxed: see c4t_thread_begins */
    return tracer && C4T_LIKELY(atomic_load_explicit(&tracer->generation, memory_order_relaxed) & 1);
}

C4T_HOT enum c4t_capture c4t_capture_of(const struct c4t_frame *frame) {
    return (enum c4t_capture)(uint32_t)frame->control;
}

/* Begin to trace `event` of `session`. False: forward untraced. */
C4T_HOT bool c4t_enter(struct c4t_frame *frame, struct c4trace_tracer *tracer, struct c4t_factory *factory,
                       struct c4t_session *session, enum c4t_event event) {
    struct c4t_thread *thread = c4t_leases[tracer->index];
    if (C4T_UNLIKELY(!thread || !c4t_thread_begins(thread))) {
        thread = c4t_thread_lease(tracer);
        if (!thread || !c4t_thread_begins(thread)) return false;
    }
    uint32_t index = factory->index;
    struct c4t_cells *cells = thread->cells[index];
    if (C4T_UNLIKELY(!cells)) cells = c4t_thread_cells(thread, factory);
    frame->tracer = tracer;
    frame->thread = thread;
    frame->session = session;
    frame->cells = cells;
    frame->cell = &cells->event[event];
    frame->factory = (uint16_t)index;
    frame->event = (uint8_t)event;
    frame->published = false;
    frame->return_flags = 0;
    uint64_t number = ++thread->calls;
    frame->sample = C4T_UNLIKELY(number % C4T_SAMPLE_EVERY == 0) ? c4t_clock_ticks(tracer->clock) : 0;
    frame->number = number;
    frame->shared = c4t_is_shared(cells);
    frame->control = atomic_load_explicit(&tracer->header->control,
                                          memory_order_relaxed); /* relaxed: takes effect some events later */
    c4t_apply_pending(thread);
    c4t_add(&frame->cell->n, 1, frame->shared);
    frame->began = c4t_clock_ticks(tracer->clock);
    return true;
}

/* Say in the thread's row which call it is in, then forward. */
C4T_HOT void c4t_forward(struct c4t_frame *frame) {
    struct c4t_thread_row *row = frame->thread->row;
    struct c4t_session_row *session = frame->session->row;
    uint64_t sid = c4t_sid(frame->session);
    /* relaxed, both: advisory */
    atomic_store_explicit(&session->last_event, (uint32_t)frame->event, memory_order_relaxed);
    atomic_store_explicit(&session->t_last, frame->began, memory_order_relaxed);
    /* relaxed: this thread alone writes them; release: since before what, so that a reader never pairs a new call with an old time */
    frame->outer_what = atomic_load_explicit(&row->flight_what, memory_order_relaxed);
    frame->outer_since = atomic_load_explicit(&row->flight_since, memory_order_relaxed);
    atomic_store_explicit(&row->flight_since, frame->began, memory_order_relaxed);
    atomic_store_explicit(&row->flight_what, sid << 8 | frame->event, memory_order_release);
    atomic_store_explicit(&row->entering, 0, memory_order_release); /* release: counted and recorded */
    if (C4T_UNLIKELY(frame->sample)) frame->sample = c4t_clock_ticks(frame->tracer->clock) - frame->sample;
}

C4T_HOT struct c4t_direction c4t_writing(const struct c4t_frame *frame) {
    struct c4t_session *session = frame->session;
    struct c4t_session_row *row = session->row;
    return (struct c4t_direction){frame->thread, &session->write,  &row->write,      &row->completed_write,
                                  frame->cells,  c4t_sid(session), C4T_LAT_WRITE_ACK};
}

C4T_HOT struct c4t_direction c4t_receiving(const struct c4t_frame *frame) {
    struct c4t_session *session = frame->session;
    struct c4t_session_row *row = session->row;
    return (struct c4t_direction){frame->thread, &session->receive, &row->received,     &row->completed_receive,
                                  frame->cells,  c4t_sid(session),  C4T_LAT_RECEIVE_ACK};
}

/* Unique in the segment, the same in entry and return record. */
C4T_HOT uint64_t c4t_call_id(const struct c4t_frame *frame) {
    return (uint64_t)frame->thread->slot << 40 | (frame->number & 0xFFFFFFFFFFu);
}

/* A record without text or data, where the thread has a ring of its own. */
C4T_HOT bool c4t_record_plain(const struct c4t_frame *frame, uint8_t flags, uint64_t ticks, uint64_t n, int32_t code) {
    struct c4t_thread *thread = frame->thread;
    if (!c4t_ring_is_plain(thread)) return false;
    struct c4t_record *record = c4t_ring_claim(thread, sizeof *record);
    if (C4T_UNLIKELY(!record)) return false;
    record->event = frame->event;
    record->flags = flags;
    record->factory = frame->factory;
    record->ticks = ticks;
    record->sid = c4t_sid(frame->session);
    record->call = c4t_call_id(frame);
    record->n = n;
    record->code = code;
    record->domain = 0;
    record->text1 = 0;
    record->text2 = 0;
    record->data = 0;
    c4t_ring_commit(thread, record, sizeof *record);
    return true;
}

/* The way of a record that finds no room, or no ring of its own. */
C4T_INTERNAL void c4t_return_slow(struct c4t_frame frame, uint64_t ended, uint64_t took);
C4T_INTERNAL bool c4t_publish_slow(struct c4t_frame frame, uint64_t n, int32_t code);

C4T_HOT void c4t_leave(struct c4t_frame *frame) {
    struct c4trace_tracer *tracer = frame->tracer;
    struct c4t_thread *thread = frame->thread;
    uint64_t ended = c4t_clock_ticks(tracer->clock);
    /* The tracer may have been closed, or this may be a forked child, since we forwarded. */
    if (C4T_UNLIKELY(atomic_load_explicit(&tracer->generation, memory_order_relaxed) != thread->generation))
        return; /* relaxed: see c4t_thread_begins */
    uint64_t took = ended > frame->began ? ended - frame->began : 0;
    struct c4t_thread_row *row = thread->row;
    /* relaxed and release: as in c4t_forward, in reverse */
    atomic_store_explicit(&row->flight_what, frame->outer_what, memory_order_relaxed);
    atomic_store_explicit(&row->flight_since, frame->outer_since, memory_order_release);
    if (frame->published &&
        C4T_UNLIKELY(!c4t_record_plain(frame, (uint8_t)(C4T_REC_RETURN | frame->return_flags), ended, took, 0)))
        c4t_return_slow(*frame, ended, took);
    struct c4t_cell *cell = frame->cell;
    uint64_t slowest = atomic_load_explicit(&cell->slowest_ticks, memory_order_relaxed); /* relaxed: see c4t_exemplar */
    if (C4T_UNLIKELY(took > slowest)) c4t_exemplar(cell, c4t_sid(frame->session), took, ended);
    if (C4T_UNLIKELY(frame->shared)) {
        c4t_apply(cell, took, true);
    } else {
        c4t_apply_pending(thread); /* a nested event's */
        atomic_store_explicit(&row->pending_ticks, took,
                              memory_order_relaxed); /* relaxed: ordered by the cell's release */
        atomic_store_explicit(&row->pending_cell, (uint64_t)((unsigned char *)cell - tracer->base),
                              memory_order_release); /* release: ticks first */
    }
    if (C4T_UNLIKELY(frame->sample)) {
        uint64_t cost = (frame->sample + c4t_clock_ticks(tracer->clock) - ended) * C4T_SAMPLE_EVERY;
        c4t_add(&row->overhead_ticks, cost, false);
    }
}

/* Publish the entry record of an event without text or data. */
C4T_HOT void c4t_publish_plain(struct c4t_frame *frame, uint64_t n, int32_t code) {
    if (c4t_capture_of(frame) == C4T_CAPTURE_OFF) return;
    frame->published =
        C4T_LIKELY(c4t_record_plain(frame, 0, frame->began, n, code)) || c4t_publish_slow(*frame, n, code);
}

/* publish.c: the entry record of an event with text or data. They return what becomes of the frame, which is passed by value so that a
 * call that records nothing keeps its own in registers. */
struct c4t_published {
    bool published;
    uint64_t began; /* stamped anew where copying took long */
};
C4T_INTERNAL struct c4t_published c4t_publish_slice(struct c4t_frame frame, c4t_slice slice);
C4T_INTERNAL struct c4t_published c4t_publish_text(struct c4t_frame frame, int32_t code, uint16_t domain,
                                                   c4t_slice message);
C4T_INTERNAL struct c4t_published c4t_publish_address(struct c4t_frame frame, const c4t_address *address,
                                                      c4t_slice options);
C4T_INTERNAL struct c4t_published c4t_publish_headers(struct c4t_frame frame, int32_t status, c4t_slice headers);
C4T_INTERNAL struct c4t_published c4t_publish_identity(struct c4t_frame frame, c4t_slice der, c4t_slice hostname);
C4T_INTERNAL struct c4t_published c4t_publish_error(struct c4t_frame frame, const c4t_upcalls *real, c4t_error error);

C4T_HOT void c4t_take(struct c4t_frame *frame, struct c4t_published done) {
    frame->published = done.published;
    frame->began = done.began;
}

/* write and received: the slice as far as the capture level asks for it. */
C4T_HOT void c4t_publish_data(struct c4t_frame *frame, c4t_slice slice) {
    if (c4t_capture_of(frame) < C4T_CAPTURE_BYTES)
        c4t_publish_plain(frame, slice.size, 0);
    else
        c4t_take(frame, c4t_publish_slice(*frame, slice));
}

/* requestClose and closeRequested. */
C4T_HOT void c4t_publish_message(struct c4t_frame *frame, int32_t code, c4t_slice message) {
    if (c4t_capture_of(frame) != C4T_CAPTURE_OFF) c4t_take(frame, c4t_publish_text(*frame, code, 0, message));
}

#endif
