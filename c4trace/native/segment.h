/* The trace segment: the one interface between the host process, which writes it, and everything else, which reads it.
 *
 * A segment is one file, mapped shared. All offsets are bytes from its start, all numbers are little-endian, all strings are UTF-8 and
 * NUL-terminated. "host" below means a thread of the traced process; "reader" any process that maps the file; "consumer" the one reader
 * that holds the consumer lease and frees ring space. A reader must trust nothing: the file may be torn, foreign or hostile.
 *
 * Order of sections: header (one page), factories, closed counts, sessions, threads, cells, rings, ring data.
 */
#ifndef C4TRACE_SEGMENT_H
#define C4TRACE_SEGMENT_H

#include <stdatomic.h>
#include <stdint.h>

#define C4T_SEGMENT_MAGIC 0x314745534354344Bull
#define C4T_SEGMENT_LAYOUT 5u /* raised by every change that an older reader could misread */
#define C4T_HEADER_SIZE 4096u

/* Events: 1-7 are calls, 8-15 up-calls. The numbers are part of the layout. */
enum c4t_event {
    C4T_EV_NONE = 0,
    C4T_EV_OPEN = 1,
    C4T_EV_WRITE = 2,
    C4T_EV_COMPLETED_RECEIVE = 3,
    C4T_EV_CLOSE = 4,
    C4T_EV_REQUEST_CLOSE = 5,
    C4T_EV_DISPOSE = 6,
    C4T_EV_ATTACHED = 7,
    C4T_EV_FROM_NATIVE = 8,
    C4T_EV_GOT_PEER_CERTIFICATE = 9,
    C4T_EV_GOT_HTTP_RESPONSE = 10,
    C4T_EV_OPENED = 11,
    C4T_EV_RECEIVED = 12,
    C4T_EV_COMPLETED_WRITE = 13,
    C4T_EV_CLOSE_REQUESTED = 14,
    C4T_EV_CLOSED = 15,
    C4T_EV_COUNT = 16,
    C4T_EV_GAP = 16 /* in records only: events of this ring were lost here */
};

/* Latencies between two events of a session; each has a cell beside those of the events. */
enum c4t_latency {
    C4T_LAT_OPEN = 0,        /* open (or fromNative) to opened */
    C4T_LAT_WRITE_ACK = 1,   /* a write to the completedWrite that covers its last byte */
    C4T_LAT_RECEIVE_ACK = 2, /* a received to the completedReceive that covers its last byte */
    C4T_LAT_CLOSE = 3,       /* first close / requestClose to closed */
    C4T_LAT_SESSION = 4,     /* open (or fromNative) to closed */
    C4T_LAT_COUNT = 5
};

/* What is put into the rings; counters and histograms are kept at every level. Low 32 bits of `control`; high 32 bits: N of C4T_CAPTURE_BYTES.
 * Who writes `control` says the same in all thread rows: c4t_turn_capture. */
enum c4t_capture {
    C4T_CAPTURE_OFF = 0,     /* no events */
    C4T_CAPTURE_EVENTS = 1,  /* events with sizes, statuses and times, no text */
    C4T_CAPTURE_HEADERS = 2, /* and address, redacted options, redacted response headers, messages, hostname */
    C4T_CAPTURE_BYTES = 3,   /* and the first N bytes of every write and received */
    C4T_CAPTURE_FULL = 4     /* and all bytes of every write and received (up to C4T_PAYLOAD_MAX) */
};

/* What a thread's events do by the capture level. None of them is an event, so that one look tells both. */
enum c4t_depth {
    C4T_DEPTH_NUMBERS = 0,     /* count */
    C4T_DEPTH_RECORDS = 0x100, /* and are recorded, writes and receives without bytes */
    C4T_DEPTH_BYTES = 0x200,   /* and with some */
    C4T_DEPTH_VOID = 0x400     /* nothing: the row is nobody's */
};

enum c4t_clock_source { C4T_CLOCK_MONOTONIC = 0, C4T_CLOCK_TSC = 1, C4T_CLOCK_CNTVCT = 2 };

/* What became of the tracer; text in `status_text`. */
enum c4t_status {
    C4T_STATUS_LIVE = 1,   /* tracing; dead if `pid` (with `pid_start`) no longer runs */
    C4T_STATUS_CLOSED = 2, /* closed in good order: nothing follows */
    C4T_STATUS_ASIDE = 3   /* c4trace stepped aside: calls pass untraced since then */
};

