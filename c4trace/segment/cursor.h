/* One ring as a reader goes through it: copied out piece by piece, every record checked before anyone sees it. */
#ifndef C4TRACE_CURSOR_H
#define C4TRACE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "segment.h"

struct c4t_cursor {
    struct c4t_ring *ring; /* mapped; `tail` is stored by a consumer only */
    const unsigned char *data;
    uint64_t cap;
    bool shared;
    bool blocked;          /* shared: a record that was begun is not complete, so what lies behind it cannot be seen */
    bool jumped;           /* records were skipped: overwritten before they were copied, or damaged */
    uint64_t complete;     /* shared: position up to which records are known to be complete */
    uint64_t clear_ticks;  /* shared: when it was last looked at and not blocked */
    uint64_t position;     /* in the ring, of buffer[at] */
    uint64_t tail;         /* as last stored */
    unsigned char *buffer; /* whole, valid records from `at` to `end`; made when the ring is first used */
    size_t room, at, end;
};

/* What was loaded before is loaded before what follows. (An acquire fence of C11 would do; ThreadSanitizer does not know those.) */
static inline void c4t_load_fence(void) {
#if defined(__aarch64__)
    __asm__ volatile("dmb ishld" ::: "memory");
#else
    __asm__ volatile("" ::: "memory"); /* x86 keeps loads in order */
#endif
}

/* In a reader's copy `mark` has done its work and holds one of these. */
#define C4T_COPY_WAITS 0u
#define C4T_COPY_DONE 1u

static inline bool c4t_copy_is_done(const struct c4t_record *record) {
    return atomic_load_explicit(&record->mark, memory_order_relaxed) ==
           C4T_COPY_DONE; /* relaxed: the reader's own memory */
}
static inline void c4t_copy_set_done(struct c4t_record *record) {
    atomic_store_explicit(&record->mark, C4T_COPY_DONE, memory_order_relaxed); /* relaxed: as above */
}

void c4t_cursor_close(struct c4t_cursor *cursor);
/* Positions before this one are or will be overwritten; 0 in the ring's first lap. */
uint64_t c4t_cursor_lowest(const struct c4t_cursor *cursor);
/* The first position at or after `lowest` at which a record is known to begin. */
uint64_t c4t_cursor_anchor(const struct c4t_cursor *cursor, uint64_t lowest);
void c4t_cursor_start(struct c4t_cursor *cursor, uint64_t position);
/* Shared: see whether it is `blocked`. */
void c4t_cursor_look(struct c4t_cursor *cursor);
/* Shared and blocked, of a host that is gone: go on behind the incomplete record. False if there is nothing behind it. */
bool c4t_cursor_unblock(struct c4t_cursor *cursor);
/* The next record that is not done, or NULL. Valid until the cursor is used again. */
struct c4t_record *c4t_cursor_front(struct c4t_cursor *cursor);
/* The return record of the event in front, if it is published and not far away. The front may move in memory. */
struct c4t_record *c4t_cursor_return_of_front(struct c4t_cursor *cursor);
/* The front is done with. */
void c4t_cursor_pass(struct c4t_cursor *cursor);
/* Consumer: everything done with makes room. */
void c4t_cursor_release(struct c4t_cursor *cursor);

#endif
