/* An embedded host: plays LiteCore's part for a socket factory where there is no LiteCore (demo, tests, replay).
 *
 *     c4thost_config config = C4THOST_CONFIG_INIT;
 *     c4thost *host = c4thost_new(&config);
 *     uint64_t id = c4thost_connect(host, &factory, &address, options);
 *     c4thost_send(host, id, "hello", 5);
 *     c4thost_event event;
 *     while (c4thost_next(host, &event, -1) == 1) { ...; c4thost_event_free(&event); }
 *     c4thost_stop(host, &leaks);
 *     c4thost_free(host);
 *
 * It behaves as LiteCore does at this boundary: calls of one socket are made in order on the host's own threads, those of several sockets
 * at once; requestClose answers closeRequested on the factory's thread; a timer thread closes what does not open and ends what does not
 * close; dispose runs where the last reference is released. A breach of the contract is counted and otherwise passed over, where LiteCore
 * might crash. With WebSocket framing the driver makes and parses the frames: what it sends is written as it is.
 *
 * Every function may be called from any thread, also from inside the factory, save c4thost_stop and c4thost_free. Nothing works in a
 * forked child.
 */
#ifndef C4TRACE_HOST_H
#define C4TRACE_HOST_H

#include "c4trace.h"
#include "segment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct c4thost c4thost;

/* When a received message counts as processed, which is when the host calls completedReceive. */
enum c4thost_ack {
    C4THOST_ACK_PROCESSED = 0, /* on the socket's own thread, after the event was queued for the driver */
    C4THOST_ACK_INSIDE = 1,    /* inside received, on the factory's thread */
    C4THOST_ACK_DRIVER = 2     /* when the driver calls c4thost_completed_receive */
};

/* What the driver is told. */
enum c4thost_happening {
    C4THOST_HTTP_RESPONSE = 0,    /* code: status; data: headers (Fleece) */
    C4THOST_PEER_CERTIFICATE = 1, /* data: DER; text: hostname */
    C4THOST_OPENED = 2,
    C4THOST_RECEIVED = 3,        /* data: the message (with framing: the bytes, none at the end of the stream) */
    C4THOST_ACKED = 4,           /* size: bytes of a completedWrite */
    C4THOST_CLOSE_REQUESTED = 5, /* code: status; text: message */
    C4THOST_CLOSED = 6,          /* domain, code: as the factory gave them, or Network/3; text: the error's message */
    C4THOST_DISPOSED = 7         /* the last event of its id */
};

#define C4THOST_ALL_EVENTS 0xffu

typedef struct c4thost_config {
    size_t size;                 /* sizeof(c4thost_config), set by C4THOST_CONFIG_INIT */
    uint32_t threads;            /* that make calls */
    uint32_t factory_size;       /* C4T_FACTORY_SIZE_64 or _72: of the factories given to c4thost_connect */
    uint32_t connect_timeout_ms; /* open to opened; then close or requestClose(504) */
    uint32_t close_timeout_ms;   /* close or requestClose to closed; then the host ends the socket with Network/3 */
    uint32_t ack;                /* enum c4thost_ack */
    uint32_t events;             /* bits 1 << enum c4thost_happening that are queued for c4thost_next */
    uint32_t
        linger; /* dead sockets of the process whose addresses are kept from reuse; 0: the newest is used again first */
} c4thost_config;

#define C4THOST_CONFIG_INIT {sizeof(c4thost_config), 4, C4T_FACTORY_SIZE_72, 15000, 5000, 0, C4THOST_ALL_EVENTS, 256}

typedef struct c4thost_event {
    uint64_t id;
    uint32_t kind; /* enum c4thost_happening */
    uint32_t domain;
    int32_t code;
    size_t size; /* of data; of C4THOST_ACKED, bytes */
    const void *data;
    size_t text_size;
    const char *text; /* NUL-terminated */
    void *owner;      /* for c4thost_event_free */
} c4thost_event;

/* Breaches of the contract, by the rule they break. */
enum c4thost_anomaly {
    C4THOST_AFTER_CLOSED = 0,       /* an up-call after closed (C4S-040) */
    C4THOST_AFTER_DISPOSE = 1,      /* an up-call, retain or release from inside dispose (C4S-072) */
    C4THOST_CLOSED_AGAIN = 2,       /* C4S-050 */
    C4THOST_OPENED_OUT_OF_TURN = 3, /* C4S-015 */
    C4THOST_HTTP_OUT_OF_TURN =
        4, /* a second response, one after opened, of an incoming socket, or of negative status (C4S-016, -018) */
    C4THOST_HTTP_MISSING = 5,           /* a client socket opened without one (C4S-016) */
    C4THOST_ACKED_TOO_MUCH = 6,         /* completedWrite of more than was written (C4S-032) */
    C4THOST_RECEIVED_EARLY = 7,         /* received before opened (C4S-040) */
    C4THOST_RECEIVED_EMPTY = 8,         /* an empty message without framing (C4S-043) */
    C4THOST_CLOSE_REQUESTED_FRAMED = 9, /* closeRequested with framing (C4S-058) */
    C4THOST_ERROR_DOMAIN = 10,          /* closed with a domain other than POSIX, Network, WebSocket (C4S-053) */
    C4THOST_NOT_OPENED = 11,            /* neither opened nor closed within the connect timeout (C4S-012) */
    C4THOST_NOT_CLOSED = 12,            /* not closed within the close timeout (C4S-051) */
    C4THOST_ANOMALY_COUNT = 13
};

