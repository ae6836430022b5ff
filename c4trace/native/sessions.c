#include "sessions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "acks.h"
#include "slices.h"
#include "threads.h"

#define LINGER 512u /* disposed sessions kept, so that late up-calls and live views still find them */
#define FIRST_TABLE 8192u

static c4t_socket *const TOMBSTONE = (c4t_socket *)1;

struct c4t_table *_Atomic c4t_registry;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER; /* held by those who change the table */

static struct c4t_table *table_new(size_t slots) {
    size_t bytes = sizeof(struct c4t_table) + slots * sizeof(struct c4t_slot);
    struct c4t_table *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED) return NULL;
    table->mask = slots - 1;
    return table;
}

static void table_put(struct c4t_table *table, c4t_socket *socket, struct c4t_session *session) {
    struct c4t_slot *free_slot = NULL;
    for (size_t i = c4t_socket_hash(socket);; i++) {
        struct c4t_slot *slot = &table->slots[i & table->mask];
        c4t_socket *key = atomic_load_explicit(
            &slot->key, memory_order_relaxed); /* relaxed: only writers change it, we hold the lock */
        if (key == socket) {
            atomic_store_explicit(&slot->session, session,
                                  memory_order_release); /* release: readers see a filled session */
            return;
        }
        if (key == TOMBSTONE && !free_slot) free_slot = slot;
        if (!key) {
            if (!free_slot) {
                free_slot = slot;
                table->used++;
            }
            break;
        }
    }
    table->live++;
    atomic_store_explicit(&free_slot->session, session,
                          memory_order_relaxed);                          /* relaxed: ordered by the key's release */
    atomic_store_explicit(&free_slot->key, socket, memory_order_release); /* release: publishes the session */
}

/* The table with room for one more key, or NULL without memory. */
static struct c4t_table *table_with_room(void) {
    struct c4t_table *table =
        atomic_load_explicit(&c4t_registry, memory_order_relaxed); /* relaxed: written under the lock we hold */
    if (table && table->used < (table->mask + 1) / 2) return table;
    size_t slots = table ? (table->mask + 1) * (table->live * 3 > table->mask ? 2 : 1) : FIRST_TABLE;
    struct c4t_table *larger = table_new(slots);
    if (!larger) return table && table->used < table->mask ? table : NULL;
    if (table) {
        for (size_t i = 0; i <= table->mask; i++) {
            c4t_socket *key =
                atomic_load_explicit(&table->slots[i].key, memory_order_relaxed); /* relaxed: we hold the lock */
            if (key && key != TOMBSTONE)
                table_put(larger, key, atomic_load_explicit(&table->slots[i].session, memory_order_relaxed));
        }
    }
    atomic_store_explicit(&c4t_registry, larger, memory_order_release); /* release: publishes the filled slots */
    return larger;
}

/* Takes the key out if it still leads to `session`. */
static void table_drop(c4t_socket *socket, const struct c4t_session *session) {
    struct c4t_table *table = atomic_load_explicit(&c4t_registry, memory_order_relaxed); /* relaxed: we hold the lock */
    if (!table || !socket) return;
    for (size_t i = c4t_socket_hash(socket);; i++) {
        struct c4t_slot *slot = &table->slots[i & table->mask];
        c4t_socket *key = atomic_load_explicit(&slot->key, memory_order_relaxed);
        if (!key) return;
        if (key != socket) continue;
        if (atomic_load_explicit(&slot->session, memory_order_relaxed) != session) return;
        table->live--;
        atomic_store_explicit(&slot->key, TOMBSTONE, memory_order_release); /* release: as every change of a key */
        if (atomic_load_explicit(&table->slots[(i + 1) & table->mask].key, memory_order_relaxed)) return;
        /* Nothing follows in this chain: tombstones at its end are as good as empty. */
        while (atomic_load_explicit(&table->slots[i & table->mask].key, memory_order_relaxed) == TOMBSTONE) {
            atomic_store_explicit(&table->slots[i & table->mask].key, NULL, memory_order_release);
            table->used--;
            i--;
        }
        return;
    }
}