enum c4t_session_state {
    C4T_STATE_FREE = 0,
    C4T_STATE_OPENING = 1,  /* open or fromNative seen */
    C4T_STATE_OPEN = 2,     /* opened seen */
    C4T_STATE_CLOSING = 3,  /* close, requestClose or closeRequested seen */
    C4T_STATE_CLOSED = 4,   /* closed seen */
    C4T_STATE_DISPOSED = 5, /* dispose seen (or, with a NULL dispose, closed seen): the row is reused some time later */
    C4T_STATE_COUNT = 6
};

enum c4t_loss {
    C4T_LOSS_RING_FULL =
        0, /* the newest event was dropped: the ring was full while recording; the rings' numbers, not the header's */
    C4T_LOSS_OVERWRITTEN = 1, /* flight recorder: counted by the consumer for what it had not read yet */
    C4T_LOSS_LATENCY =
        2, /* an ack latency that was not measured (many threads at once in one direction of a session): the header's
                               * number and those of all thread rows */
    C4T_LOSS_SESSION_ROW = 3, /* a session without a row: counted and recorded, but not in the session table */
    C4T_LOSS_THREAD_SLOT = 4, /* a thread without a slot: its events are complete, its in-flight call is not shown */
    C4T_LOSS_INTERNAL = 5,    /* an event that could not be recorded because of an internal error */
    C4T_LOSS_RETURN =
        6, /* a return record that found no room: its event is on record without duration, the histogram has it */
    C4T_LOSS_COUNT = 7
};

/* One section of the segment: `count` entries of `stride` bytes from `offset`. */
struct c4t_section {
    uint64_t offset;
    uint32_t stride;
    uint32_t count;
};

struct c4t_segment_header {
    _Atomic uint64_t magic; /* host: written last at creation, so a half-made segment is never read */
    uint32_t layout;
    uint32_t header_size;
    uint64_t size; /* of the whole file */
    uint32_t pid;
    uint32_t clock_source;  /* enum c4t_clock_source */
    uint64_t pid_start;     /* when the process started (field 22 of /proc/pid/stat): tells pid reuse */
    uint8_t boot_id[16];    /* of the boot the ticks belong to */
    uint64_t wall_ns;       /* CLOCK_REALTIME at creation */
    uint64_t monotonic_ns;  /* CLOCK_MONOTONIC at creation */
    uint64_t ticks;         /* the trace clock at creation */
    uint64_t ticks_per_sec; /* first estimate; a reader refines it with a later pair of clock readings */
    uint32_t factory_size;  /* 64, 72, or 0 where no LiteCore is known yet */
    uint32_t dispose_known; /* 1: sessions end at dispose */
    char name[64];
    char litecore_version[64];
    char c4trace_version[32];

    struct c4t_section factories; /* struct c4t_factory_row */
    struct c4t_section closed;    /* struct c4t_closed_row */
    struct c4t_section sessions;  /* struct c4t_session_row */
    struct c4t_section threads;   /* struct c4t_thread_row */
    struct c4t_section cells;     /* struct c4t_cells */
    struct c4t_section rings;     /* struct c4t_ring */

    _Alignas(64) _Atomic uint64_t control; /* any writer: capture level | N << 32 */
    _Atomic uint32_t status;               /* host: enum c4t_status */
    _Atomic uint32_t factory_count;        /* host: rows in use */
    _Atomic uint32_t session_top;          /* host: rows ever used (the rest is zero) */
    _Atomic uint32_t thread_top;           /* host: likewise */
    _Atomic uint32_t cells_top;            /* host: likewise */
    _Atomic uint32_t closed_top;           /* host: likewise */
    char status_text[160];                 /* host: why c4trace stepped aside */

    _Alignas(64) _Atomic uint32_t consumer_pid; /* consumer: 0 = flight recorder, else record mode */
    _Atomic uint32_t bell; /* the futex that a consumer sleeps at; host: 1 where a ring fills; consumer: 0 at a look */
    _Atomic uint64_t consumer_beat; /* consumer: trace clock of its last look; a beat older than 3 s ends the lease */

    _Alignas(64) _Atomic uint64_t
        lost[C4T_LOSS_COUNT];        /* host (C4T_LOSS_OVERWRITTEN: consumer): events lost, by enum c4t_loss */
    _Atomic uint64_t sessions_total; /* host: last session id given; ids start at 1 */
    _Atomic uint64_t orphans; /* host: up-calls for sockets c4trace never saw; forwarded, not counted elsewhere */
};

