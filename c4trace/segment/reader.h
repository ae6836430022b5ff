/* Reading a trace segment from any process: who it belongs to, its events in one order, its totals and tables.
 *
 * The segment is written by others while it is read, and may be torn, foreign or hostile. Nothing in it is believed: sections and rings
 * are checked when it is opened, every record is copied and checked before it is used, and a reader that was overtaken by the host
 * says so with a gap; of a file that is cut short meanwhile it reads zeros. A reader belongs to one thread at a time; only c4t_reader_stop may be called beside it.
 */
#ifndef C4TRACE_READER_H
#define C4TRACE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "segment.h"

typedef struct c4t_reader c4t_reader;

enum c4t_reader_mode {
    C4T_READ = 0,    /* look only; the mapping is read-only */
    C4T_CONSUME = 1, /* hold the consumer lease: the host records, and what was read makes room */
    C4T_CONTROL = 2  /* look, turn the control word, take exemplars */
};

/* Map the segment at `path`. NULL: `error` holds one line. Refused: what is no regular file of our own user, or lies in a folder others
 * may write to; another layout (says which); sections that do not fit the file; as consumer, a segment that has one.
 * `from_now` (consumer only): skip what the flight recorder holds already. */
struct c4t_reader *c4t_reader_open(const char *path, int mode, int from_now, char *error, size_t error_size);
void c4t_reader_close(struct c4t_reader *reader);
/* The file was cut short after it was opened: what lay behind its new end reads as zeros, so that nothing new is to be believed. */
int c4t_reader_was_cut(const struct c4t_reader *reader);

enum c4t_host_state { C4T_HOST_LIVE = 1, C4T_HOST_DEAD = 2, C4T_HOST_CLOSED = 3, C4T_HOST_ASIDE = 4 };

struct c4t_reader_info {
    char name[64];
    char litecore[64];
    char c4trace[32];
    char status_text[160];
    uint32_t pid;
    uint32_t layout;
    uint32_t state; /* enum c4t_host_state */
    uint32_t clock_source;
    uint32_t factory_size;
    uint32_t dispose_known;
    uint32_t capture;
    uint32_t capture_bytes;
    uint32_t consumer_pid; /* 0: flight recorder */
    uint32_t factories;    /* rows in use */
    uint32_t session_rows; /* room that c4t_reader_sessions may need, and so on */
    uint32_t thread_rows;
    uint32_t closed_rows;
    uint64_t wall_ns; /* CLOCK_REALTIME at t = 0 */
    int64_t now_ns;   /* since then; of a host that is gone: its last sign of life */
    uint64_t sessions_total;
    uint64_t orphans;
    uint64_t lost[C4T_LOSS_COUNT];
    int64_t overhead_ns;
};
void c4t_reader_info(struct c4t_reader *reader, struct c4t_reader_info *info);
/* True when nothing will follow: closed, aside or dead. */
int c4t_reader_host_is_over(struct c4t_reader *reader);

/* Turn the control word. Needs C4T_CONTROL or C4T_CONSUME; returns 0, or -1 without it. */
int c4t_reader_set_capture(struct c4t_reader *reader, uint32_t capture, uint32_t capture_bytes);

/* Events. c4t_reader_look fixes the moment up to which events are given in order, c4t_reader_next gives them one by one. */

enum c4t_view_kind { C4T_VIEW_EVENT = 0, C4T_VIEW_RETURN = 1, C4T_VIEW_GAP = 2 };

/* One event, return or gap. Pointers are into the reader's own copy, valid until the next call with this reader. */
struct c4t_event_view {
    int kind;      /* enum c4t_view_kind */
    uint8_t event; /* enum c4t_event; of a return, that of its event */
    uint8_t flags; /* C4T_REC_ */
    uint16_t factory;
    uint32_t tid;
    uint64_t seq;  /* of the event; of a gap, the last one before it */
    int64_t t_ns;  /* since the header's clock */
    int64_t dt_ns; /* in the callee; -1 not known yet */
    uint64_t sid;
    uint64_t n;   /* bytes; of a gap, events lost */
    uint64_t cut; /* bytes of the slice that are not in data */
    int32_t code;
    uint32_t domain;
    int32_t accepted; /* gotPeerCertificate, once it has returned: 0 or 1; else -1 */
    uint32_t label_size;
    uint32_t text1_size;
    uint32_t text2_size;
    uint32_t data_size;
    uint32_t framing;  /* of the factory, enum c4t_framing: where there is a label */
    const char *label; /* of the factory: open and fromNative */
    const char *text1;
    const char *text2;
    const unsigned char *data;
};

/* What was published until now, less `hold_back_ns`, may be given in order: what happens later cannot belong before it.
 * Returns 0, or -1 when another process has taken the consumer lease. */
int c4t_reader_look(struct c4t_reader *reader, uint64_t hold_back_ns);
/* The last look: everything there is, then what rings have not yet said they lost. */
void c4t_reader_look_finally(struct c4t_reader *reader);
/* The next one in order: 1, or 0 when the look is exhausted. */
int c4t_reader_next(struct c4t_reader *reader, struct c4t_event_view *view);
/* What was given is done with: a consumer frees its room. */
void c4t_reader_done(struct c4t_reader *reader);

/* JSON Lines: one line with its newline, in the format of recordings; at most c4t_line_max(view) bytes are touched, not
 * terminated. */
size_t c4t_line_max(const struct c4t_event_view *view);
struct
    c4t_line_head; /* line_head.h: what its lines have in common; for each who writes lines, one that was all zero to begin with */
