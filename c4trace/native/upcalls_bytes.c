/* The up-calls that come with every message: received and completedWrite. */
#include "hot_capture.h"
#include "hot_drop.h"
#include "upcalls.h"

static C4T_COLD void received_otherwise(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_outer outer;
    struct c4t_frame frame;
    if (c4t_put_outer_aside(&outer)) {
        c4t_up_received(socket, data, port);
        c4t_take_outer_back(&outer);
        return;
    }
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

static C4T_COLD void received_with_care(c4t_socket *socket, c4t_slice data, struct c4t_port *port, uint64_t began) {
    struct c4t_hot hot;
    if (!c4t_hot_begin_with_care(&hot, socket, C4T_EV_RECEIVED, data, began)) {
        received_otherwise(socket, data, port);
        return;
    }
    port->real.received(socket, data);
    c4t_hot_end_with_care(&hot, C4T_EV_RECEIVED);
}

static C4T_ASIDE void received_captured(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_hot hot;
    if (C4T_UNLIKELY(!c4t_hot_begin_captured(&hot, socket, C4T_EV_RECEIVED, data))) {
        received_with_care(socket, data, port, 0);
        return;
    }
    port->real.received(socket, data);
    c4t_hot_end_captured(&hot, C4T_EV_RECEIVED);
}

static C4T_ASIDE void received_dropped(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_hot hot;
    if (C4T_UNLIKELY(!c4t_hot_begin_dropped(&hot, socket, C4T_EV_RECEIVED, data.size))) {
        received_with_care(socket, data, port, 0);
        return;
    }
    port->real.received(socket, data);
    c4t_hot_end_dropped(&hot, C4T_EV_RECEIVED);
}

void c4t_up_received(c4t_socket *socket, c4t_slice data, struct c4t_port *port) {
    struct c4t_hot hot;
    uint32_t level;
    if (C4T_UNLIKELY(!c4t_hot_enter(&hot, socket, false, NULL, &level))) {
        received_otherwise(socket, data, port);
    } else if (C4T_LIKELY(c4t_hot_records(level, C4T_CAPTURE_HEADERS) && c4t_hot_owns(&hot, C4T_RECEIVING) &&
                          c4t_hot_has_room(hot.here))) {
        if (C4T_UNLIKELY(!c4t_hot_stamp(&hot))) {
            received_with_care(socket, data, port, hot.began);
            return;
        }
        c4t_hot_count(&hot, C4T_EV_RECEIVED, data.size);
        c4t_hot_record(&hot, C4T_EV_RECEIVED, data.size);
        c4t_in_flight(hot.row, C4T_EV_RECEIVED);
        port->real.received(socket, data);
        c4t_hot_return(&hot, C4T_EV_RECEIVED, true);
    } else if (C4T_LIKELY(level == C4T_CAPTURE_OFF && c4t_hot_owns(&hot, C4T_RECEIVING))) {
        if (C4T_UNLIKELY(!c4t_hot_stamp(&hot))) {
            received_with_care(socket, data, port, hot.began);
            return;
        }
        c4t_hot_count(&hot, C4T_EV_RECEIVED, data.size);
        c4t_in_flight(hot.row, C4T_EV_RECEIVED);
        port->real.received(socket, data);
        c4t_hot_return(&hot, C4T_EV_RECEIVED, false);
    } else if (c4t_hot_found_no_room(&hot, level) && c4t_hot_owns(&hot, C4T_RECEIVING)) {
        received_dropped(socket, data, port);
    } else if (c4t_hot_captures(level) && c4t_hot_owns(&hot, C4T_RECEIVING)) {
        received_captured(socket, data, port);
    } else {
        received_with_care(socket, data, port, 0);
    }
}

static C4T_COLD void completed_write_otherwise(c4t_socket *socket, size_t n, struct c4t_port *port) {
    struct c4t_outer outer;
    struct c4t_frame frame;
    if (c4t_put_outer_aside(&outer)) {
        c4t_up_completed_write(socket, n, port);
        c4t_take_outer_back(&outer);
        return;
    }
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

static C4T_COLD void completed_write_with_care(c4t_socket *socket, size_t n, struct c4t_port *port, uint64_t began) {
    struct c4t_hot hot;
    if (!c4t_hot_begin_with_care(&hot, socket, C4T_EV_COMPLETED_WRITE, (c4t_slice){NULL, n}, began)) {
        completed_write_otherwise(socket, n, port);
        return;
    }
    port->real.completed_write(socket, n);
    c4t_hot_end_with_care(&hot, C4T_EV_COMPLETED_WRITE);
}

static C4T_ASIDE void completed_write_dropped(c4t_socket *socket, size_t n, struct c4t_port *port) {
    struct c4t_hot hot;
    if (C4T_UNLIKELY(!c4t_hot_begin_dropped(&hot, socket, C4T_EV_COMPLETED_WRITE, n))) {
        completed_write_with_care(socket, n, port, 0);
        return;
    }
    port->real.completed_write(socket, n);
    c4t_hot_end_dropped(&hot, C4T_EV_COMPLETED_WRITE);
}

void c4t_up_completed_write(c4t_socket *socket, size_t n, struct c4t_port *port) {
    struct c4t_hot hot;
    uint32_t level;
    if (C4T_UNLIKELY(!c4t_hot_enter(&hot, socket, false, NULL, &level))) {
        completed_write_otherwise(socket, n, port);
    } else if (C4T_LIKELY(c4t_hot_records(level, C4T_CAPTURE_FULL) && c4t_hot_owns(&hot, C4T_WRITING) &&
                          c4t_hot_has_room(hot.here))) {
        if (C4T_UNLIKELY(!c4t_hot_stamp(&hot))) {
            completed_write_with_care(socket, n, port, hot.began);
            return;
        }
        c4t_hot_count(&hot, C4T_EV_COMPLETED_WRITE, n);
        c4t_hot_record(&hot, C4T_EV_COMPLETED_WRITE, n);
        c4t_in_flight(hot.row, C4T_EV_COMPLETED_WRITE);
        port->real.completed_write(socket, n);
        c4t_hot_return(&hot, C4T_EV_COMPLETED_WRITE, true);
    } else if (C4T_LIKELY(level == C4T_CAPTURE_OFF && c4t_hot_owns(&hot, C4T_WRITING))) {
        if (C4T_UNLIKELY(!c4t_hot_stamp(&hot))) {
            completed_write_with_care(socket, n, port, hot.began);
            return;
        }
        c4t_hot_count(&hot, C4T_EV_COMPLETED_WRITE, n);
        c4t_in_flight(hot.row, C4T_EV_COMPLETED_WRITE);
        port->real.completed_write(socket, n);
        c4t_hot_return(&hot, C4T_EV_COMPLETED_WRITE, false);
    } else if (c4t_hot_found_no_room(&hot, level) && c4t_hot_owns(&hot, C4T_WRITING)) {
        completed_write_dropped(socket, n, port);
    } else {
        completed_write_with_care(socket, n, port, 0);
    }
}