#define C4T_FACTORIES_MAX 16u

enum c4t_upcalls_seen {
    C4T_UPCALLS_NOT_VISIBLE = 0,
    C4T_UPCALLS_TABLE = 1,      /* the factory was given the tracing up-calls */
    C4T_UPCALLS_RELOCATION = 2, /* the relocations of its library were turned */
    C4T_UPCALLS_INTERPOSED = 3  /* symbol interposition */
};

struct c4t_factory_row { /* 128 bytes; written by the host when it wraps */
    char label[48];
    uint32_t framing;
    uint32_t size;
    _Atomic uint32_t upcalls; /* enum c4t_upcalls_seen */
    _Atomic uint32_t
        releases; /* the same for releases of what `write` handed over: where not visible, none are counted */
    _Atomic uint64_t sessions;               /* opened so far */
    _Atomic int64_t states[C4T_STATE_COUNT]; /* sessions now in each state (FREE and DISPOSED are not kept) */
    uint64_t pad;
};

/* 32 bytes: how often a factory's sessions closed with this error; the last row takes the rest (code INT32_MIN). */
struct c4t_closed_row {
    uint32_t factory;
    uint32_t domain;
    int32_t code;
    uint32_t reserved;
    _Atomic uint64_t n;
    uint64_t pad;
};

/* A direction's progress. Written by the host under the session's private lock of that direction, read by anyone. */
struct c4t_flow {
    _Atomic uint64_t n;
    _Atomic uint64_t bytes;
};

#define C4T_SESSION_INCOMING 1u     /* came by fromNative */
#define C4T_SESSION_HALF 2u         /* up-calls not visible */
#define C4T_SESSION_ADOPTED 4u      /* its open was not seen */
#define C4T_SESSION_VANISHED 8u     /* its address was reused before a dispose */
#define C4T_SESSION_ADDRESS_CUT 16u /* address is longer than the row holds; the open event has all of it */

/* 256 bytes. sid is zeroed first and set last: a copy is good if sid is the same before and after. */
struct c4t_session_row {
    _Atomic uint64_t sid;
    uint64_t socket; /* host address of the C4Socket, a key only */
    uint32_t factory;
    _Atomic uint32_t state; /* enum c4t_session_state */
    _Atomic uint32_t flags;
    _Atomic uint32_t last_event;
    _Atomic uint64_t t_last; /* all t_: trace clock; 0 = has not happened */
    _Atomic uint64_t t_open;
    _Atomic uint64_t t_opened;
    _Atomic uint64_t t_closing;
    _Atomic uint64_t t_closed;
    _Atomic uint64_t t_disposed;
    struct c4t_flow write, completed_write, received, completed_receive;
    _Atomic uint64_t lost;       /* events of this session that are not in a ring */
    _Atomic uint64_t held;       /* slices of write not yet released: low 16 bits of sid << 48 | number << 32 | bytes */
    _Atomic int32_t http_status; /* of gotHTTPResponse; 0 = none */
    _Atomic uint32_t error_domain; /* of closed */
    _Atomic int32_t error_code;
    char address[84];
};

#define C4T_NO_RING UINT32_MAX

#define C4T_ENTERING 255u /* as the event of a flight: it is being counted and recorded, its callee has not begun */
#define C4T_FLIGHT(sid, event) ((uint64_t)(sid) << 8 | (event))
#define C4T_FLIGHT_EVENT(flight) ((uint32_t)((flight) & 255u))
#define C4T_FLIGHT_SID(flight) ((flight) >> 8)

struct c4t_thread_row {    /* 128 bytes; written by the one thread that holds it */
    _Atomic uint32_t tid;  /* 0 = free */
    _Atomic uint32_t ring; /* index of its own ring, or of the shared one */
    char name[16];
    _Atomic uint64_t flight_since; /* trace clock at entry of the innermost call the thread is in */
    _Atomic uint64_t flight;       /* C4T_FLIGHT of its session and of which it is, 0 = none; while it is C4T_ENTERING,
                                    * `flight_since` may be that of another; written first and last at entry, and at return */
    _Atomic uint32_t depth;        /* enum c4t_depth; written by the host and by whoever writes `control` */
    uint32_t pad0;
    _Atomic uint64_t calls;          /* once the thread has ended: number of its last event, as in `call` of a record */
    _Atomic uint64_t overhead_ticks; /* sampled cost of c4trace itself, scaled to all events */
    _Atomic uint64_t unmeasured;     /* adds to lost[C4T_LOSS_LATENCY] */
    uint64_t pad[7];
};

