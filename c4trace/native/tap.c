/* The calls: LiteCore -> traced factory -> inner factory. */
#include "tap.h"

#include "factories.h"
#include "hot_capture.h"
#include "hot_drop.h"
#include "slices.h"

/* A session for a socket whose open was not seen; NULL: step aside. */
static __attribute__((noinline)) struct c4t_session *adopt(struct c4trace_tracer *tracer, struct c4t_factory *factory,
                                                           c4t_socket *socket) {
    if (!c4t_is_open(tracer)) return NULL;
    struct c4t_session *session =
        c4t_session_begin(tracer, factory, c4t_clock_ticks(tracer->clock), C4T_SESSION_ADOPTED);
    if (session) c4t_session_bind(session, socket);
    return session;
}

/* What every call after open has in common: the frame of a session that is known or adopted. */
C4T_HOT bool enter_call(struct c4t_frame *frame, struct c4t_factory *factory, c4t_socket *socket,
                        enum c4t_event event) {
    struct c4trace_tracer *tracer = atomic_load_explicit(
        &factory->tracer, memory_order_relaxed); /* relaxed: set before the factory was handed out */
    if (C4T_UNLIKELY(!tracer)) return false;
    struct c4t_session *session = c4t_session_find(socket);
    if (C4T_UNLIKELY(!session || session->tracer != tracer) && !(session = adopt(tracer, factory, socket)))
        return false;
    return C4T_LIKELY(c4t_enter(frame, tracer, factory, session, event));
}

static inline bool is_over(const struct c4t_session *session) {
    return atomic_load_explicit(&session->row->state, memory_order_relaxed) ==
           C4T_STATE_DISPOSED; /* relaxed: LiteCore orders dispose before reuse */
}

static void call_open(struct c4t_factory *factory, c4t_socket *socket, const c4t_address *address, c4t_slice options,
                      void *context) {
    struct c4trace_tracer *tracer =
        atomic_load_explicit(&factory->tracer, memory_order_relaxed); /* relaxed: as above */
    struct c4t_frame frame;
    bool traced = c4t_is_open(tracer);
    if (traced) {
        /* A socket that came by fromNative has its session already (rule C4S-010). */
        struct c4t_session *session = c4t_session_find(socket);
        bool known = session && session->tracer == tracer && !is_over(session) &&
                     atomic_load_explicit(&session->row->flags, memory_order_relaxed) & C4T_SESSION_INCOMING &&
                     atomic_load_explicit(&session->row->state, memory_order_relaxed) == C4T_STATE_OPENING;
        if (!known) {
            session = c4t_session_begin(tracer, factory, c4t_clock_ticks(tracer->clock), 0);
            if (session) c4t_session_bind(session, socket);
        }
        traced = session && c4t_enter(&frame, tracer, factory, session, C4T_EV_OPEN);
        if (traced) {
            if (c4t_capture_of(&frame) != C4T_CAPTURE_OFF)
                c4t_take(&frame, c4t_publish_address(frame, address, options));
            c4t_forward(&frame);
        }
    }
    factory->inner.open(socket, address, options, context);
    if (traced) c4t_leave(&frame);
}

static void call_write(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory);
static bool write_by_other_clock(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory);

static C4T_COLD void write_in_frame(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory) {
    struct c4t_frame frame;
    if (C4T_UNLIKELY(!enter_call(&frame, factory, socket, C4T_EV_WRITE))) {
        factory->inner.write(socket, slice);
        return;
    }
    c4t_flow_begin(c4t_writing(&frame), slice.size, frame.began);
    c4t_add(&frame.cell->bytes, slice.size, frame.shared);
    c4t_publish_data(&frame, slice);
    c4t_slice_written(factory, frame.session, frame.cells, slice);
    c4t_forward(&frame);
    factory->inner.write(socket, slice);
    c4t_leave(&frame);
    c4t_leave_hint(&frame, socket);
}

static C4T_COLD void write_otherwise(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory) {
    struct c4t_outer outer;
    if (write_by_other_clock(socket, slice, factory)) return;
    if (c4t_put_outer_aside(&outer, socket)) {
        call_write(socket, slice, factory);
        c4t_take_outer_back(&outer);
    } else {
        write_in_frame(socket, slice, factory);
    }
}

static C4T_COLD void write_with_care(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory, uint64_t began,
                                     struct c4t_thread_row *entered) {
    struct c4t_hot hot;
    if (!c4t_hot_begin_with_care(&hot, socket, C4T_EV_WRITE, slice, began, entered)) {
        write_in_frame(socket, slice, factory);
        return;
    }
    factory->inner.write(socket, slice);
    c4t_hot_end_with_care(&hot, C4T_EV_WRITE);
}

