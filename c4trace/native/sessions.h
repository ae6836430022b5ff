/* C4Socket address -> session: filled at open / fromNative, kept past dispose until the address is used again. */
#ifndef C4TRACE_SESSIONS_H
#define C4TRACE_SESSIONS_H

#include "tracer.h"

/* C4Socket address -> session. Open addressing with linear probing. Readers take no lock: a slot's session is set before its key, and a
 * key that is taken out leaves a tombstone unless the next slot is empty. A table that was outgrown is never freed. */
struct c4t_slot {
    c4t_socket *_Atomic key;
    struct c4t_session *_Atomic session;
};
struct c4t_table {
    size_t mask;
    size_t used; /* keys and tombstones */
    size_t live;
    struct c4t_slot slots[];
};
C4T_INTERNAL extern struct c4t_table *_Atomic c4t_registry;

C4T_HOT size_t c4t_socket_hash(const c4t_socket *socket) {
    return (size_t)(((uint64_t)(uintptr_t)socket * 0x9E3779B97F4A7C15ull) >> 29);
}

/* The newest session of this socket address (also one that is disposed), or NULL. Lock-free. */
C4T_HOT struct c4t_session *c4t_session_find(c4t_socket *socket) {
    /* acquire: the table's slots were filled before it was published */
    struct c4t_table *table = atomic_load_explicit(&c4t_registry, memory_order_acquire);
    if (C4T_UNLIKELY(!table)) return NULL;
    for (size_t i = c4t_socket_hash(socket);; i++) {
        struct c4t_slot *slot = &table->slots[i & table->mask];
        /* acquire: pairs with the release that published the key after its session */
        c4t_socket *key = atomic_load_explicit(&slot->key, memory_order_acquire);
        /* acquire: a replaced session (same address again) was filled before it was stored */
        if (C4T_LIKELY(key == socket)) return atomic_load_explicit(&slot->session, memory_order_acquire);
        if (C4T_LIKELY(!key)) return NULL;
    }
}

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
C4T_INTERNAL void c4t_sessions_forget(const struct c4trace_tracer *tracer);
/* In a forked child: nobody else is alive, so a lock that was held is free again; and no session is its own. */
C4T_INTERNAL void c4t_sessions_after_fork(void);

#endif