/* Histogram: values below 16 ticks have a bucket each, then 16 buckets an octave: bucket(v) = 16 * (e - 3) + ((v >> (e - 4)) & 15)
 * with e = index of the highest bit. Values of 2^48 ticks and more fall into the last bucket. */
#define C4T_HIST_BUCKETS 720u

struct c4t_cell {                 /* one event or latency of one factory */
    _Atomic uint64_t n;           /* how many began */
    _Atomic uint64_t bytes;       /* bytes of write, received, completedWrite, completedReceive */
    uint64_t who;                 /* host: event, flags, factory and tid of the records of whoever writes here */
    _Atomic uint64_t sum;         /* ticks of those that ended */
    _Atomic uint64_t slowest_sid; /* exemplar: the session of the slowest one since a reader zeroed slowest_ticks */
    _Atomic uint64_t slowest_ticks;
    _Atomic uint64_t slowest_at; /* trace clock */
    _Atomic uint64_t pending;    /* ticks of the newest one that ended, see below */
    _Atomic uint64_t hist[C4T_HIST_BUCKETS];
};

/* An event that ends puts its duration into `pending` and then what was there before into the histogram: so that it never waits for the
 * cache to bring its bucket. The first one puts in the 0 that it finds there. So a histogram of events has one 0 too many and lacks
 * `pending`; a reader that reads the histogram first never takes one for two. Shared cells and those of latencies have no
 * `pending`: theirs go into the histogram at once. */
#define C4T_CELLS_SHARED 1u

/* Slices that `write` handed over, and what became of them (rule C4S-030). Only of factories whose releases are visible. */
struct c4t_slice_count {
    _Atomic uint64_t n;
    _Atomic uint64_t bytes;
};

/* The cells of one factory, written by one thread at a time (or, shared, by all threads past the pool with atomic adds). Totals are the
 * sum over all blocks of a factory. A block outlives its thread: the next one goes on adding. */
struct c4t_cells {
    _Atomic uint32_t factory; /* index + 1; 0 = block not in use yet */
    uint32_t flags;
    struct c4t_slice_count written;    /* slices with bytes */
    struct c4t_slice_count released;   /* of those; maybe by another thread than wrote */
    struct c4t_slice_count unfollowed; /* of those: no room to follow them, or released where it was not seen */
    uint64_t pad;
    struct c4t_cell event[C4T_EV_COUNT];
    struct c4t_cell latency[C4T_LAT_COUNT];
};

/* Rings. A position is a byte count since the ring began, always a multiple of 64; a record at position p lies at data + (p & (cap - 1))
 * and is never split: it may run past cap into the slack of C4T_RECORD_MAX bytes behind it. The next record starts at p + its size. */
#define C4T_PAYLOAD_MAX (128u * 1024u)
#define C4T_RECORD_MAX (C4T_PAYLOAD_MAX + 4096u)
#define C4T_RING_ANCHORS 16u
#define C4T_RING_GAPS 4u

struct c4t_gap {
    _Atomic uint64_t sid; /* 0: of several sessions */
    _Atomic uint64_t n;
};

struct c4t_ring {
    _Atomic uint64_t
        head; /* producer: all records before it are complete (shared ring: unused, each record tells by its mark) */
    _Atomic uint64_t reserved; /* producer: bytes before (reserved - cap) are or may be overwritten at any moment */
    uint64_t cap;              /* power of two */
    uint64_t data;             /* offset in the segment */
    uint32_t shared;           /* 1: many producers */
    uint32_t pad0;
    _Atomic uint64_t dropped; /* producer: adds to lost[C4T_LOSS_RING_FULL] */
    uint64_t pad1[2];
    _Alignas(64) _Atomic uint64_t tail; /* consumer: it has read everything before it */
    uint64_t pad2[7];
    /* producer: anchor[b] = position of the first record that starts in the b-th sixteenth of the ring, in its newest lap; a reader
     * without a tail starts at the smallest anchor >= reserved - cap */
    _Alignas(64) _Atomic uint64_t anchor[C4T_RING_ANCHORS];
    /* producer: events lost since the last gap record, by session; written to the ring as gap records when there is room again */
    _Alignas(64) struct c4t_gap gap[C4T_RING_GAPS];
};

