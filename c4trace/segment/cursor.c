#include "cursor.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK (128u * 1024u) /* copied at a time: fits the cache, so that formatting reads from there */
#define LOOK_AHEAD 64        /* records searched for an event's return */
#define OVERTAKEN_TRIES 4

static inline struct c4t_record *record_at(const struct c4t_cursor *cursor, size_t offset) {
    return (struct c4t_record *)(void *)(cursor->buffer + offset);
}

/* A record's size as its header tells it, if a record may be like that and ends within `space`; else 0. */
static uint32_t checked_size(const struct c4t_record *record, uint64_t space) {
    uint32_t size = *(const volatile uint32_t *)&record->size; /* once: in the mapping it may change */
    if (size < sizeof *record || size > C4T_RECORD_MAX || size % 64 || size > space) return 0;
    if (record->event == C4T_EV_NONE || record->event > C4T_EV_GAP) return 0;
    if (record->flags & (C4T_REC_RETURN | C4T_REC_PLAIN)) return size;
    if ((uint64_t)record->text1 + record->text2 + record->data > size - sizeof *record) return 0;
    return size;
}

void c4t_cursor_close(struct c4t_cursor *cursor) { free(cursor->buffer); }

void c4t_cursor_start(struct c4t_cursor *cursor, uint64_t position) {
    cursor->position = cursor->complete = cursor->tail = position;
    cursor->at = cursor->end = 0;
}

/* Position up to which the host has begun to write. */
static uint64_t written(const struct c4t_cursor *cursor) {
    /* acquire, both: what lies before is seen */
    uint64_t reserved = atomic_load_explicit(&cursor->ring->reserved, memory_order_acquire);
    uint64_t head = cursor->shared ? 0 : atomic_load_explicit(&cursor->ring->head, memory_order_acquire);
    return (reserved > head ? reserved : head) & ~(uint64_t)63;
}

uint64_t c4t_cursor_lowest(const struct c4t_cursor *cursor) {
    uint64_t end = written(cursor);
    return end > cursor->cap ? end - cursor->cap : 0;
}

/* Where complete records end: own ring: its head; shared: the first mark that does not fit, from where it was last time. */
static uint64_t published(struct c4t_cursor *cursor) {
    if (!cursor->shared)
        return atomic_load_explicit(&cursor->ring->head, memory_order_acquire) &
               ~(uint64_t)63; /* acquire: records before it are whole */
    uint64_t end = written(cursor);
    cursor->blocked = false;
    while (cursor->complete < end && cursor->complete - cursor->position < cursor->cap) {
        const struct c4t_record *record = (const void *)(cursor->data + (cursor->complete & (cursor->cap - 1)));
        /* acquire: the record is whole */
        uint32_t mark = atomic_load_explicit(&record->mark, memory_order_acquire);
        uint32_t size = checked_size(record, end - cursor->complete);
        if (mark != (uint32_t)(cursor->complete + size)) size = 0;
        cursor->blocked = !size;
        if (!size) break;
        cursor->complete += size;
    }
    return cursor->complete;
}

uint64_t c4t_cursor_anchor(const struct c4t_cursor *cursor, uint64_t lowest) {
    /* acquire: records before it are whole */
    uint64_t first = cursor->shared ? written(cursor)
                                    : atomic_load_explicit(&cursor->ring->head, memory_order_acquire) & ~(uint64_t)63;
    for (uint32_t i = 0; i < C4T_RING_ANCHORS; i++) {
        /* acquire: `reserved` moved before it */
        uint64_t anchor = atomic_load_explicit(&cursor->ring->anchor[i], memory_order_acquire);
        if (anchor >= lowest && anchor < first && anchor % 64 == 0) first = anchor;
    }
    return first;
}

static bool make_buffer(struct c4t_cursor *cursor) {
    if (cursor->buffer) return true;
    cursor->room = (size_t)(cursor->cap < CHUNK ? cursor->cap : CHUNK) + C4T_RECORD_MAX;
    cursor->buffer = aligned_alloc(64, cursor->room);
    return cursor->buffer != NULL;
}

static void make_room(struct c4t_cursor *cursor) {
    if (!cursor->at || (cursor->at < cursor->end && cursor->room - cursor->end >= C4T_RECORD_MAX)) return;
    memmove(cursor->buffer, cursor->buffer + cursor->at, cursor->end - cursor->at);
    cursor->end -= cursor->at;
    cursor->at = 0;
}

/* Copy ring positions [from, to) behind `end`, as far as they fit. Returns the offset where the copy ends. */
static size_t copy(struct c4t_cursor *cursor, uint64_t from, uint64_t to) {
    uint64_t offset = from & (cursor->cap - 1);
    uint64_t n = cursor->cap - offset; /* up to the lap's end; a record that runs past it is completed by copy_slack */
    if (to - from < n) n = to - from;
    if (cursor->room - cursor->end < n) n = cursor->room - cursor->end;
    memcpy(cursor->buffer + cursor->end, cursor->data + offset, n);
    return cursor->end + (size_t)n;
}

/* The rest of a record of `size` bytes at `offset` of the buffer, whose copy stopped at `stop`, the lap's end. */
static bool copy_slack(struct c4t_cursor *cursor, size_t offset, uint32_t size, size_t stop) {
    if (cursor->room - offset < size) return false;
    memcpy(cursor->buffer + stop, cursor->data + cursor->cap, offset + size - stop);
    return true;
}