typedef struct c4thost_tally {
    uint64_t n;
    uint64_t bytes; /* of write, completedReceive, received, completedWrite */
} c4thost_tally;

/* Everything that crossed the boundary: calls counted before they are made, up-calls when they arrive, ignored ones included. */
typedef struct c4thost_counts {
    c4thost_tally events[C4T_EV_COUNT]; /* by enum c4t_event */
    uint64_t anomalies[C4THOST_ANOMALY_COUNT];
} c4thost_counts;

typedef struct c4thost_leaks {
    uint64_t sockets; /* not disposed: the factory kept a reference */
    uint64_t slices;  /* of write, not released (C4S-030) */
    uint64_t threads; /* of the host, still inside the factory */
} c4thost_leaks;

/* Breaches that no socket can be blamed for any more, in this process so far. */
typedef struct c4thost_strays {
    uint64_t up_calls; /* for disposed sockets */
    uint64_t releases; /* of disposed sockets, or more than there were references */
    uint64_t slices;   /* released twice, as far as it can be told */
} c4thost_strays;

/* NULL: a config out of range, or no threads to be had. */
C4TRACE_API c4thost *c4thost_new(const c4thost_config *config);
/* A client socket; the factory is copied. Returns its id, or 0: the host stops, or the factory breaks C4S-002. */
C4TRACE_API uint64_t c4thost_connect(c4thost *host, const void *factory, const c4t_address *address, c4t_slice options);
/* A socket that c4socket_fromNative returned: the host takes a reference and calls open. 0: the host stops, or it is in use already. */
C4TRACE_API uint64_t c4thost_accept(c4thost *host, c4t_socket *socket, c4t_slice options);

/* These return 0, or -1: no such socket, or it is closed. What is sent is written once the socket is open, while at most 64 KiB are
 * unacknowledged. What has not been written when the socket closes is dropped, as LiteCore drops it. */
C4TRACE_API int c4thost_send(c4thost *host, uint64_t id, const void *bytes, size_t size);
C4TRACE_API int c4thost_completed_receive(c4thost *host, uint64_t id, size_t size);
C4TRACE_API int c4thost_close(c4thost *host, uint64_t id, int status, c4t_slice message);

/* What gotPeerCertificate answers from now on; true at first. */
C4TRACE_API void c4thost_trust(c4thost *host, bool verdict);
/* 1: an event, to be freed; 0: none within timeout_ms (negative: no limit); -1: the host has stopped and there are no more. */
C4TRACE_API int c4thost_next(c4thost *host, c4thost_event *event, int timeout_ms);
C4TRACE_API void c4thost_event_free(c4thost_event *event);
/* Of one socket, or (id 0) of all the host ever had. -1: no such socket. */
C4TRACE_API int c4thost_count(c4thost *host, uint64_t id, c4thost_counts *counts);
/* Drop what is kept about a disposed socket; the sums of id 0 keep it. */
C4TRACE_API void c4thost_forget(c4thost *host, uint64_t id);

/* Close all sockets, wait until they are disposed (at most the close timeout and a second), end the threads. */
C4TRACE_API void c4thost_stop(c4thost *host, c4thost_leaks *leaks);
/* After c4thost_stop. A host that something leaked from stays in memory, because what leaked may still be used. */
C4TRACE_API void c4thost_free(c4thost *host);
C4TRACE_API void c4thost_get_strays(c4thost_strays *strays);

/* The up-calls; factory_size says how fromNative takes its factory. NULL: neither 64 nor 72. */
C4TRACE_API const c4t_upcalls *c4thost_upcalls(size_t factory_size);
/* The function LiteCore has under this C name: c4socket_*, c4Socket_setNativeHandle, c4Socket_getNativeHandle, c4error_make,
 * c4error_getMessage, _FLBuf_Release. NULL: none. */
C4TRACE_API void *c4thost_symbol(const char *name, size_t factory_size);
/* The i-th name that c4thost_symbol knows, NULL past the end. */
C4TRACE_API const char *c4thost_symbol_name(int i);

#ifdef __cplusplus
}
#endif

#endif