#define C4T_REC_RETURN 1u      /* the event `call` returned; ticks: when; dt: ticks spent in the callee */
#define C4T_REC_CUT 2u         /* fewer bytes stored than there were */
#define C4T_REC_ADDRESS 4u     /* text1 is an address (open, fromNative) */
#define C4T_REC_REDACTED 8u    /* something in the text was replaced */
#define C4T_REC_UNREADABLE 16u /* options or headers were no valid Fleece; not recorded */
#define C4T_REC_FALSE 32u      /* on a return record of gotPeerCertificate: it returned false */

#define C4T_REC_PLAIN 64u /* `code` and all behind it mean 0 */

/* A record: this header, then text1, text2 and data without padding between them, padded to a multiple of 64. Of a return record only mark,
 * size, event, flags, ticks, call and n mean anything. */
struct c4t_record {        /* 64 bytes */
    _Atomic uint32_t mark; /* position + size, low 32 bits; in a shared ring written last */
    uint32_t size;         /* whole record, multiple of 64 */
    uint8_t event;         /* enum c4t_event */
    uint8_t flags;         /* C4T_REC_ */
    uint16_t factory;
    uint32_t tid;
    uint64_t ticks; /* trace clock at entry; of a return record, at return */
    uint64_t sid;   /* 0 = unknown socket */
    uint64_t call; /* unique in the segment: thread slot << 40 | number in that thread of all events that it recorded or
                    * had to drop; the same in the return record */
    uint64_t n;    /* bytes of write/received/completed*; events lost for a gap; on a return record: dt in ticks */
    int32_t code;  /* status of requestClose, closeRequested, gotHTTPResponse; error code of closed */
    uint16_t domain; /* error domain of closed */
    uint16_t text1; /* bytes of: address (open, fromNative), message (requestClose, closeRequested, closed), hostname */
    uint32_t text2; /* bytes of: redacted options as JSON (open), redacted headers as JSON (gotHTTPResponse) */
    uint32_t data;  /* bytes stored of write's or received's slice, or of the certificate at full capture */
};

static inline uint32_t c4t_depth_of(uint64_t control) {
    uint32_t level = (uint32_t)control;
    if (level > C4T_CAPTURE_FULL) return C4T_DEPTH_VOID;
    if (level == C4T_CAPTURE_OFF) return C4T_DEPTH_NUMBERS;
    return level < C4T_CAPTURE_BYTES ? C4T_DEPTH_RECORDS : C4T_DEPTH_BYTES;
}

/* Write `control`, and what follows from it into all thread rows of the segment at `base`. A thread that takes a row meanwhile looks at
 * `control` after having written its `depth`, and others that turn it do as we do: the last one finds them the same. */
static inline void c4t_turn_capture(unsigned char *base, const struct c4t_section *threads, uint64_t control) {
    struct c4t_segment_header *header = (struct c4t_segment_header *)(void *)base;
    atomic_store(&header->control,
                 control); /* seq_cst, all: before the rows are, and each before the look that follows */
    for (;;) {
        for (uint32_t i = 0; i < threads->count; i++) {
            void *row = base + threads->offset + (uint64_t)i * threads->stride;
            atomic_store(&((struct c4t_thread_row *)row)->depth, c4t_depth_of(control));
        }
        uint64_t now = atomic_load(&header->control);
        if (now == control) return;
        control = now;
    }
}

_Static_assert(sizeof(struct c4t_segment_header) <= C4T_HEADER_SIZE, "header fits its page");
_Static_assert(sizeof(struct c4t_factory_row) == 128, "factory row");
_Static_assert(sizeof(struct c4t_closed_row) == 32, "closed row");
_Static_assert(sizeof(struct c4t_session_row) == 256, "session row");
_Static_assert(sizeof(struct c4t_thread_row) == 128, "thread row");
_Static_assert(sizeof(struct c4t_cell) == 64 + 8 * C4T_HIST_BUCKETS, "cell");
_Static_assert(sizeof(struct c4t_cells) % 64 == 0, "cells");
_Static_assert(sizeof(struct c4t_ring) % 64 == 0, "ring");
_Static_assert(sizeof(struct c4t_record) == 64, "record header");

#endif
