/* What a reader keeps in private memory. */
#ifndef C4TRACE_READER_STATE_H
#define C4TRACE_READER_STATE_H

#include <stdbool.h>

#include "clock.h"
#include "cursor.h"
#include "line_head.h"
#include "mapping.h"
#include "reader.h"
#include "returns.h"
#include "timeline.h"

#define C4T_LAST_SEQS 8192u /* sessions whose last event number is remembered for gaps */

struct c4t_last_seq {
    uint64_t sid, seq;
};

/* How far a thread's slot has come, to count what was overwritten. */
struct c4t_slot_progress {
    uint64_t number;   /* of its last event seen */
    uint64_t jumps;    /* value of c4t_merge.jumps then */
    uint64_t ended_at; /* number of the last event of threads that have ended */
};

struct c4t_merge {
    uint64_t limit; /* ticks: only what is earlier may be given */
    uint64_t now;   /* ticks of the look */
    bool finally;
    uint64_t *front;          /* per cursor: ticks of its front, UINT64_MAX without one */
    uint32_t best;            /* cursor whose front is the earliest */
    uint64_t runner_up;       /* ticks of the earliest front of the others */
    struct c4t_cursor *given; /* its front was given and is still looked at */
    uint64_t seq;
    uint64_t gaps;                /* events lost, as given so far */
    uint32_t last_ring, last_gap; /* finally: next ring->gap[] to give */
    uint32_t more_looks;          /* finally: how often it may still look again where the host has overtaken it */
    uint64_t jumps;
    uint64_t
        missing; /* events whose numbers were not seen: overwritten, dropped, or put into no ring at capture level off */
    struct c4t_slot_progress *slots; /* by thread slot */
    uint32_t slot_count;
    bool from_start; /* nothing was overwritten when reading began */
    struct c4t_last_seq *last_seqs;
    struct c4t_returns returns;
    char label[48];
};

struct c4t_collected {
    char *texts[C4T_BATCHES]; /* in turn */
    uint32_t turn;
    char *text, *notices; /* of the batch at hand */
    uint64_t *begun;
    size_t text_size, notices_size, begun_count;
    struct c4t_line_head head;
    uint64_t looked_ns; /* when the last look was done with */
    bool more;          /* the last look stopped because the buffer was full */
    bool draining;
    uint64_t only_sid; /* lines of other sessions are left out; 0: of none */
};

struct c4t_reader {
    unsigned char *map;
    uint64_t size;
    struct c4t_mapping *guard; /* NULL: of our own process */
    int mode;
    int file;
    bool same_boot;
    uint32_t pid;                    /* of this process, as consumer */
    struct c4t_segment_header *live; /* mapped: only its atomics and texts are read from here */
    struct c4t_segment_header facts; /* what never changes, copied once and checked */
    struct c4t_timeline timeline;
    struct c4t_cursor *cursors; /* one a ring */
    uint32_t cursor_count;
    struct c4t_merge merge;
    struct c4t_collected collected;
    _Atomic uint32_t stop;
    uint64_t host_seen_ns;          /* when the host's process was last seen to run */
    uint64_t dropped_at_attach;     /* by all rings until then */
    uint64_t overwritten;           /* of lost[OVERWRITTEN], what this reader added */
    int64_t given_overhead_ns;      /* the highest given so far: it never goes down */
    struct c4t_total *given_totals; /* the highest given so far, by factory: counts never go down */
};

/* Entry `i` of a section; the caller knows that i < count. */
static inline void *c4t_entry_of(const struct c4t_reader *reader, const struct c4t_section *section, uint32_t i) {
    return reader->map + section->offset + (uint64_t)i * section->stride;
}

static inline uint64_t c4t_now(const struct c4t_reader *reader) { return c4t_clock_ticks(reader->facts.clock_source); }

/* A count that the host keeps, never more than the section has room for. */
static inline uint32_t c4t_rows_in_use(const _Atomic uint32_t *top, const struct c4t_section *section) {
    uint32_t n = atomic_load_explicit(top, memory_order_acquire); /* acquire: the rows before it are whole */
    return n < section->count ? n : section->count;
}

/* facts.c: ticks of "now"; of a host that is gone, of its last sign of life. `state`: enum c4t_host_state. */
uint64_t c4t_moment(struct c4t_reader *reader, uint32_t state);

/* Copy text of a fixed field: up to its NUL, terminated. */
void c4t_copy_text(char *to, const char *from, size_t size);

/* tables.c: row `i`, which is in use, of the session table. False where it holds no session, or changes while it is copied. */
bool c4t_copy_session(const struct c4t_reader *reader, uint32_t i, struct c4t_session_copy *copy);

/* merge.c */
int c4t_merge_begin(struct c4t_reader *reader);
void c4t_merge_end(struct c4t_reader *reader);
/* The clock, read before any head that is loaded afterwards. */
uint64_t c4t_now_before_heads(const struct c4t_reader *reader);

/* missing.c */
/* Take in the number of an event. Returns how many events are missing that no gap has told of. */
uint64_t c4t_untold_before(struct c4t_reader *reader, struct c4t_cursor *cursor, const struct c4t_record *record);
/* Finally: the same for threads that have ended, whose last events nothing may follow. */
uint64_t c4t_untold_at_the_end(struct c4t_reader *reader);
/* Before the last look, so that events up to these numbers are in it. */
void c4t_read_ended_threads(struct c4t_reader *reader);
/* Events that all rings have dropped: C4T_LOSS_RING_FULL. */
uint64_t c4t_dropped(const struct c4t_reader *reader);
/* Keep lost[OVERWRITTEN] such that all gaps given are all losses counted. */
void c4t_count_overwritten(struct c4t_reader *reader);

/* lease.c: the consumer's part of the header. */
int c4t_lease_take(struct c4t_reader *reader, int from_now, char *error, size_t error_size);
/* Renew it; -1 when somebody else holds it. */
int c4t_lease_beat(struct c4t_reader *reader);
void c4t_lease_drop(struct c4t_reader *reader);
void c4t_start_cursors(struct c4t_reader *reader, int from_now);

/* process.c */
/* Does this process run, and is it the one that began at `start` (clock ticks since boot, 0: any)? */
bool c4t_process_runs(uint32_t pid, uint64_t start);
bool c4t_is_this_boot(const uint8_t boot_id[16]);

#endif