size_t c4t_line(struct c4t_line_head *head, const struct c4t_event_view *view, char *out);

/* Collecting: looks, waits and writes lines until there is something worth a caller's time. */

#define C4T_WANT_TEXT 1u      /* every line */
#define C4T_WANT_LIFECYCLE 2u /* lines of lifecycle events and gaps once more, on their own */

#define C4T_BATCHES                                                                                                    \
    8u /* texts that a reader keeps: one is overwritten by the eighth after it, empty ones not counted */

struct c4t_batch { /* but for `text`, valid until the next call with this reader */
    const char *text;
    size_t text_size;
    const char *notices; /* lifecycle lines */
    size_t notices_size;
    const uint64_t *begun; /* sids of open and fromNative in text */
    size_t begun_count;
    uint64_t events; /* events in text */
    uint64_t lost;   /* events that its gaps stand for */
    double unread;   /* of the fullest ring, as a part of its size, when the last look began; 0 where there was none */
    int over;        /* 1: nothing will follow, drain; 2: the lease was lost; 3: as 1, for the file was cut short */
};

/* Waits up to `wait_us` while there is little to say; returns early with a notice, a full buffer, when stopped, or at the host's end. */
void c4t_reader_collect(struct c4t_reader *reader, uint32_t wants, uint32_t wait_us, struct c4t_batch *batch);
/* The same for everything that is left, without waiting; 0 when there was nothing more. */
int c4t_reader_drain(struct c4t_reader *reader, uint32_t wants, struct c4t_batch *batch);
/* Begin anew with the oldest record the rings hold; from now on only lines of session `sid` are collected and drained, and gaps that may be
 * its. 0: of all. Not in mode C4T_CONSUME: then, or out of memory, -1, and nothing more may be collected. */
int c4t_reader_follow(struct c4t_reader *reader, uint64_t sid);
/* From any thread: let a running or the next c4t_reader_collect return at once. */
void c4t_reader_stop(struct c4t_reader *reader);

/* Totals and tables, as they are now. */

#define C4T_BOUNDS_MAX 63u

/* One event or latency of one factory, summed over all threads. buckets[i] counts values in (bounds[i-1], bounds[i]], the last one the rest. */
struct c4t_total {
    uint64_t n;
    uint64_t bytes;
    uint64_t done; /* = the sum of buckets */
    double seconds;
    uint64_t slowest_sid; /* 0: no exemplar */
    double slowest_seconds;
    double slowest_wall; /* seconds since the epoch */
    uint64_t buckets[C4T_BOUNDS_MAX + 1];
};
#define C4T_TOTALS (C4T_EV_COUNT + C4T_LAT_COUNT) /* events by number, then latencies */

/* Fill `totals` of one factory; `bounds` in seconds, ascending. With `take`, exemplars begin anew (not in mode C4T_READ). Counts never
 * go down from one call to the next; they are exact once the host is quiet. -1: bad arguments. */
int c4t_reader_totals(struct c4t_reader *reader, uint32_t factory, const double *bounds, uint32_t bound_count, int take,
                      struct c4t_total totals[C4T_TOTALS]);

/* How often each event of one factory happened, and its bytes: what c4t_reader_totals says, without times and at a fraction of its cost. */
struct c4t_count {
    uint64_t n;
    uint64_t bytes;
};
void c4t_reader_counts(struct c4t_reader *reader, uint32_t factory, struct c4t_count counts[C4T_EV_COUNT]);

struct c4t_factory_copy {
    char label[48];
    uint32_t framing;
    uint32_t upcalls;
    uint32_t releases; /* enum c4t_upcalls_seen */
    uint64_t sessions;
    int64_t states[C4T_STATE_COUNT];
};
int c4t_reader_factory(struct c4t_reader *reader, uint32_t factory, struct c4t_factory_copy *copy);

struct c4t_slices_copy { /* what `write` handed over, and what became of it; the rest is held */
    uint64_t written, written_bytes;
    uint64_t released, released_bytes;
    uint64_t unfollowed, unfollowed_bytes;
};
/* Never more released and unfollowed than written. -1: no such factory. */
int c4t_reader_slices(struct c4t_reader *reader, uint32_t factory, struct c4t_slices_copy *copy);

struct c4t_closed_copy {
    uint32_t factory;
    uint32_t domain;
    int32_t code;
    uint32_t reserved;
    uint64_t n;
};
uint32_t c4t_reader_closed(struct c4t_reader *reader, struct c4t_closed_copy *copies, uint32_t room);

struct c4t_session_copy { /* times: nanoseconds since the header's clock; INT64_MIN: has not happened */
    uint64_t sid;
    int64_t t_last, t_open, t_opened, t_closing, t_closed, t_disposed;
    uint64_t flows[8]; /* n and bytes of write, completedWrite, received, completedReceive */
    uint64_t lost;
    uint64_t held, held_bytes; /* slices of write not released; 0 where releases are not visible */
    uint32_t factory, state, flags, last_event;
    int32_t http_status;
    uint32_t error_domain;
    int32_t error_code;
    char address[84];
};
uint32_t c4t_reader_sessions(struct c4t_reader *reader, struct c4t_session_copy *copies, uint32_t room);

struct c4t_flight_copy {
    uint64_t sid;
    int64_t ns;    /* how long the thread has been in it */
    int64_t began; /* since when, ns since the segment began: the time of its event */
    uint32_t tid;
    uint32_t event;
    char name[16];
};
uint32_t c4t_reader_flights(struct c4t_reader *reader, struct c4t_flight_copy *copies, uint32_t room);

#endif
