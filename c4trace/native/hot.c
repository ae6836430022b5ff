#include "hot.h"

#include "hot_capture.h"
#include "slices.h"

/* A record without text or data, whatever it takes; of a return where there is no session. False: it was dropped. */
static bool put(struct c4t_thread *here, struct c4t_session *session, uint64_t who, uint64_t ticks, uint64_t call,
                uint64_t n) {
    struct c4t_entry entry = {.event = (uint8_t)who,
                              .flags = (uint8_t)(who >> 8),
                              .factory = (uint16_t)(who >> 16),
                              .sid = session ? c4t_sid(session) : 0,
                              .ticks = ticks,
                              .call = call,
                              .n = n};
    if (session) return c4t_ring_put(here, &entry, session);
    c4t_ring_put_return(here, &entry);
    return true;
}

void c4t_hot_return_with_care(struct c4t_thread *here, struct c4t_cells *cells, enum c4t_event event, uint64_t call,
                              uint64_t took) {
    /* The tracer may have been closed, or this may be a forked child, since we forwarded. relaxed: see make_void */
    struct c4t_thread_row *row = c4t_row_of(here);
    if (!atomic_load_explicit(&here->valid, memory_order_relaxed) || row == &here->own_row) return;
    struct c4t_cell *cell = &cells->event[event];
    uint64_t ended = took + C4T_OWN(uint64_t, &row->flight_since);
    took = c4t_slowest(cell, C4T_FLIGHT_SID(C4T_OWN(uint64_t, &row->flight)), took, ended);
    if (call) put(here, NULL, cell->who | C4T_REC_RETURN << 8, ended, call, took);
    atomic_store_explicit(&row->flight, C4T_EV_NONE, memory_order_release); /* release: as in c4t_in_flight */
    c4t_ended(cell, took);
}

void c4t_hot_return_slowest(struct c4t_thread *here, struct c4t_cells *cells, enum c4t_event event, uint64_t took) {
    c4t_hot_return_with_care(here, cells, event, 0, took);
}

void c4t_hot_end_with_care(const struct c4t_hot *hot, enum c4t_event event) {
    uint32_t clock = hot->here->tracer->clock;
    if (C4T_LIKELY(!c4t_is_sampled(hot->began))) {
        if (hot->call)
            c4t_hot_return(hot, event, true, clock);
        else
            c4t_hot_return(hot, event, false, clock);
        return;
    }
    uint64_t ended = c4t_clock_ticks(clock), since = C4T_OWN(uint64_t, &c4t_row_of(hot->here)->flight_since);
    c4t_hot_return_with_care(hot->here, hot->cells, event, hot->call, ended - since);
    c4t_sample(c4t_row_of(hot->here), clock, ended);
}

static void record(struct c4t_hot *hot, enum c4t_event event, c4t_slice slice, uint32_t level) {
    bool cut = slice.buf && slice.size && level >= C4T_CAPTURE_BYTES;
    if (C4T_LIKELY(!cut && c4t_hot_has_room(hot->here))) {
        c4t_hot_record(hot, event, slice.size);
        return;
    }
    uint64_t call = ++hot->here->call;
    uint64_t who = hot->cells->event[event].who | (cut ? C4T_REC_CUT << 8 : 0);
    if (put(hot->here, hot->session, who, hot->began, call, slice.size)) hot->call = call;
}

static void flow(const struct c4t_hot *hot, struct c4t_thread_row *row, enum c4t_event event, uint64_t n) {
    bool writing = event == C4T_EV_WRITE || event == C4T_EV_COMPLETED_WRITE;
    struct c4t_direction at =
        c4t_direction_of(hot->here, row, hot->session, hot->cells, writing ? C4T_WRITING : C4T_RECEIVING);
    if (event == C4T_EV_WRITE || event == C4T_EV_RECEIVED)
        c4t_flow_begin(at, n, hot->began);
    else
        c4t_flow_end(at, n, hot->began);
}

/* Nothing was done in the window that this row told of. release: as in c4t_thread_begins */
static bool undo(struct c4t_thread_row *entered) {
    atomic_store_explicit(&entered->flight, C4T_EV_NONE, memory_order_release);
    return false;
}

