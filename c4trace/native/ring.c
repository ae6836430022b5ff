#include "ring.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stats.h"

#define LEASE_SECONDS 3u
#define WRITERS_MAX 32u
#define STEP 16384u /* bytes of an own ring that are reserved at once: what a flight recorder forgets early */

/* Threads that write into the shared ring now: NOBODY, NOWHERE yet, or where its record begins. */
#define NOBODY 0u
#define NOWHERE ((uint64_t)1 << 63)
#define FROM(position) ((position) + 1)
static _Alignas(64) _Atomic uint64_t shared_writers[C4T_TRACERS_MAX][WRITERS_MAX];

/* Orders the store of `reserved` before the records' bytes, for a reader that we overtake in flight-recorder mode. */
static inline void store_fence(void) {
#if defined(__aarch64__)
    __asm__ volatile("dmb ishst" ::: "memory");
#else
    __asm__ volatile("" ::: "memory"); /* x86 keeps stores in order */
#endif
}

static inline uint64_t padded(uint64_t size) { return (size + 63u) & ~(uint64_t)63u; }

/* Is a consumer reading at `now`, so that nothing it has not read may be overwritten? A lease that is not renewed is void: a consumer
 * that was killed must not turn a flight recorder into one that drops the newest. */
static bool consumer_lives(struct c4t_segment_header *header, uint64_t now) {
    uint32_t pid = atomic_load_explicit(&header->consumer_pid, memory_order_relaxed); /* relaxed, all: advisory */
    if (!pid) return false;
    uint64_t beat = atomic_load_explicit(&header->consumer_beat, memory_order_relaxed);
    if (now < beat || now - beat < LEASE_SECONDS * header->ticks_per_sec) return true;
    atomic_compare_exchange_strong_explicit(&header->consumer_pid, &pid, 0, memory_order_relaxed, memory_order_relaxed);
    return false;
}

/* So much that the consumer should look before it would by itself; early, for it takes a while to wake up. */
static inline bool is_filling(uint64_t unread, uint64_t cap) { return unread > cap / 8; }

