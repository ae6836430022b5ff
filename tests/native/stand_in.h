/* A stand-in for LiteCore and one for an inner factory, which note all they are given; and what a segment says of it. */
#ifndef STAND_IN_H
#define STAND_IN_H

#include "tap.h"

#define SOCKET(i) ((c4t_socket *)(uintptr_t)(0x10000 + 0x100 * (uintptr_t)(i)))
#define UP(tracer, field) ((tracer)->port->traced.field)

/* What came through since the tracer was opened. */
extern struct seen {
    _Atomic uint64_t open, write, write_bytes, completed_receive, request_close, dispose, close;
    const c4t_address *address;
    c4t_slice options, slice, message;
    void *context;
    int status;
    struct {
        _Atomic uint64_t opened, received, received_bytes, completed_write, close_requested, closed, http;
        c4t_slice headers;
        c4t_error error;
        int status;
    } real;
} seen;

extern int context_of_inner;
extern const c4t_socket_factory inner_factory;  /* without framing */
extern const c4t_socket_factory framed_factory; /* without context, open and dispose */
extern const c4t_address address;

c4trace_tracer *open_tracer(const char *name, uint32_t capture, size_t bytes);
const c4t_socket_factory *wrap(c4trace_tracer *tracer, const c4t_socket_factory *inner, const char *label);
/* The `close` of the stand-in factory with framing. */
void in_close(c4t_socket *socket);

/* Sum of one event's (or, 0 and up, one latency's) cells over all blocks, pending values included; hist[0] sums the histogram. */
struct c4t_cell total(c4trace_tracer *tracer, int event, int latency);

/* Records of all rings from their tails on, counted by event; [C4T_EV_GAP] sums what gaps say. */
struct records {
    uint64_t entries[C4T_EV_COUNT + 1], returns;
};
struct records records_of(c4trace_tracer *tracer);
/* Events that all rings have dropped. */
uint64_t dropped_of(c4trace_tracer *tracer);
struct c4t_session_row *row_of(c4trace_tracer *tracer, uint32_t i);

/* Where segments are made until leave_folder, which demands that none is left. */
void enter_folder(void);
void leave_folder(void);

#endif
