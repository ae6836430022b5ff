/* What a watch remembers of each session between two looks. */
#ifndef C4TRACE_WATCH_STATE_H
#define C4TRACE_WATCH_STATE_H

#include <stdbool.h>

#include "watch.h"

#define C4T_WATCH_SOURCES 4096u
#define C4T_WATCH_KEPT (C4T_WATCH_SAMPLES + 1u) /* counts, of which rates are the differences */

struct c4t_watch_entry { /* one session row; session.sid 0: empty */
    struct c4t_session_copy session;
    uint64_t written[C4T_WATCH_KEPT],
        received[C4T_WATCH_KEPT]; /* bytes at each sample; sample n at n % C4T_WATCH_KEPT */
    uint64_t first;               /* the sample from which on they are known */
    uint32_t source;
    uint32_t flights, flight_tid, flight_event;
    int64_t flight_ns;
    char flight_thread[16];
};

struct c4t_watch_source {
    struct c4t_watch_entry *entries; /* by row */
    uint32_t room, rows;
    int64_t now_ns, began_ns;           /* of the last and the first look */
    int64_t sampled_ns[C4T_WATCH_KEPT]; /* sample n at n % C4T_WATCH_KEPT */
    uint64_t samples;                   /* taken so far */
};

struct c4t_watch_place { /* one session in the order */
    double key;
    const struct c4t_watch_entry *entry;
};

struct c4t_watch {
    struct c4t_watch_source *sources;
    uint32_t source_room;
    struct c4t_watch_place *places;
    uint32_t place_room, place_count;
};

static inline uint64_t c4t_outstanding(uint64_t begun, uint64_t done) { return begun > done ? begun - done : 0; }

/* Bytes a second, since a sample about a second ago; negative where there is none. */
double c4t_watch_rate(const struct c4t_watch_source *source, const struct c4t_watch_entry *entry, bool written);

#endif