static C4T_ASIDE void write_captured(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory) {
    struct c4t_hot hot;
    struct c4t_thread_row *entered;
    if (C4T_UNLIKELY(!c4t_hot_begin_captured(&hot, socket, C4T_EV_WRITE, slice, &entered))) {
        write_with_care(socket, slice, factory, 0, entered);
        return;
    }
    factory->inner.write(socket, slice);
    c4t_hot_end_captured(&hot, C4T_EV_WRITE);
}

static C4T_ASIDE void write_dropped(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory) {
    struct c4t_hot hot;
    struct c4t_thread_row *entered;
    if (C4T_UNLIKELY(!c4t_hot_begin_dropped(&hot, socket, C4T_EV_WRITE, slice.size, &entered))) {
        write_with_care(socket, slice, factory, 0, entered);
        return;
    }
    factory->inner.write(socket, slice);
    c4t_hot_end_dropped(&hot, C4T_EV_WRITE);
}

C4T_HOT void write_entered(struct c4t_hot *hot, c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory,
                           bool recorded, uint32_t clock) {
    if (C4T_UNLIKELY(!c4t_hot_stamp(hot, clock))) {
        write_with_care(socket, slice, factory, hot->began, hot->row);
        return;
    }
    C4T_LEAVE_IN_PLACE(socket, slice.buf, factory);
    c4t_hot_count(hot, C4T_EV_WRITE, slice.size);
    if (recorded) c4t_hot_record(hot, C4T_EV_WRITE, slice.size);
    c4t_in_flight(hot->row, C4T_EV_WRITE);
    factory->inner.write(socket, slice);
    c4t_hot_return(hot, C4T_EV_WRITE, recorded, clock);
}

/* False: nothing was done. */
C4T_HOT bool write_by(uint32_t clock, struct c4t_thread *here, c4t_socket *socket, c4t_slice slice,
                      struct c4t_factory *factory) {
    struct c4t_hot hot;
    if (C4T_UNLIKELY(!c4t_hot_meets(&hot, here, socket))) return false;
    if (C4T_UNLIKELY(C4T_LOAD(struct c4t_factory *, &hot.session->plain) != factory)) {
        if (hot.session->factory != factory || !c4t_hot_is_free(c4t_hot_depth(&hot))) return false;
        write_with_care(socket, slice, factory, 0, NULL);
        return true;
    }
    uint32_t depth = c4t_hot_depth(&hot);
    if (depth == C4T_DEPTH_NUMBERS) {
        if (C4T_LIKELY(c4t_hot_enter(&hot, C4T_WRITING)))
            write_entered(&hot, socket, slice, factory, false, clock);
        else
            write_with_care(socket, slice, factory, 0, hot.row);
    } else if (C4T_LIKELY(depth == C4T_DEPTH_RECORDS)) {
        if (C4T_LIKELY(c4t_hot_has_room(here) && c4t_hot_enter(&hot, C4T_WRITING)))
            write_entered(&hot, socket, slice, factory, true, clock);
        else if (c4t_hot_has_room(here))
            write_with_care(socket, slice, factory, 0, hot.row);
        else if (clock == C4T_HOT_CLOCK && here->gaps)
            write_dropped(socket, slice, factory);
        else
            write_with_care(socket, slice, factory, 0, NULL);
    } else if (depth != C4T_DEPTH_BYTES) {
        return false;
    } else if (clock != C4T_HOT_CLOCK) {
        write_with_care(socket, slice, factory, 0, NULL);
    } else if (C4T_LIKELY(!here->gaps)) {
        write_captured(socket, slice, factory);
    } else {
        write_dropped(socket, slice, factory);
    }
    return true;
}

static void call_write(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory) {
    if (C4T_UNLIKELY(!write_by(C4T_HOT_CLOCK, c4t_here, socket, slice, factory)))
        write_otherwise(socket, slice, factory);
}

static C4T_ASIDE bool write_by_other_clock(c4t_socket *socket, c4t_slice slice, struct c4t_factory *factory) {
    return write_by(C4T_CLOCK_MONOTONIC, c4t_there, socket, slice, factory);
}

static void call_completed_receive(c4t_socket *socket, size_t n, struct c4t_factory *factory);
static bool completed_receive_by_other_clock(c4t_socket *socket, size_t n, struct c4t_factory *factory);

static C4T_COLD void completed_receive_in_frame(c4t_socket *socket, size_t n, struct c4t_factory *factory) {
    struct c4t_frame frame;
    if (C4T_UNLIKELY(!enter_call(&frame, factory, socket, C4T_EV_COMPLETED_RECEIVE))) {
        factory->inner.completed_receive(socket, n);
        return;
    }
    c4t_add(&frame.cell->bytes, n, frame.shared);
    c4t_flow_end(c4t_receiving(&frame), n, frame.began);
    c4t_publish_plain(&frame, n, 0);
    c4t_forward(&frame);
    factory->inner.completed_receive(socket, n);
    c4t_leave(&frame);
    c4t_leave_hint(&frame, socket);
}

