#include "slices.h"

#include <sys/mman.h>

#include "stats.h"
#include "threads.h"

#define BUCKETS 2048u /* power of two */
#define WAYS 7u       /* with the count of those next door, one cache line of keys */
#define CLAIMED 1u    /* a key whose values are being written or read; to everybody else no slice at all */
#define ADDRESS_BITS 48
#define EXTRA_MOST 0xFFFFu /* references that can be counted beyond the first */
#define SIZE_MOST (UINT32_MAX >> 1)

/* A key is the address << 16 | references beyond the one that was handed over. 0: free. A slice lies in the bucket of its hash, or, where
 * that is full, in the next one; then the former counts it as next door. */
struct bucket {
    _Alignas(64) _Atomic uint64_t next_door;
    _Atomic uint64_t key[WAYS];
};

/* Where a slice is counted. Written by the thread that claimed the key, read by the one that claims it next. */
struct owner {
    struct c4t_session_row *row;
    struct c4t_cells *shared; /* of its factory */
    uint32_t size;
    uint16_t session; /* low bits of its id: the row may be another session's by now */
    uint8_t tracer;
    uint8_t factory;
};
_Static_assert(C4T_TRACERS_MAX <= 256 && C4T_FACTORIES_MAX <= 256, "an owner names its tracer and factory in a byte");

struct c4t_slices {
    struct bucket buckets[BUCKETS];
    struct owner owners[BUCKETS][WAYS];
    _Atomic uint8_t tracers[BUCKETS][WAYS]; /* the owners' tracers once more, for who has not claimed the key */
};
struct c4t_slices *_Atomic c4t_slices;

/* A session that began before there was anything to follow; tracer->lock held. relaxed, both: as its writes, see c4t_slice_written */
static void not_plain(struct c4t_session *session, const struct c4t_factory *factory) {
    if (atomic_load_explicit(&session->plain, memory_order_relaxed) == factory)
        atomic_store_explicit(&session->plain, NULL, memory_order_relaxed);
}