/* relaxed, here and below: rows are advisory to readers, who check sid before and after a copy. */
static void row_begin(struct c4t_session *session, uint64_t sid, uint64_t ticks, uint32_t flags) {
    struct c4t_session_row *row = session->row;
    atomic_store_explicit(
        &row->sid, 0, memory_order_release); /* release: a reader that sees what follows sees sid 0 or the new one */
    row->socket = 0;
    row->factory = session->factory->index;
    memset(row->address, 0, sizeof row->address);
    for (_Atomic uint64_t *p = &row->t_last; p <= &row->lost; p++) atomic_store_explicit(p, 0, memory_order_relaxed);
    atomic_store_explicit(&row->held, C4T_HELD_OF(sid), memory_order_relaxed);
    atomic_store_explicit(&row->state, C4T_STATE_OPENING, memory_order_relaxed);
    atomic_store_explicit(&row->flags, flags, memory_order_relaxed);
    atomic_store_explicit(&row->last_event, 0, memory_order_relaxed);
    atomic_store_explicit(&row->http_status, 0, memory_order_relaxed);
    atomic_store_explicit(&row->error_domain, 0, memory_order_relaxed);
    atomic_store_explicit(&row->error_code, 0, memory_order_relaxed);
    atomic_store_explicit(&row->t_open, ticks, memory_order_relaxed);
    atomic_store_explicit(&row->t_last, ticks, memory_order_relaxed);
    atomic_store_explicit(&row->sid, sid, memory_order_release); /* release: the row is whole */
    atomic_store_explicit(&session->sid, sid, memory_order_relaxed);
    atomic_store_explicit(&session->entering, C4T_FLIGHT(sid, C4T_ENTERING), memory_order_relaxed);
}

/* One without a row in the segment; tracer->lock held. */
static struct c4t_session *extra_session(struct c4trace_tracer *tracer) {
    struct c4t_session *session = tracer->spare;
    if (session) {
        tracer->spare = session->next_extra;
        return session;
    }
    if (!(session = calloc(1, sizeof *session))) return NULL;
    session->row = &session->own_row;
    session->next_extra = tracer->extra;
    tracer->extra = session;
    return session;
}

/* A session to use: a fresh one, or the one longest disposed; tracer->lock held. */
static struct c4t_session *session_take(struct c4trace_tracer *tracer) {
    struct c4t_segment_header *header = tracer->header;
    uint32_t top =
        atomic_load_explicit(&header->session_top, memory_order_relaxed); /* relaxed: written under the lock we hold */
    bool fresh = top < header->sessions.count;
    if (tracer->ended_first && (tracer->ended_count > LINGER || !fresh)) {
        struct c4t_session *session = tracer->ended_first;
        tracer->ended_first = session->next_ended;
        if (!tracer->ended_first) tracer->ended_last = NULL;
        tracer->ended_count--;
        return session;
    }
    if (fresh) {
        struct c4t_session *session = &tracer->sessions[top];
        session->row = c4t_at(tracer, &header->sessions, top);
        atomic_store_explicit(&header->session_top, top + 1,
                              memory_order_release); /* release: the row before it is zero or whole */
        return session;
    }
    struct c4t_session *session = extra_session(tracer);
    if (!session) return NULL;
    atomic_fetch_add_explicit(&header->lost[C4T_LOSS_SESSION_ROW], 1,
                              memory_order_relaxed); /* relaxed: a plain count */
    return session;
}

