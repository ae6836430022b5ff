/* C4Socket address -> session: filled at open / fromNative, kept past dispose until the address is used again. */
#ifndef C4TRACE_SESSIONS_H
#define C4TRACE_SESSIONS_H

#include "tracer.h"

/* The newest session of this socket address (also one that is disposed), or NULL. Lock-free. */
C4T_INTERNAL struct c4t_session *c4t_session_find(c4t_socket *socket);

/* A new session, not yet bound to a socket; t_open = ticks. Never NULL unless memory is exhausted. */
C4T_INTERNAL struct c4t_session *c4t_session_begin(struct c4trace_tracer *tracer, struct c4t_factory *factory,
                                                   uint64_t ticks, uint32_t flags);
/* Let `socket` lead to `session`; an earlier session at that address that saw no dispose is ended as vanished. */
C4T_INTERNAL void c4t_session_bind(struct c4t_session *session, c4t_socket *socket);
/* The session is over: its row stays until it is needed again. */
C4T_INTERNAL void c4t_session_end(struct c4t_session *session, uint64_t ticks);
C4T_INTERNAL void c4t_session_address(struct c4t_session *session, const char *text, size_t size);
/* Move to `state` and keep the factory's state counts; never backwards. Returns false where it already was there or further. */
C4T_INTERNAL bool c4t_session_advance(struct c4t_session *session, enum c4t_session_state state);
/* Count one `closed` with this error. */
C4T_INTERNAL void c4t_session_count_closed(struct c4t_session *session, uint32_t domain, int32_t code);
/* Forget all routes to this tracer's sessions. */
C4T_INTERNAL void c4t_sessions_forget(struct c4trace_tracer *tracer);
/* In a forked child: nobody else is alive, so a lock that was held is free again. */
C4T_INTERNAL void c4t_sessions_after_fork(void);

#endif