/* Wake the consumer, once for each look that it makes: nothing here waits for it. */
static void ring_bell(struct c4t_segment_header *header) {
    /* relaxed, both: most find it rung already, the exchange tells who rings first, and it carries no other data */
    if (atomic_load_explicit(&header->bell, memory_order_relaxed) ||
        atomic_exchange_explicit(&header->bell, 1, memory_order_relaxed))
        return;
    int error = errno; /* the host's */
    syscall(SYS_futex, &header->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    errno = error;
}

/* How far the thread's own ring may be written now; at least `end`, else 0: there is no room. */
static uint64_t limit(struct c4t_thread *thread, uint64_t end) {
    struct c4t_segment_header *header = thread->tracer->header;
    /* relaxed: a mode; either answer is safe. Flight recorder: all may be overwritten. */
    if (!atomic_load_explicit(&header->consumer_pid, memory_order_relaxed)) return UINT64_MAX;
    /* acquire: the consumer has read what we are about to overwrite */
    uint64_t tail = atomic_load_explicit(&thread->ring->tail, memory_order_acquire);
    if (C4T_UNLIKELY(is_filling(end - tail, thread->ring_cap))) ring_bell(header);
    if (end - tail <= thread->ring_cap) return (tail & ~(uint64_t)63) + thread->ring_cap;
    return consumer_lives(header, c4t_clock_ticks(thread->tracer->clock)) ? 0 : UINT64_MAX;
}

/* Is there no room at `now`, not even for a gap? */
static inline bool is_full(struct c4t_thread *thread, uint64_t now) {
    const struct c4t_ring *ring = thread->ring;
    /* relaxed, both: what changes meanwhile is seen by the next one that is to be dropped */
    uint64_t head = thread->shared_ring ? atomic_load_explicit(&ring->reserved, memory_order_relaxed) : thread->head;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (head + sizeof(struct c4t_record) - tail <= thread->ring_cap) return false;
    struct c4t_segment_header *header = (struct c4t_segment_header *)(void *)thread->base;
    if (!consumer_lives(header, now)) return false;
    ring_bell(header);
    return true;
}

bool c4t_ring_advance(struct c4t_thread *thread, uint64_t size) {
    uint64_t head = thread->head, end = head + size, cap = thread->ring_cap;
    uint64_t most = limit(thread, end);
    if (most < end) return false;
    uint64_t block = cap / C4T_RING_ANCHORS, offset = head & (cap - 1);
    /* Whole steps, but never past the block, whose end must be noticed, nor past what may be written. */
    uint64_t step = block < STEP ? block : STEP, until = head + step, block_end = head - offset % block + block;
    if (until > block_end) until = block_end;
    if (until < end) until = end;
    if (until > most) until = most;
    struct c4t_ring *ring = thread->ring;
    atomic_store_explicit(&ring->reserved, until, memory_order_relaxed); /* relaxed: ordered by the fence */
    store_fence();
    _Atomic uint64_t *anchor = &ring->anchor[offset / block];
    if (atomic_load_explicit(anchor, memory_order_relaxed) < head - offset % block) /* relaxed: written by us alone */
        atomic_store_explicit(anchor, head, memory_order_release); /* release: after `reserved` left its old lap */
    thread->lap = thread->ring_data + offset - head;
    thread->until = thread->gaps ? 0 : until;
    return true;
}

static void write_record(struct c4t_record *record, const struct c4t_entry *entry) {
    record->event = entry->event;
    record->flags = entry->flags;
    record->factory = entry->factory;
    record->ticks = entry->ticks;
    record->sid = entry->sid;
    record->call = entry->call;
    record->n = entry->n;
    record->code = entry->code;
    record->domain = entry->domain;
    record->text1 = entry->text1_size;
    record->text2 = entry->text2_size;
    record->data = entry->data_size;
    unsigned char *body = (unsigned char *)(record + 1);
    if (entry->text1_size) memcpy(body, entry->text1, entry->text1_size);
    if (entry->text2_size) memcpy(body + entry->text1_size, entry->text2, entry->text2_size);
    if (entry->data_size) memcpy(body + entry->text1_size + entry->text2_size, entry->data, entry->data_size);
}

static bool put_own(struct c4t_thread *thread, const struct c4t_entry *entry, uint64_t size) {
    struct c4t_record *record = c4t_ring_claim(thread, size);
    if (C4T_UNLIKELY(!record)) return false;
    write_record(record, entry);
    record->tid = thread->tid;
    c4t_ring_commit(thread, record, (uint32_t)size);
    return true;
}

/* A free place among the writers, or NULL: so many are held up in the middle of a record. */
static _Atomic uint64_t *begin_writing(const struct c4t_thread *thread) {
    _Atomic uint64_t *writers = shared_writers[thread->tracer->index];
    for (uint32_t i = 0; i < WRITERS_MAX; i++) {
        _Atomic uint64_t *writer = &writers[(thread->tid + i) % WRITERS_MAX];
        uint64_t nobody = NOBODY;
        /* relaxed: a look; acq_rel: hands on what the last holder released */
        if (atomic_load_explicit(writer, memory_order_relaxed) == NOBODY &&
            atomic_compare_exchange_strong_explicit(writer, &nobody, NOWHERE, memory_order_acq_rel,
                                                    memory_order_relaxed))
            return writer;
    }
    return NULL;
}

/* release, always: what we wrote is whole, and what the last holder of the place wrote; others may write over it one day */
static inline void now_writing(_Atomic uint64_t *writer, uint64_t what) {
    atomic_store_explicit(writer, what, memory_order_release);
}

/* Would a record that ends at `end` lie over one that is still being written? As flight recorder nobody waits for a thread that is
 * held up for a whole lap; without this, it and another would write to the same bytes. */
static bool meets_a_writer(const struct c4t_thread *thread, uint64_t end) {
    _Atomic uint64_t *writers = shared_writers[thread->tracer->index];
    for (uint32_t i = 0; i < WRITERS_MAX; i++) {
        uint64_t writer = atomic_load_explicit(&writers[i], memory_order_acquire); /* acquire: see now_writing */
        if (writer == NOBODY || writer == NOWHERE) continue;
        if ((int64_t)(FROM(end) - writer) > (int64_t)thread->ring_cap) return true;
    }
    return false;
}

/* Take `size` bytes of the shared ring for `writer`; false without room. */
static bool reserve(struct c4t_thread *thread, _Atomic uint64_t *writer, uint64_t now, uint64_t size,
                    uint64_t *position) {
    struct c4t_ring *ring = thread->ring;
    /* acquire: all who have reserved before are among the writers */
    *position = atomic_load_explicit(&ring->reserved, memory_order_acquire);
    for (;;) {
        uint64_t end = *position + size;
        /* acquire: the consumer has read what we are about to overwrite */
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (C4T_UNLIKELY(is_filling(end - tail, thread->ring_cap))) ring_bell(thread->tracer->header);
        if (end - tail > thread->ring_cap && consumer_lives(thread->tracer->header, now)) return false;
        if (meets_a_writer(thread, end)) return false;
        now_writing(writer, FROM(*position));
        /* release: our place among the writers before it; acquire: as above */
        if (atomic_compare_exchange_strong_explicit(&ring->reserved, position, end, memory_order_acq_rel,
                                                    memory_order_acquire))
            return true;
        now_writing(writer, NOWHERE);
    }
}

/* Many producers: reserve by compare-and-swap, publish by the record's own mark. */
static bool put_shared(struct c4t_thread *thread, const struct c4t_entry *entry, uint64_t size) {
    struct c4t_ring *ring = thread->ring;
    uint64_t cap = thread->ring_cap, position;
    _Atomic uint64_t *writer = begin_writing(thread);
    if (!writer) return false;
    if (!reserve(thread, writer, entry->ticks, size, &position)) {
        now_writing(writer, NOBODY);
        return false;
    }
    uint64_t block = cap / C4T_RING_ANCHORS, offset = position & (cap - 1);
    _Atomic uint64_t *anchor = &ring->anchor[offset / block];
    /* relaxed: two threads may both set it; either is a record of this lap */
    if (atomic_load_explicit(anchor, memory_order_relaxed) < position - offset % block)
        atomic_store_explicit(anchor, position, memory_order_relaxed);
    struct c4t_record *record = (struct c4t_record *)(thread->ring_data + offset);
    write_record(record, entry);
    record->size = (uint32_t)size;
    record->tid = thread->tid;
    atomic_store_explicit(&record->mark, (uint32_t)(position + size),
                          memory_order_release); /* release: the record is whole */
    now_writing(writer, NOBODY);
    return true;
}

static inline bool put(struct c4t_thread *thread, const struct c4t_entry *entry) {
    uint64_t size = padded(sizeof(struct c4t_record) + entry->text1_size + entry->text2_size + entry->data_size);
    return C4T_LIKELY(!thread->shared_ring) ? put_own(thread, entry, size) : put_shared(thread, entry, size);
}

static void count_shared_gap(struct c4t_ring *ring) {
    /* relaxed, both: numbers; only gap[0] is used, without a session */
    atomic_fetch_add_explicit(&ring->gap[0].n, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
}

static void count_own_gap(struct c4t_thread *thread, uint64_t sid) {
    struct c4t_ring *ring = thread->ring;
    struct c4t_gap *gap = ring->gap;
    /* relaxed, all: numbers that this thread alone writes */
    uint32_t i = 0;
    while (i < C4T_RING_GAPS - 1 && atomic_load_explicit(&gap[i].n, memory_order_relaxed) &&
           atomic_load_explicit(&gap[i].sid, memory_order_relaxed) != sid)
        i++;
    bool several = i == C4T_RING_GAPS - 1;
    atomic_store_explicit(&gap[i].sid, several ? 0 : sid, memory_order_relaxed);
    c4t_count(&gap[i].n, 1);
    c4t_count(&ring->dropped, 1);
    thread->gaps = true;
    thread->until = 0;
}

static inline void drop(struct c4t_thread *thread, uint64_t sid, struct c4t_session *session) {
    if (thread->shared_ring)
        count_shared_gap(thread->ring);
    else
        count_own_gap(thread, sid);
    if (session) atomic_fetch_add_explicit(&session->row->lost, 1, memory_order_relaxed); /* relaxed: a plain count */
}

/* There may be room again: write down first what was lost here. False: there is none, not even for that. */
static bool put_gaps(struct c4t_thread *thread, const struct c4t_entry *next) {
    for (uint32_t i = 0; i < C4T_RING_GAPS; i++) {
        struct c4t_gap *gap = &thread->ring->gap[i];
        /* relaxed, both: a number */
        if (!atomic_load_explicit(&gap->n, memory_order_relaxed)) continue;
        uint64_t lost = atomic_exchange_explicit(&gap->n, 0, memory_order_relaxed);
        if (!lost) continue;
        struct c4t_entry entry = {.event = C4T_EV_GAP,
                                  .ticks = next->ticks,
                                  .n = lost,
                                  .factory = next->factory,
                                  .sid =
                                      thread->shared_ring ? 0 : atomic_load_explicit(&gap->sid, memory_order_relaxed)};
        if (put(thread, &entry)) continue;
        atomic_fetch_add_explicit(&gap->n, lost, memory_order_relaxed);
        return false;
    }
    thread->gaps = false;
    return true;
}

bool c4t_ring_still_drops(struct c4t_thread *thread, uint64_t sid, struct c4t_session *session, uint64_t now) {
    if (!is_full(thread, now)) return false;
    thread->call++;
    drop(thread, sid, session);
    return true;
}

bool c4t_ring_put(struct c4t_thread *thread, const struct c4t_entry *entry, struct c4t_session *session) {
    bool gaps =
        thread->shared_ring ? atomic_load_explicit(&thread->ring->gap[0].n, memory_order_relaxed) != 0 : thread->gaps;
    if (C4T_UNLIKELY(gaps) && (is_full(thread, entry->ticks) || !put_gaps(thread, entry))) {
        drop(thread, entry->sid, session);
        return false;
    }
    if (C4T_LIKELY(put(thread, entry))) return true;
    if (entry->data_size || entry->text2_size) {
        struct c4t_entry bare = *entry;
        bare.data_size = bare.text2_size = 0;
        bare.flags |= C4T_REC_CUT;
        if (put(thread, &bare)) return true;
    }
    drop(thread, entry->sid, session);
    return false;
}

void c4t_ring_put_return(struct c4t_thread *thread, const struct c4t_entry *entry) {
    if (C4T_LIKELY(put(thread, entry))) return;
    atomic_fetch_add_explicit(&thread->tracer->header->lost[C4T_LOSS_RETURN], 1,
                              memory_order_relaxed); /* relaxed: a plain count */
}