struct c4t_session *c4t_session_begin(struct c4trace_tracer *tracer, struct c4t_factory *factory, uint64_t ticks,
                                      uint32_t flags) {
    pthread_mutex_lock(&tracer->lock);
    /* Closed meanwhile, which takes this lock: the table may be another one's. relaxed: under the lock */
    if (!(atomic_load_explicit(&tracer->generation, memory_order_relaxed) & 1)) {
        pthread_mutex_unlock(&tracer->lock);
        return NULL;
    }
    struct c4t_session *session = session_take(tracer);
    if (!session) {
        pthread_mutex_unlock(&tracer->lock);
        c4t_step_aside(tracer, "out of memory for a session");
        return NULL;
    }
    if (session->factory && session->factory != factory) c4t_threads_forget(tracer, session);
    uint64_t sid = ++tracer->last_sid;
    /* relaxed, both: under the lock that c4t_slices_visible holds */
    bool follows = atomic_load_explicit(&factory->follows_slices, memory_order_relaxed);
    atomic_store_explicit(&session->plain, follows ? NULL : factory, memory_order_relaxed);
    atomic_store_explicit(&tracer->header->sessions_total, sid, memory_order_relaxed); /* relaxed: a plain count */
    pthread_mutex_unlock(&tracer->lock);

    pthread_mutex_lock(&registry_lock);
    /* relaxed, both: changed under this lock; whoever still calls for that address has a session that is over */
    c4t_socket *socket = atomic_load_explicit(&session->socket, memory_order_relaxed);
    if (socket) table_drop(socket, session);
    atomic_store_explicit(&session->socket, NULL, memory_order_relaxed);
    pthread_mutex_unlock(&registry_lock);
    if (factory->row && atomic_load_explicit(&factory->row->upcalls, memory_order_relaxed) == C4T_UPCALLS_NOT_VISIBLE)
        flags |= C4T_SESSION_HALF;
    session->factory = factory;
    session->tracer = tracer;
    session->next_ended = NULL;
    c4t_ack_reset(&session->write);
    c4t_ack_reset(&session->receive);
    row_begin(session, sid, ticks, flags);
    atomic_fetch_add_explicit(&factory->live, 1, memory_order_relaxed); /* relaxed, all three: plain counts */
    atomic_fetch_add_explicit(&factory->row->sessions, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&factory->row->states[C4T_STATE_OPENING], 1, memory_order_relaxed);
    return session;
}

void c4t_session_bind(struct c4t_session *session, c4t_socket *socket) {
    session->row->socket = (uint64_t)(uintptr_t)socket;
    struct c4t_session *earlier = c4t_session_find(socket);
    if (earlier && earlier != session) {
        uint32_t state = atomic_load_explicit(
            &earlier->row->state, memory_order_relaxed); /* relaxed: its last user was LiteCore's own dispose */
        if (state != C4T_STATE_DISPOSED && state != C4T_STATE_FREE) {
            atomic_fetch_or_explicit(&earlier->row->flags, C4T_SESSION_VANISHED, memory_order_relaxed);
            c4t_session_end(earlier, c4t_clock_ticks(earlier->tracer->clock));
        }
    }
    pthread_mutex_lock(&registry_lock);
    /* A tracer that closes changes its generation, then drops under this lock what is bound: nothing may be bound behind it.
     * relaxed: the lock orders us before or after that */
    bool open = atomic_load_explicit(&session->tracer->generation, memory_order_relaxed) & 1;
    struct c4t_table *table = open ? table_with_room() : NULL;
    if (table) {
        struct c4t_session *other = c4t_session_find(socket);
        /* relaxed, both: under the lock; whoever calls for the new one knows that the other is over */
        if (other && atomic_load_explicit(&other->socket, memory_order_relaxed) == socket)
            atomic_store_explicit(&other->socket, NULL, memory_order_relaxed);
        atomic_store_explicit(&session->socket, socket, memory_order_release); /* release: the session is filled */
        table_put(table, socket, session);
    }
    pthread_mutex_unlock(&registry_lock);
    if (open && !table) c4t_step_aside(session->tracer, "out of memory for the table of sockets");
}

bool c4t_session_advance(struct c4t_session *session, enum c4t_session_state state) {
    _Atomic uint32_t *current = &session->row->state;
    uint32_t was = atomic_load_explicit(current, memory_order_relaxed); /* relaxed: the exchange below decides */
    do {
        if (was >= (uint32_t)state) return false;
        /* relaxed: a state carries no other data with it */
    } while (!atomic_compare_exchange_weak_explicit(current, &was, (uint32_t)state, memory_order_relaxed,
                                                    memory_order_relaxed));
    _Atomic int64_t *states = session->factory->row->states;
    atomic_fetch_sub_explicit(&states[was], 1, memory_order_relaxed); /* relaxed, both: plain counts */
    if (state != C4T_STATE_DISPOSED) atomic_fetch_add_explicit(&states[state], 1, memory_order_relaxed);
    return true;
}