static C4T_COLD void completed_receive_otherwise(c4t_socket *socket, size_t n, struct c4t_factory *factory) {
    struct c4t_outer outer;
    if (completed_receive_by_other_clock(socket, n, factory)) return;
    if (c4t_put_outer_aside(&outer, socket)) {
        call_completed_receive(socket, n, factory);
        c4t_take_outer_back(&outer);
    } else {
        completed_receive_in_frame(socket, n, factory);
    }
}

static C4T_COLD void completed_receive_with_care(c4t_socket *socket, size_t n, struct c4t_factory *factory,
                                                 uint64_t began, struct c4t_thread_row *entered) {
    struct c4t_hot hot;
    if (!c4t_hot_begin_with_care(&hot, socket, C4T_EV_COMPLETED_RECEIVE, (c4t_slice){NULL, n}, began, entered)) {
        completed_receive_in_frame(socket, n, factory);
        return;
    }
    factory->inner.completed_receive(socket, n);
    c4t_hot_end_with_care(&hot, C4T_EV_COMPLETED_RECEIVE);
}

static C4T_ASIDE void completed_receive_dropped(c4t_socket *socket, size_t n, struct c4t_factory *factory) {
    struct c4t_hot hot;
    struct c4t_thread_row *entered;
    if (C4T_UNLIKELY(!c4t_hot_begin_dropped(&hot, socket, C4T_EV_COMPLETED_RECEIVE, n, &entered))) {
        completed_receive_with_care(socket, n, factory, 0, entered);
        return;
    }
    factory->inner.completed_receive(socket, n);
    c4t_hot_end_dropped(&hot, C4T_EV_COMPLETED_RECEIVE);
}

C4T_HOT void completed_receive_entered(struct c4t_hot *hot, c4t_socket *socket, size_t n, struct c4t_factory *factory,
                                       bool recorded, uint32_t clock) {
    if (C4T_UNLIKELY(!c4t_hot_stamp(hot, clock))) {
        completed_receive_with_care(socket, n, factory, hot->began, hot->row);
        return;
    }
    c4t_hot_count(hot, C4T_EV_COMPLETED_RECEIVE, n);
    if (recorded) c4t_hot_record(hot, C4T_EV_COMPLETED_RECEIVE, n);
    c4t_in_flight(hot->row, C4T_EV_COMPLETED_RECEIVE);
    factory->inner.completed_receive(socket, n);
    c4t_hot_return(hot, C4T_EV_COMPLETED_RECEIVE, recorded, clock);
}

/* False: nothing was done. */
C4T_HOT bool completed_receive_by(uint32_t clock, struct c4t_thread *here, c4t_socket *socket, size_t n,
                                  struct c4t_factory *factory) {
    struct c4t_hot hot;
    if (C4T_UNLIKELY(!c4t_hot_meets(&hot, here, socket) || hot.session->factory != factory)) return false;
    uint32_t depth = c4t_hot_depth(&hot);
    if (depth == C4T_DEPTH_NUMBERS) {
        if (C4T_LIKELY(c4t_hot_enter(&hot, C4T_RECEIVING)))
            completed_receive_entered(&hot, socket, n, factory, false, clock);
        else
            completed_receive_with_care(socket, n, factory, 0, hot.row);
    } else if (C4T_LIKELY(c4t_hot_is_free(depth))) {
        if (C4T_LIKELY(c4t_hot_has_room(here) && c4t_hot_enter(&hot, C4T_RECEIVING)))
            completed_receive_entered(&hot, socket, n, factory, true, clock);
        else if (c4t_hot_has_room(here))
            completed_receive_with_care(socket, n, factory, 0, hot.row);
        else if (clock == C4T_HOT_CLOCK && here->gaps)
            completed_receive_dropped(socket, n, factory);
        else
            completed_receive_with_care(socket, n, factory, 0, NULL);
    } else {
        return false;
    }
    return true;
}

static void call_completed_receive(c4t_socket *socket, size_t n, struct c4t_factory *factory) {
    if (C4T_UNLIKELY(!completed_receive_by(C4T_HOT_CLOCK, c4t_here, socket, n, factory)))
        completed_receive_otherwise(socket, n, factory);
}

static C4T_ASIDE bool completed_receive_by_other_clock(c4t_socket *socket, size_t n, struct c4t_factory *factory) {
    return completed_receive_by(C4T_CLOCK_MONOTONIC, c4t_there, socket, n, factory);
}

static void begin_closing(struct c4t_session *session, uint64_t ticks) {
    c4t_session_advance(session, C4T_STATE_CLOSING);
    uint64_t never = 0; /* relaxed: the first close wins; advisory to readers */
    atomic_compare_exchange_strong_explicit(&session->row->t_closing, &never, ticks, memory_order_relaxed,
                                            memory_order_relaxed);
}

