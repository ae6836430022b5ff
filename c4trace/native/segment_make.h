/* Making and unmaking the segment file of a tracer. */
#ifndef C4TRACE_SEGMENT_MAKE_H
#define C4TRACE_SEGMENT_MAKE_H

#include "tracer.h"

#define C4T_SEGMENT_DEFAULT (16u << 20)
#define C4T_SEGMENT_LEAST (2u << 20)
#define C4T_SESSIONS_DEFAULT 12288u

/* Creates, reserves, maps and lays out the segment of `tracer` (name, path, base, header, size, warning are set). 0 or an error. */
C4T_INTERNAL int c4t_segment_make(struct c4trace_tracer *tracer, const c4trace_config *config,
                                  c4trace_failure *failure);
/* Gives the memory back and removes the file; the mapping stays, because a late thread may still write to it. */
C4T_INTERNAL void c4t_segment_unmake(struct c4trace_tracer *tracer);

/* The process: what tells it from an earlier one with the same pid. */
C4T_INTERNAL uint64_t c4t_process_start(void);
/* The clock that $C4TRACE_CLOCK asks for (monotonic, tsc, cntvct), else the best sound one of this machine, and its ticks a second
 * (measured once a process, within a few parts in a million). */
C4T_INTERNAL uint32_t c4t_clock_choose(uint64_t *ticks_per_sec);
/* False: $C4TRACE_CLOCK names no clock of this machine, and the best sound one is used. */
C4T_INTERNAL bool c4t_clock_is_known(void);

#endif
