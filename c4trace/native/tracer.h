/* What the host side keeps in private memory: tracers, wrapped factories, sessions, threads, ports. Nothing here is ever freed while the
 * process lives: LiteCore's threads may call in at any time, also after a tracer was closed and during exit.
 */
#ifndef C4TRACE_TRACER_H
#define C4TRACE_TRACER_H

#include <pthread.h>
#include <stdatomic.h>

#include "c4trace.h"
#include "clock.h"
#include "segment.h"

#define C4T_LIKELY(x) __builtin_expect(!!(x), 1)
#define C4T_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define C4T_HOT                                                                                                        \
    static inline __attribute__((always_inline)) /* part of every traced call; gcc would make calls of them */
/* A relaxed load of an aligned number: the same instruction as any other load, but of that gcc makes one with what follows. */
#if defined(C4TRACE_SANITIZED)
#define C4T_LOAD(type, from) atomic_load_explicit(from, memory_order_relaxed)
#else
#define C4T_LOAD(type, from) (*(type const *)(const void *)(from))
#endif
#if defined(__x86_64__) && !defined(C4TRACE_SANITIZED) /* loads are in order */
#define C4T_ACQUIRE(type, from) C4T_LOAD(type, from)
#else
#define C4T_ACQUIRE(type, from) atomic_load_explicit(from, memory_order_acquire)
#endif
#define C4T_COLD __attribute__((noinline, cold)) /* kept out of the way of what is hot */
#define C4T_ASIDE __attribute__((noinline))      /* so that its caller need not save registers for it */
#define C4T_INTERNAL __attribute__((visibility("hidden")))

#define C4T_TRACERS_MAX 8    /* open at the same time */
#define C4T_TRAMPOLINES 256  /* factories wrapped at the same time */
#define C4T_PORTS_MAX 8      /* LiteCores (or embedded hosts) in one process */
#define C4T_THREADS_MAX 1024 /* thread rows of a segment */
#define C4T_RINGS_MAX 64     /* of a segment */
#define C4T_CELLS_MAX 24     /* blocks of cells of a segment */
#define C4T_MARKS 256        /* writes (or receives) outstanding that are timed each on its own */
#define C4T_SPILLS 8         /* threads at once that find a direction of a session busy */

/* One real LiteCore, or what stands in its place, and the eight tracing up-calls that lead to it. */
struct c4t_port {
    void *library; /* handle of the LiteCore, NULL for an embedded host */
    c4t_upcalls real;
    c4t_upcalls traced; /* the addresses handed out; from_native is of the kind that real.factory_size asks for */
    void *(*real_retain)(const void *); /* _FLBuf_Retain, once a library's references to it were turned */
    _Atomic bool used;
};

enum c4t_side { C4T_NEITHER = 0, C4T_BEGAN = 1, C4T_ENDED = 2, C4T_CLAIMED = 3 };

/* Left by a thread that found a direction in use: it does not wait, the next one takes it in. */
struct c4t_spill {
    _Atomic uint32_t side; /* enum c4t_side; set last by the thread that claimed it, to C4T_NEITHER by the holder */
    uint64_t n;
    uint64_t ticks;
};

/* Outstanding bytes of one direction of one session, and when they began. All but the spills is for whoever has it, for a few instructions
 * and never across a call: its owner, or, while it has none, whoever took `busy`. See acks.h. */
struct c4t_ack {
    struct c4t_thread_row *_Atomic owner; /* the thread that need not take `busy`; changed by whoever has `busy` */
    uint8_t next, stop;                   /* of the marks: the next to use, and that before the first in use */
    bool crowded;                         /* `more` has something in it */
    _Atomic bool spilled;                 /* there may be something in the spills and what follows them */
    _Atomic uint32_t busy;
    struct c4t_thread_row *leaving; /* the last owner, as long as it may not have seen that it is none any more */
    struct c4t_thread_row *last;    /* who had it last, so many `turns` after the other */
    uint32_t turns, turns_to_own;
    struct c4t_spill spill[C4T_SPILLS];
    _Atomic uint64_t begun_n, begun_bytes, ended_n, ended_bytes; /* of those that found no free spill; never timed */
    uint64_t crowd_n;                                            /* how many began while all marks were in use */
    uint64_t covered;                                            /* bytes before the first mark */
    uint64_t crowd_bytes;                                        /* of those */
    uint64_t mark_bytes[C4T_MARKS];                              /* how many began with the mark */
    uint64_t mark_ticks[C4T_MARKS];                              /* when it began */
    uint64_t more[C4T_MARKS]; /* how many began after the mark's own and are counted with it: a crowd that it closes */
};

/* One C4Socket from open / fromNative to dispose. Reused for another one long after its dispose. */
struct c4t_session {
    c4t_socket
        *_Atomic socket; /* NULL where another session, or none, has its address now; changed under the registry's lock */
    struct c4t_factory *factory;
    struct c4t_session_row *row;       /* in the segment, or own_row where the table is full */
    _Atomic uint64_t entering;         /* C4T_FLIGHT of it and C4T_ENTERING */
    struct c4t_factory *_Atomic plain; /* the factory, unless somebody follows the slices that it is written */
    _Atomic uint64_t sid;              /* copy of row->sid: read without touching the row */
    struct c4t_ack write, receive;
    struct c4trace_tracer *tracer;
    struct c4t_session *next_ended; /* queue of disposed sessions, oldest first */
    struct c4t_session_row own_row;
    struct c4t_session *next_extra;
};

/* What a host was given, the newest first. It stays as it was: the host may give it to LiteCore at any time. */
struct c4t_traced {
    c4t_socket_factory factory;
    struct c4t_traced *earlier;
};

