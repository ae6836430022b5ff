/* The up-calls that come with every message: received and completedWrite. */
#include "hot_capture.h"
#include "hot_drop.h"
#include "upcalls.h"

static bool received_by_other_clock(c4t_socket *socket, c4t_slice data, struct c4t_port *port);

static C4T_COLD void received_in_frame(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_frame frame;
    bool traced = c4t_enter_upcall(&frame, socket, C4T_EV_RECEIVED);
    if (traced) {
        c4t_add(&frame.cell->bytes, data.size, frame.shared);
        c4t_flow_begin(c4t_receiving(&frame), data.size, frame.began);
        c4t_publish_data(&frame, data); /* before the up-call: LiteCore unmasks in place (rule C4S-044) */
        c4t_forward(&frame);
    }
    port->real.received(socket, data);
    if (!traced) return;
    c4t_leave(&frame);
    c4t_leave_hint(&frame, socket);
}

static C4T_COLD void received_otherwise(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_outer outer;
    if (received_by_other_clock(socket, data, port)) return;
    if (c4t_put_outer_aside(&outer, socket)) {
        c4t_up_received(socket, data, port);
        c4t_take_outer_back(&outer);
    } else {
        received_in_frame(socket, data, port);
    }
}

static C4T_COLD void received_with_care(c4t_socket *socket, c4t_slice data, struct c4t_port *port, uint64_t began,
                                        struct c4t_thread_row *entered) {
    struct c4t_hot hot;
    if (!c4t_hot_begin_with_care(&hot, socket, C4T_EV_RECEIVED, data, began, entered)) {
        received_in_frame(socket, data, port);
        return;
    }
    port->real.received(socket, data);
    c4t_hot_end_with_care(&hot, C4T_EV_RECEIVED);
}

static C4T_ASIDE void received_captured(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_hot hot;
    struct c4t_thread_row *entered;
    if (C4T_UNLIKELY(!c4t_hot_begin_captured(&hot, socket, C4T_EV_RECEIVED, data, &entered))) {
        received_with_care(socket, data, port, 0, entered);
        return;
    }
    port->real.received(socket, data);
    c4t_hot_end_captured(&hot, C4T_EV_RECEIVED);
}

static C4T_ASIDE void received_dropped(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_hot hot;
    struct c4t_thread_row *entered;
    if (C4T_UNLIKELY(!c4t_hot_begin_dropped(&hot, socket, C4T_EV_RECEIVED, data.size, &entered))) {
        received_with_care(socket, data, port, 0, entered);
        return;
    }
    port->real.received(socket, data);
    c4t_hot_end_dropped(&hot, C4T_EV_RECEIVED);
}

C4T_HOT void received_entered(struct c4t_hot *hot, c4t_socket *socket, c4t_slice data, struct c4t_port *port,
                              bool recorded, uint32_t clock) {
    if (C4T_UNLIKELY(!c4t_hot_stamp(hot, clock))) {
        received_with_care(socket, data, port, hot->began, hot->row);
        return;
    }
    c4t_hot_count(hot, C4T_EV_RECEIVED, data.size);
    if (recorded) c4t_hot_record(hot, C4T_EV_RECEIVED, data.size);
    c4t_in_flight(hot->row, C4T_EV_RECEIVED);
    port->real.received(socket, data);
    c4t_hot_return(hot, C4T_EV_RECEIVED, recorded, clock);
}

/* False: nothing was done. */
C4T_HOT bool received_by(uint32_t clock, struct c4t_thread *here, c4t_socket *socket, c4t_slice data,
                         struct c4t_port *port) {
    struct c4t_hot hot;
    if (C4T_UNLIKELY(!c4t_hot_meets(&hot, here, socket))) return false;
    uint32_t depth = c4t_hot_depth(&hot);
    if (depth == C4T_DEPTH_NUMBERS) {
        if (C4T_LIKELY(c4t_hot_enter(&hot, C4T_RECEIVING)))
            received_entered(&hot, socket, data, port, false, clock);
        else
            received_with_care(socket, data, port, 0, hot.row);
    } else if (C4T_LIKELY(depth == C4T_DEPTH_RECORDS)) {
        if (C4T_LIKELY(c4t_hot_has_room(here) && c4t_hot_enter(&hot, C4T_RECEIVING)))
            received_entered(&hot, socket, data, port, true, clock);
        else if (c4t_hot_has_room(here))
            received_with_care(socket, data, port, 0, hot.row);
        else if (clock == C4T_HOT_CLOCK && here->gaps)
            received_dropped(socket, data, port);
        else
            received_with_care(socket, data, port, 0, NULL);
    } else if (depth != C4T_DEPTH_BYTES) {
        return false;
    } else if (clock != C4T_HOT_CLOCK) {
        received_with_care(socket, data, port, 0, NULL);
    } else if (C4T_LIKELY(!here->gaps)) {
        received_captured(socket, data, port);
    } else {
        received_dropped(socket, data, port);
    }
    return true;
}

void c4t_up_received(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    if (C4T_UNLIKELY(!received_by(C4T_HOT_CLOCK, c4t_here, socket, data, port))) received_otherwise(socket, data, port);
}

