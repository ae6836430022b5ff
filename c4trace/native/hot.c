#include "hot.h"

#include "hot_capture.h"
#include "slices.h"

/* A record without text or data, whatever it takes, of the session that the thread's row tells. False: it was dropped. */
static bool put(struct c4t_thread *here, struct c4t_session *session, uint64_t who, uint64_t ticks, uint64_t call,
                uint64_t n) {
    struct c4t_entry entry = {.event = (uint8_t)who,
                              .flags = (uint8_t)(who >> 8),
                              .factory = (uint16_t)(who >> 16),
                              .sid = C4T_OWN(uint64_t, &c4t_row_of(here)->flight_sid),
                              .ticks = ticks,
                              .call = call,
                              .n = n};
    if (session) return c4t_ring_put(here, &entry, session);
    c4t_ring_put_return(here, &entry);
    return true;
}

void c4t_hot_return_with_care(struct c4t_thread *here, struct c4t_cells *cells, enum c4t_event event, uint64_t call,
                              uint64_t ended) {
    /* The tracer may have been closed, or this may be a forked child, since we forwarded. relaxed: see make_void */
    struct c4t_thread_row *row = c4t_row_of(here);
    if (!atomic_load_explicit(&here->valid, memory_order_relaxed) || row == &here->own_row) return;
    uint64_t took = ended - C4T_OWN(uint64_t, &row->flight_since);
    took = c4t_slowest(&cells->event[event], C4T_OWN(uint64_t, &row->flight_sid), took, ended);
    atomic_store_explicit(&row->flight_event, C4T_EV_NONE, memory_order_release); /* release: as in c4t_in_flight */
    c4t_ended(&cells->event[event], took);
    if (call) put(here, NULL, cells->who | event | C4T_REC_RETURN << 8, ended, call, took);
}

void c4t_hot_end_with_care(const struct c4t_hot *hot, enum c4t_event event) {
    if (C4T_LIKELY(!c4t_is_sampled(hot->began))) {
        if (hot->call)
            c4t_hot_return(hot, event, true);
        else
            c4t_hot_return(hot, event, false);
        return;
    }
    uint64_t ended = c4t_clock_ticks(C4T_HOT_CLOCK);
    c4t_hot_return_with_care(hot->here, hot->cells, event, hot->call, ended);
    c4t_sample(c4t_row_of(hot->here), C4T_HOT_CLOCK, ended);
}

static void record(struct c4t_hot *hot, enum c4t_event event, c4t_slice slice, uint32_t level) {
    bool cut = slice.buf && slice.size && level >= C4T_CAPTURE_BYTES;
    if (C4T_LIKELY(!cut && c4t_hot_has_room(hot->here))) {
        c4t_hot_record(hot, event, slice.size);
        return;
    }
    uint64_t call = ++hot->here->call;
    uint64_t who = hot->cells->who | event | (cut ? C4T_REC_CUT << 8 : 0);
    if (put(hot->here, hot->session, who, hot->began, call, slice.size)) hot->call = call;
}

static void flow(const struct c4t_hot *hot, enum c4t_event event, uint64_t n) {
    bool writing = event == C4T_EV_WRITE || event == C4T_EV_COMPLETED_WRITE;
    struct c4t_direction at =
        c4t_direction_of(hot->here, hot->session, hot->cells, writing ? C4T_WRITING : C4T_RECEIVING);
    if (event == C4T_EV_WRITE || event == C4T_EV_RECEIVED)
        c4t_flow_begin(at, n, hot->began);
    else
        c4t_flow_end(at, n, hot->began);
}

bool c4t_hot_begin_with_care(struct c4t_hot *hot, const c4t_socket *socket, enum c4t_event event, c4t_slice slice,
                             uint64_t began) {
    c4t_hot_find(hot, socket);
    hot->sid = C4T_OWN(uint64_t, &hot->row->flight_sid);
    hot->call = 0;
    uint64_t control = c4t_hot_control(hot);
    uint32_t level = (uint32_t)control;
    uint32_t size = slice.buf ? c4t_wanted_bytes(hot->here->tracer, control, slice.size) : 0;
    if (C4T_UNLIKELY(level > C4T_CAPTURE_FULL) || (size && !c4t_hot_capture(hot, event, slice, size))) {
        atomic_store_explicit(&hot->row->flight_event, C4T_EV_NONE,
                              memory_order_release); /* release: as in c4t_thread_begins */
        return false;
    }
    if (!size) {
        hot->began = began ? began : c4t_clock_ticks(C4T_HOT_CLOCK);
        if (level != C4T_CAPTURE_OFF) record(hot, event, slice, level);
    }
    c4t_count(&hot->cells->event[event].n, 1);
    c4t_count(&hot->cells->event[event].bytes, slice.size);
    flow(hot, event, slice.size);
    if (event == C4T_EV_WRITE) c4t_slice_written(hot->session->factory, hot->session, hot->cells, slice);
    c4t_note(hot->row, hot->session->row, event, hot->began);
    c4t_in_flight(hot->row, event);
    if (c4t_is_sampled(hot->began)) c4t_sample(hot->row, C4T_HOT_CLOCK, hot->began);
    return true;
}

void c4t_sample(struct c4t_thread_row *row, uint32_t clock, uint64_t since) {
    uint64_t now = c4t_clock_ticks(clock);
    if (now > since) c4t_count(&row->overhead_ticks, (now - since) * C4T_SAMPLE_EVERY);
}

bool c4t_put_outer_aside(struct c4t_outer *outer) {
    struct c4t_thread *here = c4t_here;
    if (!here->tracer) return false;
    struct c4t_thread_row *row = c4t_row_of(here);
    /* relaxed, here and below but for the last: this thread's own */
    outer->event = atomic_load_explicit(&row->flight_event, memory_order_relaxed);
    if (outer->event == C4T_EV_NONE || outer->event == C4T_ENTERING ||
        !atomic_load_explicit(&here->valid, memory_order_relaxed))
        return false;
    outer->thread = here;
    outer->sid = atomic_load_explicit(&row->flight_sid, memory_order_relaxed);
    outer->since = atomic_load_explicit(&row->flight_since, memory_order_relaxed);
    atomic_store_explicit(&row->flight_event, C4T_EV_NONE, memory_order_release); /* release: as in c4t_thread_begins */
    return true;
}

void c4t_take_outer_back(const struct c4t_outer *outer) {
    struct c4t_thread *thread = outer->thread;
    if (!atomic_load_explicit(&thread->valid, memory_order_relaxed)) return;
    struct c4t_thread_row *row = c4t_row_of(thread);
    atomic_store_explicit(&row->flight_since, outer->since, memory_order_relaxed);
    atomic_store_explicit(&row->flight_sid, outer->sid, memory_order_relaxed);
    /* release: a reader does not pair a new call with an old time */
    atomic_store_explicit(&row->flight_event, outer->event, memory_order_release);
}

void c4t_leave_hint(const struct c4t_frame *frame, const c4t_socket *socket) {
    struct c4t_thread *thread = frame->thread;
    if (frame->shared || frame->tracer->clock != C4T_HOT_CLOCK || thread->slot >= C4T_THREADS_MAX ||
        frame->session->factory->index != frame->factory ||
        !atomic_load_explicit(&thread->valid,
                              memory_order_relaxed)) /* relaxed: a void lease gives its hints up anyway */
        return;
    uint32_t i = c4t_hint_of(socket);
    thread->hint[i] = frame->session;
    thread->hint_cells[i] = frame->cells;
    c4t_here = thread;
}