/* Check what was copied from ring position `from` on, record by record, and take in what is whole. False: a damaged one stopped it. */
static bool take_in(struct c4t_cursor *cursor, uint64_t from, uint64_t to, size_t stop) {
    uint64_t position = from;
    while (cursor->end < stop) {
        struct c4t_record *record = record_at(cursor, cursor->end);
        uint32_t size = checked_size(record, to - position);
        if (!size || atomic_load_explicit(&record->mark, memory_order_relaxed) != (uint32_t)(position + size))
            return false; /* relaxed: own memory */
        if (size > stop - cursor->end) {
            bool at_lap_end = ((position + (stop - cursor->end)) & (cursor->cap - 1)) == 0;
            if (!at_lap_end || !copy_slack(cursor, cursor->end, size, stop))
                return true; /* next time, with more room */
        }
        if (record->flags & C4T_REC_PLAIN) memset(&record->code, 0, sizeof *record - offsetof(struct c4t_record, code));
        atomic_store_explicit(&record->mark, C4T_COPY_WAITS, memory_order_relaxed); /* relaxed: own memory */
        cursor->end += size;
        position += size;
    }
    return true;
}

static void jump(struct c4t_cursor *cursor, uint64_t position) {
    cursor->jumped = true;
    cursor->at = cursor->end = 0;
    cursor->position = cursor->complete = position;
}

/* Nothing more can be had from `from` on: overwritten, or a damaged record lies there. Go on `spare` bytes before what is overwritten. */
static void jump_from(struct c4t_cursor *cursor, uint64_t from, uint64_t spare) {
    uint64_t lowest = c4t_cursor_lowest(cursor), end = c4t_cursor_anchor(cursor, UINT64_MAX);
    lowest = lowest >= from ? lowest + spare : from + 64;
    uint64_t next = c4t_cursor_anchor(cursor, lowest);
    jump(cursor, next > from ? next : end > from ? end : from);
}

/* Copy more of the ring behind what is in the buffer. False: there is no more now, or not before the buffer is used up. */
static bool load(struct c4t_cursor *cursor) {
    for (int i = 0; i < OVERTAKEN_TRIES; i++) {
        uint64_t from = cursor->position + (cursor->end - cursor->at);
        uint64_t to = published(cursor);
        bool intact = from >= c4t_cursor_lowest(cursor), sound = true;
        if (intact && to <= from) return false;
        if (intact) {
            if (!make_buffer(cursor)) return false;
            make_room(cursor);
            size_t before = cursor->end;
            sound = take_in(cursor, from, to, copy(cursor, from, to));
            c4t_load_fence(); /* the copy was made before `reserved` is read again */
            intact = from >= c4t_cursor_lowest(cursor);
            if (!intact) cursor->end = before;
            if (cursor->end > before) return true;
        }
        if (cursor->at < cursor->end || (intact && sound)) return false;
        jump_from(cursor, from, cursor->cap / 8 << i); /* farther each time: the host is fast */
    }
    return false;
}

void c4t_cursor_look(struct c4t_cursor *cursor) { published(cursor); }

bool c4t_cursor_unblock(struct c4t_cursor *cursor) {
    uint64_t end = written(cursor), begin = cursor->position + (cursor->end - cursor->at);
    if (!cursor->blocked || cursor->at < cursor->end || end - begin > cursor->cap) return false;
    for (uint64_t position = begin + 64; position < end; position += 64) {
        const struct c4t_record *record = (const void *)(cursor->data + (position & (cursor->cap - 1)));
        uint32_t mark = atomic_load_explicit(&record->mark, memory_order_acquire); /* acquire: the record is whole */
        uint32_t size = checked_size(record, end - position);
        if (!size || mark != (uint32_t)(position + size)) continue;
        jump(cursor, position);
        return true;
    }
    return false;
}

struct c4t_record *c4t_cursor_front(struct c4t_cursor *cursor) {
    for (;;) {
        if (cursor->at == cursor->end && !load(cursor)) return NULL;
        struct c4t_record *record = record_at(cursor, cursor->at);
        if (!c4t_copy_is_done(record)) return record;
        cursor->position += record->size;
        cursor->at += record->size;
    }
}

/* Search behind `offset`; *`ended` tells that the buffer ended first. */
static struct c4t_record *find_return(struct c4t_cursor *cursor, size_t offset, bool *ended) {
    uint64_t call = record_at(cursor, offset)->call;
    offset += record_at(cursor, offset)->size;
    for (int i = 0; i < LOOK_AHEAD && offset < cursor->end; i++) {
        struct c4t_record *record = record_at(cursor, offset);
        if (record->call == call && record->flags & C4T_REC_RETURN) return record;
        offset += record->size;
    }
    *ended = offset >= cursor->end;
    return NULL;
}

struct c4t_record *c4t_cursor_return_of_front(struct c4t_cursor *cursor) {
    bool ended = false;
    struct c4t_record *found = find_return(cursor, cursor->at, &ended);
    if (found || !ended) return found;
    bool crowded = cursor->end - cursor->at > CHUNK;
    return !crowded && load(cursor) ? find_return(cursor, cursor->at, &ended) : NULL;
}

void c4t_cursor_pass(struct c4t_cursor *cursor) {
    uint32_t size = c4t_cursor_front(cursor)->size;
    cursor->position += size;
    cursor->at += size;
}

void c4t_cursor_release(struct c4t_cursor *cursor) {
    if (cursor->position == cursor->tail) return;
    cursor->tail = cursor->position;
    /* release: our copies were made before the host sees the room */
    atomic_store_explicit(&cursor->ring->tail, cursor->tail, memory_order_release);
}
