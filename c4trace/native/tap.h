/* The frame around one call or up-call: stamp, count, record, forward, stamp, record. */
#ifndef C4TRACE_TAP_H
#define C4TRACE_TAP_H

#include "acks.h"
#include "ring.h"
#include "sessions.h"
#include "threads.h"

/* One event in 1024 measures c4trace's own cost: one whose stamp has 0 in these bits. The lowest ones are no measure of chance. */
#define C4T_SAMPLE_BITS 0x3FF0u
#define C4T_SAMPLE_EVERY 1024u

/* Lives on the stack of the traced call. */
struct c4t_frame {
    struct c4trace_tracer *tracer;
    struct c4t_thread *thread;  /* NULL: step aside, just forward */
    struct c4t_thread_row *row; /* the thread's when it entered, which must be left though the lease be void by then */
    struct c4t_session *session;
    struct c4t_cells *cells;
    struct c4t_cell *cell;
    uint64_t began;                     /* stamp before forwarding */
    uint64_t call;                      /* of its records */
    uint64_t control;                   /* the segment's control word at entry */
    uint64_t outer_flight, outer_since; /* the call this thread was in already */
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

C4T_HOT bool c4t_is_sampled(uint64_t stamp) { return C4T_UNLIKELY(!((uint32_t)stamp & C4T_SAMPLE_BITS)); }

/* Of a sampled event: what c4trace did since this stamp is its own cost. */
C4T_INTERNAL void c4t_sample(struct c4t_thread_row *row, uint32_t clock, uint64_t since);

/* Begin to trace `event` of `session`. False: forward untraced. */
C4T_HOT bool c4t_enter(struct c4t_frame *frame, struct c4trace_tracer *tracer, struct c4t_factory *factory,
                       struct c4t_session *session, enum c4t_event event) {
    struct c4t_thread *thread = c4t_leases[tracer->index];
    if (C4T_UNLIKELY(!thread || !atomic_load_explicit(&thread->valid, memory_order_relaxed))) /* relaxed: see below */
        if (!(thread = c4t_thread_lease(tracer))) return false;
    struct c4t_thread_row *row = c4t_row_of(thread);
    /* relaxed: this thread alone writes them */
    frame->outer_flight = atomic_load_explicit(&row->flight, memory_order_relaxed);
    frame->outer_since = atomic_load_explicit(&row->flight_since, memory_order_relaxed);
    if (C4T_UNLIKELY(!c4t_thread_begins(thread, row, c4t_sid(session)))) return false;
    uint32_t index = factory->index;
    struct c4t_cells *cells = thread->cells[index];
    if (C4T_UNLIKELY(!cells)) cells = c4t_thread_cells(thread, factory);
    frame->tracer = tracer;
    frame->thread = thread;
    frame->row = row;
    frame->session = session;
    frame->cells = cells;
    frame->cell = &cells->event[event];
    frame->factory = (uint16_t)index;
    frame->event = (uint8_t)event;
    frame->published = false;
    frame->return_flags = 0;
    frame->shared = c4t_is_shared(cells);
    frame->control = atomic_load_explicit(&tracer->header->control,
                                          memory_order_relaxed); /* relaxed: takes effect some events later */
    if (c4t_capture_of(frame) != C4T_CAPTURE_OFF) frame->call = ++thread->call;
    c4t_add(&frame->cell->n, 1, frame->shared);
    frame->began = c4t_clock_ticks(tracer->clock);
    return true;
}

/* Say in the session's row what happened last, and in the thread's since when it is in it. relaxed, all: advisory, or before c4t_in_flight */
C4T_HOT void c4t_note(struct c4t_thread_row *row, struct c4t_session_row *session, enum c4t_event event,
                      uint64_t began) {
    atomic_store_explicit(&session->last_event, (uint32_t)event, memory_order_relaxed);
    atomic_store_explicit(&session->t_last, began, memory_order_relaxed);
    atomic_store_explicit(&row->flight_since, began, memory_order_relaxed);
}

C4T_HOT void c4t_in_flight(struct c4t_thread_row *row, enum c4t_event event) {
    /* release: a reader does not pair a new call with an old time; and what was to be counted and recorded is */
#if defined(__x86_64__) && !defined(C4TRACE_SANITIZED)
    atomic_signal_fence(memory_order_release); /* x86 keeps stores in order, and flights in the order of their bytes */
    __asm__ volatile("movb %b1, %0" : "+m"(row->flight) : "iq"(event));
    atomic_signal_fence(memory_order_release);
#else
    /* relaxed: written by this thread alone */
    uint64_t sid = C4T_FLIGHT_SID(atomic_load_explicit(&row->flight, memory_order_relaxed));
    atomic_store_explicit(&row->flight, C4T_FLIGHT(sid, event), memory_order_release);
#endif
}

/* All is counted and recorded: the inner one's turn. */
C4T_HOT void c4t_forward(struct c4t_frame *frame) {
    struct c4t_thread_row *row = frame->row;
    c4t_note(row, frame->session->row, frame->event, frame->began);
    c4t_in_flight(row, frame->event);
    if (c4t_is_sampled(frame->began)) c4t_sample(row, frame->tracer->clock, frame->began);
}

C4T_HOT struct c4t_direction c4t_writing(const struct c4t_frame *frame) {
    return c4t_direction_of(frame->thread, frame->row, frame->session, frame->cells, C4T_WRITING);
}

C4T_HOT struct c4t_direction c4t_receiving(const struct c4t_frame *frame) {
    return c4t_direction_of(frame->thread, frame->row, frame->session, frame->cells, C4T_RECEIVING);
}

/* publish.c: the record of an event without text or data; false where it was dropped. */
C4T_INTERNAL bool c4t_publish_numbers(const struct c4t_frame *frame, uint64_t n, int32_t code);
/* publish.c: the return record. */
C4T_INTERNAL void c4t_publish_return(const struct c4t_frame *frame, uint64_t ended, uint64_t took);

C4T_HOT void c4t_leave(struct c4t_frame *frame) {
    struct c4trace_tracer *tracer = frame->tracer;
    struct c4t_thread *thread = frame->thread;
    uint64_t ended = c4t_clock_ticks(tracer->clock);
    /* The tracer may have been closed, or this may be a forked child, since we forwarded. */
    if (C4T_UNLIKELY(atomic_load_explicit(&tracer->generation, memory_order_relaxed) != thread->generation))
        return; /* relaxed: see c4t_thread_begins */
    struct c4t_thread_row *row = frame->row;
    atomic_store_explicit(&row->flight, C4T_EV_NONE, memory_order_release); /* release, both: as in c4t_in_flight */
    if (frame->outer_flight) {
        atomic_store_explicit(&row->flight_since, frame->outer_since, memory_order_relaxed);
        atomic_store_explicit(&row->flight, frame->outer_flight, memory_order_release);
    }
    uint64_t took = c4t_slowest(frame->cell, c4t_sid(frame->session), ended - frame->began, ended);
    if (frame->published) c4t_publish_return(frame, ended, took);
    if (C4T_UNLIKELY(frame->shared))
        c4t_apply(frame->cell, took, 1, true);
    else
        c4t_ended(frame->cell, took);
    if (c4t_is_sampled(frame->began)) c4t_sample(row, tracer->clock, ended);
}

/* Publish the entry record of an event without text or data. */
C4T_HOT void c4t_publish_plain(struct c4t_frame *frame, uint64_t n, int32_t code) {
    if (c4t_capture_of(frame) != C4T_CAPTURE_OFF) frame->published = c4t_publish_numbers(frame, n, code);
}

/* publish.c: the entry record of an event with text or data. They return what becomes of the frame. */
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

/* How many of `size` bytes are to be kept. */
C4T_HOT uint32_t c4t_wanted_bytes(const struct c4trace_tracer *tracer, uint64_t control, size_t size) {
    uint64_t limit = tracer->max_payload;
    if ((uint32_t)control < C4T_CAPTURE_BYTES) return 0;
    if ((uint32_t)control == C4T_CAPTURE_BYTES && control >> 32 < limit) limit = control >> 32;
    return (uint32_t)(size < limit ? size : limit);
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