bool c4t_hot_begin_with_care(struct c4t_hot *hot, const c4t_socket *socket, enum c4t_event event, c4t_slice slice,
                             uint64_t began, struct c4t_thread_row *entered) {
    if (!c4t_hot_meets(hot, c4t_here, socket) && !c4t_hot_meets(hot, c4t_there, socket))
        return entered ? undo(entered) : false;
    struct c4t_thread_row *row = entered ? entered : hot->row;
    if (!entered)
        c4t_hot_enter(hot, C4T_WRITING); /* whoever owns what: c4t_flow_begin and c4t_flow_end look for themselves */
    uint64_t control = c4t_hot_control(hot);
    uint32_t level = (uint32_t)control, clock = hot->here->tracer->clock;
    hot->call = 0;
    uint32_t size = slice.buf ? c4t_wanted_bytes(hot->here->tracer, control, slice.size) : 0;
    if (C4T_UNLIKELY(row != c4t_row_of(hot->here) || level > C4T_CAPTURE_FULL) ||
        (size && !c4t_hot_capture(hot, event, slice, size, clock)))
        return undo(row);
    if (C4T_UNLIKELY(C4T_LOAD(uint32_t, &row->depth) != c4t_depth_of(control)))
        c4t_row_follows(row, &hot->here->tracer->header->control); /* who turned it was stopped half-way */
    if (!size) {
        hot->began = began ? began : c4t_clock_ticks(clock);
        if (level != C4T_CAPTURE_OFF) record(hot, event, slice, level);
    }
    c4t_count(&hot->cells->event[event].n, 1);
    c4t_count(&hot->cells->event[event].bytes, slice.size);
    flow(hot, row, event, slice.size);
    if (event == C4T_EV_WRITE) c4t_slice_written(hot->session->factory, hot->session, hot->cells, slice);
    c4t_note(row, hot->session->row, event, hot->began);
    c4t_in_flight(row, event);
    if (c4t_is_sampled(hot->began)) c4t_sample(row, clock, hot->began);
    return true;
}

void c4t_sample(struct c4t_thread_row *row, uint32_t clock, uint64_t since) {
    uint64_t now = c4t_clock_ticks(clock);
    if (now > since) c4t_count(&row->overhead_ticks, (now - since) * C4T_SAMPLE_EVERY);
}

static bool put_aside(struct c4t_thread *thread, const c4t_socket *socket, struct c4t_outer *outer) {
    struct c4t_hot hot;
    if (!c4t_hot_meets(&hot, thread, socket)) return false; /* a frame of its own keeps what is around it */
    struct c4t_thread_row *row = hot.row;
    /* relaxed, here and below but for the last: this thread's own */
    outer->flight = atomic_load_explicit(&row->flight, memory_order_relaxed);
    uint32_t event = C4T_FLIGHT_EVENT(outer->flight);
    if (event == C4T_EV_NONE || event == C4T_ENTERING || !atomic_load_explicit(&thread->valid, memory_order_relaxed))
        return false;
    outer->thread = thread;
    outer->since = atomic_load_explicit(&row->flight_since, memory_order_relaxed);
    atomic_store_explicit(&row->flight, C4T_EV_NONE, memory_order_release); /* release: as in c4t_thread_begins */
    return true;
}

bool c4t_put_outer_aside(struct c4t_outer *outer, const c4t_socket *socket) {
    return put_aside(c4t_here, socket, outer) || put_aside(c4t_there, socket, outer);
}

void c4t_take_outer_back(const struct c4t_outer *outer) {
    struct c4t_thread *thread = outer->thread;
    if (!atomic_load_explicit(&thread->valid, memory_order_relaxed)) return;
    struct c4t_thread_row *row = c4t_row_of(thread);
    atomic_store_explicit(&row->flight_since, outer->since, memory_order_relaxed);
    /* release: a reader does not pair a new call with an old time */
    atomic_store_explicit(&row->flight, outer->flight, memory_order_release);
}

void c4t_leave_hint(const struct c4t_frame *frame, const c4t_socket *socket) {
    struct c4t_thread *thread = frame->thread;
    uint32_t clock = frame->tracer->clock;
    if (frame->shared || thread->slot >= C4T_THREADS_MAX || frame->session->factory->index != frame->factory ||
        !atomic_load_explicit(&thread->valid,
                              memory_order_relaxed)) /* relaxed: a void lease gives its hints up anyway */
        return;
    uint32_t i = c4t_hint_of(socket);
    thread->hint_cells[i] = frame->cells;
    atomic_store_explicit(&thread->hint[i], frame->session, memory_order_relaxed); /* relaxed: see c4t_threads_forget */
    if (clock == C4T_HOT_CLOCK)
        c4t_here = thread;
    else
        c4t_there = thread;
}
