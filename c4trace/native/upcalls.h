/* Up-calls, as the ports' functions call them. */
#ifndef C4TRACE_UPCALLS_H
#define C4TRACE_UPCALLS_H

#include "tap.h"

/* The frame of an up-call; false: forward untraced. */
C4T_INTERNAL bool c4t_enter_upcall(struct c4t_frame *frame, c4t_socket *socket, enum c4t_event event);

/* upcalls_bytes.c */
C4T_INTERNAL void c4t_up_received(c4t_socket *socket, c4t_slice data, struct c4t_port *port);
C4T_INTERNAL void c4t_up_completed_write(c4t_socket *socket, size_t n, struct c4t_port *port);

#endif
