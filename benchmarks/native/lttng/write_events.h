/* The two tracepoints of a call, with the fields of c4trace's records (struct c4t_record of segment.h). LTTng-UST reads it several times. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER c4trace_bench
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./write_events.h"

#if !defined(C4TRACE_WRITE_EVENTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define C4TRACE_WRITE_EVENTS_H

#include <lttng/tracepoint.h>
#include <stdint.h>

LTTNG_UST_TRACEPOINT_EVENT_CLASS(
    c4trace_bench, record,
    LTTNG_UST_TP_ARGS(uint64_t, sid, uint64_t, call, uint64_t, n, uint32_t, tid, uint16_t, factory, uint8_t, event,
                      int32_t, code),
    LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, sid, sid) lttng_ust_field_integer(uint64_t, call, call)
                            lttng_ust_field_integer(uint64_t, n, n) lttng_ust_field_integer(uint32_t, tid, tid)
                                lttng_ust_field_integer(uint16_t, factory, factory)
                                    lttng_ust_field_integer(uint8_t, event, event)
                                        lttng_ust_field_integer(int32_t, code, code)))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(c4trace_bench, record, c4trace_bench, entered,
                                    LTTNG_UST_TP_ARGS(uint64_t, sid, uint64_t, call, uint64_t, n, uint32_t, tid,
                                                      uint16_t, factory, uint8_t, event, int32_t, code))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(c4trace_bench, record, c4trace_bench, returned,
                                    LTTNG_UST_TP_ARGS(uint64_t, sid, uint64_t, call, uint64_t, n, uint32_t, tid,
                                                      uint16_t, factory, uint8_t, event, int32_t, code))

#endif

#include <lttng/tracepoint-event.h>