void c4t_session_end(struct c4t_session *session, uint64_t ticks) {
    if (!c4t_session_advance(session, C4T_STATE_DISPOSED)) return;
    atomic_store_explicit(&session->row->t_disposed, ticks, memory_order_relaxed); /* relaxed: advisory */
    atomic_fetch_sub_explicit(&session->factory->live, 1, memory_order_relaxed);
    struct c4trace_tracer *tracer = session->tracer;
    pthread_mutex_lock(&tracer->lock);
    session->next_ended = NULL;
    if (tracer->ended_last)
        tracer->ended_last->next_ended = session;
    else
        tracer->ended_first = session;
    tracer->ended_last = session;
    tracer->ended_count++;
    pthread_mutex_unlock(&tracer->lock);
}

void c4t_session_address(struct c4t_session *session, const char *text, size_t size) {
    struct c4t_session_row *row = session->row;
    size_t room = sizeof row->address - 1;
    size_t kept = size < room ? size : room;
    while (kept < size && kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80) kept--; /* cut between characters */
    memcpy(row->address, text, kept);
    row->address[kept] = 0;
    if (kept < size)
        atomic_fetch_or_explicit(&row->flags, C4T_SESSION_ADDRESS_CUT, memory_order_relaxed); /* relaxed: advisory */
}

/* The row that counts this error; tracer->lock held. The last C4T_FACTORIES_MAX rows are for the rest of each factory. */
static struct c4t_closed_row *closed_row(struct c4trace_tracer *tracer, uint32_t factory, uint32_t domain,
                                         int32_t code) {
    struct c4t_segment_header *header = tracer->header;
    uint32_t ordinary = header->closed.count - C4T_FACTORIES_MAX;
    uint32_t top =
        atomic_load_explicit(&header->closed_top, memory_order_relaxed); /* relaxed: written under the lock we hold */
    for (uint32_t i = 0; i < top && i < ordinary; i++) {
        struct c4t_closed_row *row = c4t_at(tracer, &header->closed, i);
        if (row->factory == factory && row->domain == domain && row->code == code) return row;
    }
    bool rest = top >= ordinary;
    struct c4t_closed_row *row = c4t_at(tracer, &header->closed, rest ? ordinary + factory : top);
    row->factory = factory;
    row->domain = rest ? 0 : domain;
    row->code = rest ? INT32_MIN : code;
    atomic_store_explicit(&header->closed_top, rest ? header->closed.count : top + 1,
                          memory_order_release); /* release: the row is whole */
    return row;
}

void c4t_session_count_closed(struct c4t_session *session, uint32_t domain, int32_t code) {
    struct c4trace_tracer *tracer = session->tracer;
    pthread_mutex_lock(&tracer->lock);
    struct c4t_closed_row *row = closed_row(tracer, session->factory->index, domain, code);
    atomic_fetch_add_explicit(&row->n, 1, memory_order_relaxed); /* relaxed: a plain count */
    pthread_mutex_unlock(&tracer->lock);
}

void c4t_sessions_forget(const struct c4trace_tracer *tracer) {
    pthread_mutex_lock(&registry_lock);
    struct c4t_table *table = atomic_load_explicit(&c4t_registry, memory_order_relaxed); /* relaxed: we hold the lock */
    for (size_t i = 0; table && i <= table->mask; i++) {
        /* relaxed, both: under the lock */
        c4t_socket *key = atomic_load_explicit(&table->slots[i].key, memory_order_relaxed);
        if (!key || key == TOMBSTONE) continue;
        struct c4t_session *session = atomic_load_explicit(&table->slots[i].session, memory_order_relaxed);
        if (session->tracer == tracer) table_drop(key, session);
    }
    pthread_mutex_unlock(&registry_lock);
}

void c4t_sessions_after_fork(void) {
    pthread_mutex_init(&registry_lock, NULL);
    for (int i = 0; i < C4T_TRACERS_MAX; i++) pthread_mutex_init(&c4t_tracers[i].lock, NULL);
    /* Its sessions are the parent's, and so are their rows. relaxed: one thread is alive */
    atomic_store_explicit(&c4t_registry, NULL, memory_order_relaxed);
}