static C4T_ASIDE bool received_by_other_clock(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    return received_by(C4T_CLOCK_MONOTONIC, c4t_there, socket, data, port);
}

static bool completed_write_by_other_clock(c4t_socket *socket, size_t n, struct c4t_port *port);

static C4T_COLD void completed_write_in_frame(c4t_socket *socket, size_t n, struct c4t_port *port) {
    struct c4t_frame frame;
    bool traced = c4t_enter_upcall(&frame, socket, C4T_EV_COMPLETED_WRITE);
    if (traced) {
        c4t_add(&frame.cell->bytes, n, frame.shared);
        c4t_flow_end(c4t_writing(&frame), n, frame.began);
        c4t_publish_plain(&frame, n, 0);
        c4t_forward(&frame);
    }
    port->real.completed_write(socket, n);
    if (!traced) return;
    c4t_leave(&frame);
    c4t_leave_hint(&frame, socket);
}

static C4T_COLD void completed_write_otherwise(c4t_socket *socket, size_t n, struct c4t_port *port) {
    struct c4t_outer outer;
    if (completed_write_by_other_clock(socket, n, port)) return;
    if (c4t_put_outer_aside(&outer, socket)) {
        c4t_up_completed_write(socket, n, port);
        c4t_take_outer_back(&outer);
    } else {
        completed_write_in_frame(socket, n, port);
    }
}

static C4T_COLD void completed_write_with_care(c4t_socket *socket, size_t n, struct c4t_port *port, uint64_t began,
                                               struct c4t_thread_row *entered) {
    struct c4t_hot hot;
    if (!c4t_hot_begin_with_care(&hot, socket, C4T_EV_COMPLETED_WRITE, (c4t_slice){NULL, n}, began, entered)) {
        completed_write_in_frame(socket, n, port);
        return;
    }
    port->real.completed_write(socket, n);
    c4t_hot_end_with_care(&hot, C4T_EV_COMPLETED_WRITE);
}

static C4T_ASIDE void completed_write_dropped(c4t_socket *socket, size_t n, struct c4t_port *port) {
    struct c4t_hot hot;
    struct c4t_thread_row *entered;
    if (C4T_UNLIKELY(!c4t_hot_begin_dropped(&hot, socket, C4T_EV_COMPLETED_WRITE, n, &entered))) {
        completed_write_with_care(socket, n, port, 0, entered);
        return;
    }
    port->real.completed_write(socket, n);
    c4t_hot_end_dropped(&hot, C4T_EV_COMPLETED_WRITE);
}

C4T_HOT void completed_write_entered(struct c4t_hot *hot, c4t_socket *socket, size_t n, struct c4t_port *port,
                                     bool recorded, uint32_t clock) {
    if (C4T_UNLIKELY(!c4t_hot_stamp(hot, clock))) {
        completed_write_with_care(socket, n, port, hot->began, hot->row);
        return;
    }
    c4t_hot_count(hot, C4T_EV_COMPLETED_WRITE, n);
    if (recorded) c4t_hot_record(hot, C4T_EV_COMPLETED_WRITE, n);
    c4t_in_flight(hot->row, C4T_EV_COMPLETED_WRITE);
    port->real.completed_write(socket, n);
    c4t_hot_return(hot, C4T_EV_COMPLETED_WRITE, recorded, clock);
}

/* False: nothing was done. */
C4T_HOT bool completed_write_by(uint32_t clock, struct c4t_thread *here, c4t_socket *socket, size_t n,
                                struct c4t_port *port) {
    struct c4t_hot hot;
    if (C4T_UNLIKELY(!c4t_hot_meets(&hot, here, socket))) return false;
    uint32_t depth = c4t_hot_depth(&hot);
    if (depth == C4T_DEPTH_NUMBERS) {
        if (C4T_LIKELY(c4t_hot_enter(&hot, C4T_WRITING)))
            completed_write_entered(&hot, socket, n, port, false, clock);
        else
            completed_write_with_care(socket, n, port, 0, hot.row);
    } else if (C4T_LIKELY(c4t_hot_is_free(depth))) {
        if (C4T_LIKELY(c4t_hot_has_room(here) && c4t_hot_enter(&hot, C4T_WRITING)))
            completed_write_entered(&hot, socket, n, port, true, clock);
        else if (c4t_hot_has_room(here))
            completed_write_with_care(socket, n, port, 0, hot.row);
        else if (clock == C4T_HOT_CLOCK && here->gaps)
            completed_write_dropped(socket, n, port);
        else
            completed_write_with_care(socket, n, port, 0, NULL);
    } else {
        return false;
    }
    return true;
}

void c4t_up_completed_write(c4t_socket *socket, size_t n, struct c4t_port *port) {
    if (C4T_UNLIKELY(!completed_write_by(C4T_HOT_CLOCK, c4t_here, socket, n, port)))
        completed_write_otherwise(socket, n, port);
}

static C4T_ASIDE bool completed_write_by_other_clock(c4t_socket *socket, size_t n, struct c4t_port *port) {
    return completed_write_by(C4T_CLOCK_MONOTONIC, c4t_there, socket, n, port);
}
