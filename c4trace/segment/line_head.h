/* The beginning that every event's line has: type, seq, t, dt, sid, tid, ev. From one line to the next little of it changes, so the parts
 * are kept as text: the number that goes up by one, the slow digits of the time, and who did what, for the last few who did. */
#ifndef C4TRACE_LINE_HEAD_H
#define C4TRACE_LINE_HEAD_H

#include "reader.h"

#define C4T_LINE_HEAD_MAX 256u /* bytes that are written at most, some of them behind the end */
#define C4T_WHOS 64u

struct c4t_who { /* ,"sid":1,"tid":4711,"ev":"write" */
    uint64_t sid;
    uint32_t tid;
    uint8_t event;
    uint8_t size; /* 0: free */
    char text[96];
};

struct c4t_line_head { /* all zero to begin with */
    uint64_t seq;      /* of the last line */
    uint64_t t_high;   /* of its t, in units of 10^8 ns */
    uint32_t numbered_size, timed_size;
    char numbered[48]; /* {"type":"event","seq":1,"t": */
    char timed[16];    /* digits of t_high */
    struct c4t_who whos[C4T_WHOS];
};

/* Returns the end. */
char *c4t_put_line_head(struct c4t_line_head *head, char *out, const struct c4t_event_view *view);

#endif
