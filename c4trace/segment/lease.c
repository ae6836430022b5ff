/* The consumer lease: one process at a time reads the rings for good. The file lock keeps other readers off, and goes with the process;
 * `consumer_pid` and `consumer_beat` tell the host, which must not wait for a consumer that hangs. */
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "reader_state.h"

#define LEASE_SECONDS 3u

static bool other_consumer_lives(const struct c4t_reader *reader) {
    const struct c4t_segment_header *header = reader->live;
    /* relaxed, both: advisory */
    if (!atomic_load_explicit(&header->consumer_pid, memory_order_relaxed)) return false;
    uint64_t beat = atomic_load_explicit(&header->consumer_beat, memory_order_relaxed), now = c4t_now(reader);
    return now < beat || now - beat < LEASE_SECONDS * reader->facts.ticks_per_sec;
}

/* Another process, which is alive. relaxed: advisory */
static bool is_expected(const struct c4t_segment_header *header) {
    uint32_t pid = atomic_load_explicit(&header->consumer_pid, memory_order_relaxed);
    return pid != (uint32_t)getpid() && c4t_process_runs(pid, 0);
}

static uint64_t start_of(const struct c4t_reader *reader, const struct c4t_cursor *cursor, int from_now) {
    /* relaxed: a consumer's own field; acquire is made when records are copied */
    uint64_t tail = atomic_load_explicit(&cursor->ring->tail, memory_order_relaxed);
    uint64_t lowest = c4t_cursor_lowest(cursor);
    if (from_now) return c4t_cursor_anchor(cursor, UINT64_MAX);
    if (reader->mode != C4T_CONSUME) return lowest ? c4t_cursor_anchor(cursor, lowest) : 0;
    if (tail % 64 == 0 && tail >= lowest && tail <= c4t_cursor_anchor(cursor, UINT64_MAX)) return tail;
    /* A flight recorder's ring is full: half of it makes room at once, so that nothing new is dropped while we read the rest. */
    return c4t_cursor_anchor(cursor, lowest + cursor->cap / 2);
}

void c4t_start_cursors(struct c4t_reader *reader, int from_now) {
    uint64_t now = c4t_now_before_heads(reader);
    reader->merge.from_start = true;
    for (uint32_t i = 0; i < reader->cursor_count; i++) {
        struct c4t_cursor *cursor = &reader->cursors[i];
        uint64_t position = start_of(reader, cursor, from_now);
        if (position) reader->merge.from_start = false;
        c4t_cursor_start(cursor, position);
        if (c4t_cursor_anchor(cursor, UINT64_MAX) == position)
            cursor->clear_ticks = now; /* nothing was there to be blocked */
        if (reader->mode == C4T_CONSUME)
            atomic_store_explicit(&cursor->ring->tail, position,
                                  memory_order_relaxed); /* relaxed: ordered by consumer_pid's release */
    }
}

int c4t_lease_take(struct c4t_reader *reader, int from_now, char *error, size_t error_size) {
    struct c4t_segment_header *header = reader->live;
    bool locked = flock(reader->file, LOCK_EX | LOCK_NB) == 0;
    /* A child forked by a consumer that was killed keeps its lock: then the beat decides. Without a lock there may be one that the
     * host expects (c4trace run), and that may be we. */
    if (other_consumer_lives(reader) && (!locked || is_expected(header))) {
        if (locked) flock(reader->file, LOCK_UN);
        snprintf(error, error_size, "process %u records this segment already; stop it first",
                 atomic_load_explicit(&header->consumer_pid, memory_order_relaxed)); /* relaxed: advisory */
        return -1;
    }
    reader->pid = (uint32_t)getpid();
    reader->dropped_at_attach = c4t_dropped(reader);
    c4t_start_cursors(reader, from_now);
    atomic_store_explicit(&header->consumer_beat, c4t_now(reader),
                          memory_order_relaxed); /* relaxed: ordered by consumer_pid's release */
    atomic_store_explicit(&header->consumer_pid, reader->pid,
                          memory_order_release); /* release: tails and beat before it */
    return 0;
}

int c4t_lease_beat(struct c4t_reader *reader) {
    struct c4t_segment_header *header = reader->live;
    atomic_store_explicit(&header->consumer_beat, c4t_now(reader),
                          memory_order_relaxed); /* relaxed: a stamp, carries no other data */
    uint32_t holder = atomic_load_explicit(&header->consumer_pid, memory_order_relaxed);
    if (holder == reader->pid) return 0;
    if (holder) return -1;
    /* We were away so long that the host went back to overwriting. Cursors find out by themselves what they missed. */
    atomic_compare_exchange_strong_explicit(&header->consumer_pid, &holder, reader->pid, memory_order_release,
                                            memory_order_relaxed);
    return holder ? -1 : 0;
}

void c4t_lease_drop(struct c4t_reader *reader) {
    if (reader->pid != (uint32_t)getpid()) return; /* a forked child holds nothing */
    uint32_t mine = reader->pid;
    /* relaxed: from here on the host overwrites; what we read we have copied */
    atomic_compare_exchange_strong_explicit(&reader->live->consumer_pid, &mine, 0, memory_order_relaxed,
                                            memory_order_relaxed);
    flock(reader->file, LOCK_UN);
}
