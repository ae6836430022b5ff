/* Sessions of several sources (segments, or a recording that is played) as a screen needs them: looked at again and again, with their
 * rates and what these were, put into an order, filtered, and only the rows in sight handed out. A watch belongs to one thread. */
#ifndef C4TRACE_WATCH_H
#define C4TRACE_WATCH_H

#include "reader.h"

typedef struct c4t_watch c4t_watch;

#define C4T_WATCH_SAMPLES 32u /* rates remembered of a session */
#define C4T_WATCH_FLOW_LINE                                                                                            \
    65536u /* bytes outstanding in one direction from which LiteCore sends no more (contract, kSendBufferSize) */

/* NULL: out of memory. */
struct c4t_watch *c4t_watch_new(void);
void c4t_watch_free(struct c4t_watch *watch);

/* Look at every session of a segment. `source` is the caller's number for it, below 4096. -1: out of memory, or no such source. */
int c4t_watch_reader(struct c4t_watch *watch, uint32_t source, struct c4t_reader *reader);
/* The same for sessions that somebody else has counted: `count` rows, of which those with sid 0 are empty; a session keeps its row.
 * `now_ns` is on the clock of the rows' times. */
int c4t_watch_rows(struct c4t_watch *watch, uint32_t source, int64_t now_ns, const struct c4t_session_copy *rows,
                   uint32_t count, const struct c4t_flight_copy *flights, uint32_t flight_count);
/* Forget everything about a source. */
void c4t_watch_forget(struct c4t_watch *watch, uint32_t source);

enum c4t_watch_by {
    C4T_BY_SID,
    C4T_BY_STATE,
    C4T_BY_AGE, /* oldest first */
    C4T_BY_PEER,
    C4T_BY_WRITTEN,
    C4T_BY_WRITTEN_RATE,
    C4T_BY_RECEIVED,
    C4T_BY_RECEIVED_RATE,
    C4T_BY_UNACKED,
    C4T_BY_UNPROCESSED,
    C4T_BY_LAST, /* latest event first */
    C4T_BY_FLIGHT,
    C4T_BY_ERROR,
    C4T_BY_CLOSED, /* closed last first */
    C4T_BY_COUNT
};

/* A word of a filter: a session has it if any of these fits. */
struct c4t_watch_word {
    const char *peer;       /* in the address, whatever its case (ASCII) */
    uint64_t sid;           /* this session; 0: none */
    uint32_t states;        /* bits by enum c4t_session_state */
    uint32_t events;        /* the last event, or the call in flight: bits by enum c4t_event */
    const uint64_t *errors; /* of closed: domain << 32 | code */
    const uint64_t *owners; /* source << 32 | factory */
    uint32_t error_count;
    uint32_t owner_count;
    uint32_t is_not; /* 1: the session must not have it */
};

struct c4t_watch_query {
    uint32_t states; /* only these: bits by enum c4t_session_state */
    uint32_t by;     /* enum c4t_watch_by; the largest first, text and SID the smallest */
    uint32_t reversed;
    uint32_t word_count;
    const struct c4t_watch_word *words; /* all of them must fit */
    uint32_t source;                    /* a session whose place is asked for; sid 0: none */
    uint64_t sid;
};

struct c4t_watch_order {
    uint32_t all;      /* sessions in these states */
    uint32_t matching; /* of them, those that fit the words */
    int64_t place;     /* of the session asked for, from 0; -1: not among them */
};

/* Put the sessions last looked at into an order, which holds until the next look. -1: out of memory. */
int c4t_watch_sort(struct c4t_watch *watch, const struct c4t_watch_query *query, struct c4t_watch_order *order);

struct c4t_watched {
    struct c4t_session_copy session;
    uint32_t source;
    int64_t now_ns;      /* on the clock of the session's times */
    double written_rate; /* bytes a second, over about the last second; negative: not known yet */
    double received_rate;
    uint32_t flights; /* threads inside a call of this session; the one longest in it: */
    uint32_t flight_tid;
    uint32_t flight_event;
    int64_t flight_ns;
    char flight_thread[16];
    uint32_t samples; /* how many rates there are below, the latest last */
    double written[C4T_WATCH_SAMPLES];
    double received[C4T_WATCH_SAMPLES];
};

/* Copy rows of the order, from place `from` on; how many. */
uint32_t c4t_watch_copy(const struct c4t_watch *watch, uint32_t from, struct c4t_watched *rows, uint32_t room);

#endif