/* One wrapped factory. Its index in c4t_factories is also that of its set of trampolines, so a call needs no table to find it. */
struct c4t_factory {
    _Alignas(64) c4t_socket_factory inner; /* as it was when wrapped; `attached` is NULL in a 64-byte one */
    struct c4trace_tracer *_Atomic tracer;
    _Atomic bool follows_slices; /* whether they are released is visible */
    struct c4t_port *port;
    struct c4t_factory_row *row;
    struct c4t_cells *shared_cells; /* for threads past the pool */
    uint32_t index;                 /* of the row */
    uint32_t size;                  /* 64 or 72 */
    _Atomic bool used;
    _Atomic int64_t live;  /* sessions not disposed */
    uint64_t closed_order; /* when its tracer closed: the oldest is reused first */
    struct c4t_traced *traced;
};

#define C4T_CALL_BITS 40 /* of a record's `call`: its number; the rest is the thread's slot */
#define C4T_CALL_MASK (((uint64_t)1 << C4T_CALL_BITS) - 1)
#define C4T_HINTS 64 /* sessions a thread finds at once, by their sockets' addresses */

/* What a thread has leased from one tracer. Its own until it ends, and never leased to another or again: calls that are under way may
 * still write to it when the tracer has closed and another one is in its place. The first line is all of it that an ordinary call needs,
 * besides its hint. */
struct c4t_thread {
    /* The row in the segment, or own_row past the pool; and the segment's control word. Who closes the tracer puts others in their
     * place: own_row, whose `flight_since` makes every duration an incredible one and whose `depth` is none, and a word that says C4T_CAPTURE_VOID. */
    _Alignas(64) struct c4t_thread_row *_Atomic row;
    _Atomic uint64_t *_Atomic control;
    _Atomic bool valid;
    bool shared_ring;
    bool gaps;          /* own ring: ring->gap holds something to write */
    uint64_t head;      /* own ring: where the next record goes */
    uint64_t until;     /* own ring: before it records may begin without asking; 0 where every one must ask */
    unsigned char *lap; /* own ring: a record's address less its position, up to `until` */
    struct c4t_ring *ring;
    uint64_t call; /* of the newest event that was recorded or dropped */

    /* Sessions of this tracer whose calls the thread has met; never NULL. Whoever makes one another factory's takes it out. */
    struct c4t_session *_Atomic hint[C4T_HINTS];
    struct c4t_cells *hint_cells[C4T_HINTS]; /* those of the hint's factory; the thread's own */

    struct c4trace_tracer *tracer;
    uint64_t generation; /* of the tracer at lease; another one means the lease is void */
    unsigned char *base; /* of the segment */
    unsigned char *ring_data;
    uint64_t ring_cap;
    uint32_t slot; /* index of the row; C4T_THREADS_MAX and up: past the pool */
    uint32_t tid;
    struct c4t_cells *cells[C4T_FACTORIES_MAX];
    struct c4t_thread *older;        /* void, and freed with this one */
    struct c4t_thread *next, **link; /* in the tracer's list; under its lock */
    struct c4t_thread_row own_row;
};

/* relaxed: another one only makes it write where nobody reads */
C4T_HOT struct c4t_thread_row *c4t_row_of(const struct c4t_thread *thread) {
    return C4T_LOAD(struct c4t_thread_row *, &thread->row);
}

struct c4trace_tracer {
    /* The first line is all that a passing call reads. */
    _Alignas(64) _Atomic uint64_t
        generation; /* counts openings and closings of this struct; even: closed, calls pass untraced. Made even under `lock` */
    uint32_t clock;
    uint32_t index;
    struct c4t_segment_header *header;
    unsigned char *base;

    _Alignas(64) struct c4t_port *port; /* NULL until a LiteCore is known */
    bool held;                          /* from open to close, also while it is stopped; under the setup lock */
    uint64_t size;
    char name[64];
    char path[512];
    char warning[640];
    uint64_t max_payload;

    /* Below: under `lock`, which is held for a few dozen instructions at open, fromNative, closed, dispose and at a thread's first and
     * last event, and never across a call in either direction. */
    pthread_mutex_t lock;
    uint32_t free_slots[C4T_THREADS_MAX];
    uint32_t free_slot_count;
    uint32_t overflow_threads;  /* leases given past the pool */
    struct c4t_thread *threads; /* all leases of threads that have not ended, void ones too */
    uint32_t free_rings[C4T_RINGS_MAX];
    uint32_t free_ring_count;
    uint8_t cells_leased[C4T_CELLS_MAX]; /* per block of cells */
    struct c4t_session *sessions;        /* parallel to the session rows; kept for the next tracer in this place */
    uint32_t sessions_mapped;
    struct c4t_session *extra; /* all that were ever made past the rows, in no order; also kept */
    struct c4t_session *spare; /* the first of those that this tracer has not used */
    struct c4t_session *ended_first, *ended_last;
    uint32_t ended_count;
    uint64_t last_sid;
};

extern struct c4t_factory c4t_factories[C4T_TRAMPOLINES];
extern struct c4t_port c4t_ports[C4T_PORTS_MAX];
extern struct c4trace_tracer c4t_tracers[C4T_TRACERS_MAX];

/* Guards the lists of tracers, factories and ports; never taken by a call or an up-call. */
extern pthread_mutex_t c4t_setup_lock;

static inline void *c4t_at(const struct c4trace_tracer *tracer, const struct c4t_section *section, uint32_t i) {
    return tracer->base + section->offset + (uint64_t)i * section->stride;
}

/* Trace no more, because numbers would no longer be exact: every call passes as it came. Says why, once, on standard error and in the
 * segment. The tracer's lock is not held. */
C4T_INTERNAL void c4t_step_aside(struct c4trace_tracer *tracer, const char *why);

C4T_INTERNAL int c4t_fail(c4trace_failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
