/* A factory whose write is traced by LTTng-UST: the same fields at entry and return that c4trace puts on record, and nothing else.
 * Built where liblttng-ust-dev is installed (`make bench-peers`); benchmarks/lttng.py loads it while a session of LTTng runs. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "write_events.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "litecore.h"
#include "segment.h"

static c4t_socket_factory inner;
static __thread uint64_t calls;
static __thread uint32_t tid;

static void traced_write(c4t_socket *socket, c4t_slice slice) {
    if (!tid) tid = (uint32_t)syscall(SYS_gettid);
    uint64_t call = (uint64_t)tid << 40 | ++calls;
    lttng_ust_tracepoint(c4trace_bench, entered, (uintptr_t)socket, call, slice.size, tid, 0, C4T_EV_WRITE, 0);
    inner.write(socket, slice);
    lttng_ust_tracepoint(c4trace_bench, returned, (uintptr_t)socket, call, slice.size, tid, 0, C4T_EV_WRITE, 0);
}

__attribute__((visibility("default"))) const void *lttng_wrap(const void *factory) {
    static c4t_socket_factory traced;
    inner = *(const c4t_socket_factory *)factory;
    traced = inner;
    traced.write = traced_write;
    return &traced;
}

/* Does a session of LTTng record both tracepoints? */
__attribute__((visibility("default"))) int lttng_is_on(void) {
    return lttng_ust_tracepoint_enabled(c4trace_bench, entered) &&
           lttng_ust_tracepoint_enabled(c4trace_bench, returned);
}
