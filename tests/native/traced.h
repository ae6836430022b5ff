/* A traced echo factory between an embedded host and a consumer of the segment: three that count, and must agree. */
#ifndef TRACED_H
#define TRACED_H

#include "c4trace.h"
#include "echo.h"
#include "host.h"
#include "reader.h"

#define TRACED_SIDS 8192 /* sessions whose stream is followed */

/* What the consumer saw of one session, in order. */
struct traced_stream {
    c4thost_counts seen;
    uint32_t lost;
    bool began, ended, disorder;
};

struct traced {
    char folder[64];
    c4trace_tracer *tracer;
    const void *_Atomic factory; /* the traced echo */
    struct echo echo;
    c4thost *host;

    pthread_t consumer;
    _Atomic bool drain;
    c4t_reader *reader;
    uint64_t events, lost;
    struct traced_stream *streams; /* by sid */
};

/* Where a test stands; `without_consumer`: the segment stays a flight recorder. */
void traced_start(struct traced *traced, unsigned ways, const c4thost_config *config, uint32_t capture,
                  bool without_consumer);
/* Connect to the path "/N", where N is the id the socket will have. */
uint64_t traced_connect(struct traced *traced);
/* Wait for events: `messages` of `bytes` in all on each of `sockets`, then close it (or ask the echo to, with "Q"); until all are disposed. */
void traced_talk(struct traced *traced, unsigned sockets, unsigned messages, bool quit);
/* Close the tracer and open another one; the sockets go on, new ones are of the new tracer. */
void traced_reopen(struct traced *traced);
/* The end after c4trace_close: only host and echo are left to agree. */
void traced_abandon(struct traced *traced);
/* All is quiet: demand that host, echo, segment and stream agree, and end it all. */
void traced_finish(struct traced *traced);

#endif