static void call_close(struct c4t_factory *factory, c4t_socket *socket) {
    struct c4t_frame frame;
    if (C4T_UNLIKELY(!enter_call(&frame, factory, socket, C4T_EV_CLOSE))) {
        factory->inner.close(socket);
        return;
    }
    begin_closing(frame.session, frame.began);
    c4t_publish_plain(&frame, 0, 0);
    c4t_forward(&frame);
    factory->inner.close(socket);
    c4t_leave(&frame);
}

static void call_request_close(struct c4t_factory *factory, c4t_socket *socket, int status, c4t_slice message) {
    struct c4t_frame frame;
    if (C4T_UNLIKELY(!enter_call(&frame, factory, socket, C4T_EV_REQUEST_CLOSE))) {
        factory->inner.request_close(socket, status, message);
        return;
    }
    begin_closing(frame.session, frame.began);
    c4t_publish_message(&frame, status, message);
    c4t_forward(&frame);
    factory->inner.request_close(socket, status, message);
    c4t_leave(&frame);
}

static void call_dispose(struct c4t_factory *factory, c4t_socket *socket) {
    struct c4t_frame frame;
    if (C4T_UNLIKELY(!enter_call(&frame, factory, socket, C4T_EV_DISPOSE))) {
        factory->inner.dispose(socket);
        return;
    }
    /* Before forwarding: the address may be used again as soon as LiteCore has this call back. */
    c4t_flow_settle(c4t_writing(&frame), frame.began);
    c4t_flow_settle(c4t_receiving(&frame), frame.began);
    c4t_publish_plain(&frame, 0, 0);
    c4t_session_end(frame.session, frame.began);
    c4t_forward(&frame);
    factory->inner.dispose(socket);
    c4t_leave(&frame);
}

static void call_attached(struct c4t_factory *factory, c4t_socket *socket) {
    c4t_from_native_attached(factory,
                             socket); /* runs inside fromNative, before that returned the socket (rule C4S-076) */
    struct c4t_frame frame;
    if (C4T_UNLIKELY(!enter_call(&frame, factory, socket, C4T_EV_ATTACHED))) {
        factory->inner.attached(socket);
        return;
    }
    c4t_publish_plain(&frame, 0, 0);
    c4t_forward(&frame);
    factory->inner.attached(socket);
    c4t_leave(&frame);
}

/* One set of trampolines a factory: the call itself says which factory it is for, so forwarding needs no table and cannot fail. */
#define SET(i)                                                                                                         \
    static void open_##i(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) {                                  \
        call_open(&c4t_factories[0x##i], s, a, o, c);                                                                  \
    }                                                                                                                  \
    static void write_##i(c4t_socket *s, c4t_slice d) { call_write(s, d, &c4t_factories[0x##i]); }                     \
    static void completed_receive_##i(c4t_socket *s, size_t n) {                                                       \
        call_completed_receive(s, n, &c4t_factories[0x##i]);                                                           \
    }                                                                                                                  \
    static void close_##i(c4t_socket *s) { call_close(&c4t_factories[0x##i], s); }                                     \
    static void request_close_##i(c4t_socket *s, int c, c4t_slice m) {                                                 \
        call_request_close(&c4t_factories[0x##i], s, c, m);                                                            \
    }                                                                                                                  \
    static void dispose_##i(c4t_socket *s) { call_dispose(&c4t_factories[0x##i], s); }                                 \
    static void attached_##i(c4t_socket *s) { call_attached(&c4t_factories[0x##i], s); }
#define ROW(i)                                                                                                         \
    {0, 0, open_##i, write_##i, completed_receive_##i, close_##i, request_close_##i, dispose_##i, attached_##i},

#define LOW(M, h) M(h##0) M(h##1) M(h##2) M(h##3) M(h##4) M(h##5) M(h##6) M(h##7)
#define HIGH(M, h) M(h##8) M(h##9) M(h##a) M(h##b) M(h##c) M(h##d) M(h##e) M(h##f)
#define HEX(M, h) LOW(M, h) HIGH(M, h)
#define LOW256(M) HEX(M, 0) HEX(M, 1) HEX(M, 2) HEX(M, 3) HEX(M, 4) HEX(M, 5) HEX(M, 6) HEX(M, 7)
#define HIGH256(M) HEX(M, 8) HEX(M, 9) HEX(M, a) HEX(M, b) HEX(M, c) HEX(M, d) HEX(M, e) HEX(M, f)

/* clang-format off: lines that the preprocessor makes long */
LOW256(SET)
HIGH256(SET)
const c4t_socket_factory c4t_trampolines[C4T_TRAMPOLINES] = {LOW256(ROW) HIGH256(ROW)};
/* clang-format on */