void c4t_slices_visible(struct c4t_factory *factory, enum c4t_upcalls_seen how) {
    if (!atomic_load_explicit(&c4t_slices, memory_order_relaxed)) { /* relaxed: set under the setup lock */
        void *table = mmap(NULL, sizeof *c4t_slices, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (table == MAP_FAILED) return;
        atomic_store_explicit(&c4t_slices, table, memory_order_release); /* release: it is empty */
    }
    /* relaxed, all: a reader that sees one before the other finds counts of 0, or counts nothing yet */
    atomic_store_explicit(&factory->row->releases, (uint32_t)how, memory_order_relaxed);
    struct c4trace_tracer *tracer = atomic_load_explicit(&factory->tracer, memory_order_relaxed); /* under that lock */
    if (tracer) pthread_mutex_lock(&tracer->lock);
    atomic_store_explicit(&factory->follows_slices, true, memory_order_relaxed);
    if (!tracer) return; /* nothing has begun */
    uint32_t top = atomic_load_explicit(&tracer->header->session_top, memory_order_relaxed);
    for (uint32_t i = 0; i < top; i++) not_plain(&tracer->sessions[i], factory);
    for (struct c4t_session *one = tracer->extra; one; one = one->next_extra) not_plain(one, factory);
    pthread_mutex_unlock(&tracer->lock);
}

static uint32_t hash(uint64_t address) { return (uint32_t)(address * 0x9E3779B97F4A7C15ull >> 53) & (BUCKETS - 1); }

/* A slice's place in the table. */
struct place {
    uint32_t bucket, way;
    bool next_door;
    uint64_t key; /* as it was found; 0: there is none */
};

static _Atomic uint64_t *key_at(struct c4t_slices *table, const struct place *place) {
    return &table->buckets[place->bucket].key[place->way];
}

static bool find_in(struct c4t_slices *table, uint32_t bucket, uint64_t address, struct place *place) {
    for (uint32_t way = 0; way < WAYS; way++) {
        /* relaxed: who releases a slice was given it after it was put here; the claim orders what belongs to it */
        uint64_t key = atomic_load_explicit(&table->buckets[bucket].key[way], memory_order_relaxed);
        if (C4T_LIKELY(key >> (64 - ADDRESS_BITS) != address)) continue;
        place->bucket = bucket;
        place->way = way;
        place->key = key;
        return true;
    }
    return false;
}

static struct place find(struct c4t_slices *table, uint64_t address) {
    struct place place = {0};
    uint32_t home = hash(address);
    if (find_in(table, home, address, &place)) return place;
    /* relaxed: raised before the slice was put next door, lowered after it was taken out */
    if (C4T_LIKELY(!atomic_load_explicit(&table->buckets[home].next_door, memory_order_relaxed))) return place;
    place.next_door = find_in(table, (home + 1) & (BUCKETS - 1), address, &place);
    return place;
}

/* acquire: the owner was written before the key, or read before it was free */
static bool claim(struct c4t_slices *table, const struct place *place) {
    uint64_t key = place->key;
    return atomic_compare_exchange_strong_explicit(key_at(table, place), &key, CLAIMED, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* Of the session that the row is of: more or less by one slice. False where it is another's, or the numbers would not fit. */
static bool hold(const struct owner *owner, bool more) {
    _Atomic uint64_t *held = &owner->row->held;
    uint64_t delta = UINT64_C(1) << 32 | owner->size;
    uint64_t was = atomic_load_explicit(held, memory_order_relaxed); /* relaxed: the exchange decides */
    uint64_t is;
    do {
        if ((uint16_t)(was >> 48) != owner->session) return false;
        if (more && ((uint16_t)(was >> 32) == UINT16_MAX || (uint32_t)was > UINT32_MAX - owner->size)) return false;
        is = more ? was + delta : was - delta;
        /* relaxed: numbers only */
    } while (!atomic_compare_exchange_weak_explicit(held, &was, is, memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* release: whoever sees it counted here sees it counted as written */
static void add(_Atomic uint64_t *n, uint64_t more, bool shared) {
    if (shared)
        atomic_fetch_add_explicit(n, more, memory_order_release);
    else
        atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + more, memory_order_release);
}

static void count(struct c4t_slice_count *counts, uint64_t bytes, bool shared) {
    add(&counts->bytes, bytes, shared);
    add(&counts->n, 1, shared);
}

/* The counters of the owner's factory that this thread may write: its own, if it has any, else the shared ones. */
static struct c4t_cells *cells_of(const struct owner *owner) {
    const struct c4t_thread *thread = c4t_leases[owner->tracer];
    const struct c4trace_tracer *tracer = &c4t_tracers[owner->tracer];
    /* relaxed: see c4t_thread_begins */
    if (!thread || thread->generation != atomic_load_explicit(&tracer->generation, memory_order_relaxed))
        return owner->shared;
    struct c4t_cells *own = thread->cells[owner->factory];
    bool same_segment = (uintptr_t)owner->shared - (uintptr_t)thread->base < tracer->size;
    return own && same_segment ? own : owner->shared;
}

/* The key is claimed: it is free, and its owner is given. */
static struct owner take_out(struct c4t_slices *table, const struct place *place) {
    struct owner owner = table->owners[place->bucket][place->way];
    atomic_store_explicit(key_at(table, place), 0, memory_order_release); /* release: the owner was read */
    if (place->next_door) {
        uint32_t home = (place->bucket - 1) & (BUCKETS - 1);
        atomic_fetch_sub_explicit(&table->buckets[home].next_door, 1, memory_order_relaxed); /* relaxed: see find */
    }
    return owner;
}

/* What became of it is not known. */
static void lose(const struct owner *owner) {
    struct c4t_cells *cells = cells_of(owner);
    hold(owner, false);
    count(&cells->unfollowed, owner->size, c4t_is_shared(cells));
}

/* The allocator gave this address again, so a slice that is here was released where it was not seen. */
static void drop_earlier(struct c4t_slices *table, uint64_t address) {
    struct place place = find(table, address);
    if (C4T_LIKELY(!place.key) || !claim(table, &place)) return;
    struct owner earlier = take_out(table, &place);
    lose(&earlier);
}

/* Claims a free key of this bucket. */
static bool claim_free(struct c4t_slices *table, uint32_t bucket, struct place *place) {
    place->bucket = bucket;
    place->key = 0;
    for (place->way = 0; place->way < WAYS; place->way++) {
        if (atomic_load_explicit(key_at(table, place), memory_order_relaxed)) continue; /* relaxed: the claim decides */
        if (claim(table, place)) return true;
    }
    return false;
}

static bool put(struct c4t_slices *table, uint64_t address, const struct owner *owner) {
    struct place place;
    uint32_t home = hash(address);
    if (C4T_UNLIKELY(!claim_free(table, home, &place))) {
        _Atomic uint64_t *next_door = &table->buckets[home].next_door;
        atomic_fetch_add_explicit(next_door, 1, memory_order_relaxed); /* relaxed: see find */
        if (!claim_free(table, (home + 1) & (BUCKETS - 1), &place)) {
            atomic_fetch_sub_explicit(next_door, 1, memory_order_relaxed); /* relaxed: as above */
            return false;
        }
    }
    table->owners[place.bucket][place.way] = *owner;
    atomic_store_explicit(&table->tracers[place.bucket][place.way], owner->tracer,
                          memory_order_relaxed); /* relaxed: a hint */
    /* release: the owner is written */
    atomic_store_explicit(key_at(table, &place), address << (64 - ADDRESS_BITS), memory_order_release);
    return true;
}

void c4t_slice_follow(struct c4t_factory *factory, struct c4t_session *session, struct c4t_cells *cells,
                      c4t_slice slice) {
    struct c4t_slices *table = atomic_load_explicit(&c4t_slices, memory_order_acquire); /* acquire: it is empty */
    bool shared = c4t_is_shared(cells);
    uint64_t address = (uint64_t)(uintptr_t)slice.buf;
    count(&cells->written, slice.size, shared);
    bool held = false;
    struct owner owner = {.row = session->row,
                          .shared = factory->shared_cells,
                          .session = (uint16_t)atomic_load_explicit(&session->sid, memory_order_relaxed),
                          .tracer = (uint8_t)session->tracer->index,
                          .factory = (uint8_t)factory->index}; /* relaxed: it is this session's call */
    if (C4T_LIKELY(table && slice.size <= SIZE_MOST && !(address >> ADDRESS_BITS))) {
        owner.size = (uint32_t)slice.size;
        drop_earlier(table, address);
        held = hold(&owner, true);
        if (held && C4T_LIKELY(put(table, address, &owner))) return;
    }
    if (held) hold(&owner, false);
    count(&cells->unfollowed, slice.size, shared);
}

void c4t_slice_lookup_released(struct c4t_slices *table, const void *bytes) {
    uint64_t address = (uint64_t)(uintptr_t)bytes;
    for (;;) { /* again only where another thread took or gave back a reference to the same bytes meanwhile */
        struct place place = find(table, address);
        if (!place.key) return;
        if (place.key & EXTRA_MOST) {
            /* relaxed: a number; the reference that is handed over stays */
            if (atomic_compare_exchange_strong_explicit(key_at(table, &place), &place.key, place.key - 1,
                                                        memory_order_relaxed, memory_order_relaxed))
                return;
        } else if (claim(table, &place)) {
            struct owner owner = take_out(table, &place);
            struct c4t_cells *cells = cells_of(&owner);
            hold(&owner, false);
            count(&cells->released, owner.size, c4t_is_shared(cells));
            return;
        }
    }
}

void c4t_slice_lookup_retained(struct c4t_slices *table, const void *bytes) {
    uint64_t address = (uint64_t)(uintptr_t)bytes;
    for (;;) { /* as above */
        struct place place = find(table, address);
        if (!place.key) return;
        bool countable = (place.key & EXTRA_MOST) != EXTRA_MOST;
        if (!countable && claim(table, &place)) {
            struct owner owner = take_out(table, &place);
            lose(&owner);
            return;
        }
        /* relaxed: a number */
        if (countable && atomic_compare_exchange_strong_explicit(key_at(table, &place), &place.key, place.key + 1,
                                                                 memory_order_relaxed, memory_order_relaxed))
            return;
    }
}

/* Others' slices are not claimed: their release would miss them meanwhile. */
static void forget_at(struct c4t_slices *table, struct place *place, uint32_t tracer) {
    _Atomic uint8_t *of = &table->tracers[place->bucket][place->way];
    /* relaxed, both: the claim decides */
    place->key = atomic_load_explicit(key_at(table, place), memory_order_relaxed);
    if (place->key <= CLAIMED || atomic_load_explicit(of, memory_order_relaxed) != tracer || !claim(table, place))
        return;
    place->next_door = hash(place->key >> (64 - ADDRESS_BITS)) != place->bucket;
    take_out(table, place);
}

void c4t_slices_forget(const struct c4trace_tracer *tracer) {
    struct c4t_slices *table = atomic_load_explicit(&c4t_slices, memory_order_acquire); /* acquire: it is empty */
    struct place place = {0};
    for (place.bucket = 0; table && place.bucket < BUCKETS; place.bucket++)
        for (place.way = 0; place.way < WAYS; place.way++) forget_at(table, &place, tracer->index);
}

void c4t_slices_after_fork(void) {
    atomic_store_explicit(&c4t_slices, NULL, memory_order_relaxed); /* relaxed: one thread is alive */
}
