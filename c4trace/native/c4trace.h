/* c4trace: the public C interface of libc4trace.so.
 *
 *     c4trace_config config = C4TRACE_CONFIG_INIT;
 *     config.name = "orders";
 *     config.litecore = "/opt/app/libLiteCore.so";
 *     c4trace_tracer *tracer;
 *     c4trace_failure failure;
 *     if (c4trace_open(&config, &tracer, &failure)) { fputs(failure.text, stderr); ... }
 *     const void *traced = c4trace_wrap(tracer, &my_factory, sizeof my_factory, "orders", &failure);
 *     ... give `traced` to LiteCore in place of &my_factory ...
 *     c4trace_close(tracer, 0);
 *
 * Every function may be called from any thread. None of them is called on a hot path: the traced factory is reached only through the
 * struct that c4trace_wrap returns, and the tracing up-calls through c4trace_upcall. Functions that can fail return 0 or an error number
 * of enum c4trace_error and fill `failure` (which may be NULL). What c4trace_wrap returned stays valid, and goes on forwarding, for the
 * rest of the process's life, also after c4trace_close.
 */
#ifndef C4TRACE_H
#define C4TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "litecore.h"

#ifdef __cplusplus
extern "C" {
#endif

#define C4TRACE_API __attribute__((visibility("default")))

enum c4trace_error {
    C4TRACE_OK = 0,
    C4TRACE_BAD_NAME = 1,    /* empty, too long, or not of letters, digits, '.', '_', '-' */
    C4TRACE_NAME_TAKEN = 2,  /* a tracer of this name is open in this process */
    C4TRACE_TOO_MANY = 3,    /* tracers or factories */
    C4TRACE_NO_LITECORE = 4, /* the library cannot be loaded or lacks the c4socket_ functions */
    C4TRACE_BAD_FACTORY = 5, /* breaks rule C4S-002, has an unknown size or framing, or is a traced one already */
    C4TRACE_SEGMENT = 6,     /* the segment cannot be made: folder, rights, space */
    C4TRACE_BAD_CONFIG = 7,  /* a capture level, size or count out of range */
    C4TRACE_CLOSED = 8       /* the tracer is closed */
};

typedef struct c4trace_failure {
    int error;      /* enum c4trace_error */
    char text[512]; /* one line: what, why, what to do */
} c4trace_failure;

typedef struct c4trace_tracer c4trace_tracer;

typedef struct c4trace_config {
    size_t size;                /* sizeof(c4trace_config), set by C4TRACE_CONFIG_INIT */
    const char *name;           /* of the tracer: 1 to 48 letters, digits, '.', '_', '-' */
    const char *litecore;       /* path of libLiteCore; NULL: the one loaded already, if any */
    const c4t_upcalls *upcalls; /* the real up-calls, in place of a LiteCore (embedded host, static link); copied */
    const char *folder;         /* of segments; NULL: $C4TRACE_DIR, else /dev/shm/c4trace-UID, else /tmp/c4trace-UID */
    size_t segment_bytes;       /* 0: 16 MiB, less where there is less room */
    uint32_t sessions;          /* rows of the session table; 0: 12288 */
    uint32_t capture;           /* enum c4t_capture (segment.h): 0 off, 1 events, 2 headers, 3 bytes, 4 full */
    uint32_t capture_bytes;     /* N of level 3: bytes of each write and received */
} c4trace_config;

#define C4TRACE_CONFIG_INIT {sizeof(c4trace_config), 0, 0, 0, 0, 0, 0, 2u, 0}

/* The version of this library, as "0.1.0". */
C4TRACE_API const char *c4trace_version(void);
/* Make the segment and begin to trace: 0, and the tracer in `tracer`; else an error and NULL, and nothing is left behind. */
C4TRACE_API int c4trace_open(const c4trace_config *config, c4trace_tracer **tracer, c4trace_failure *failure);
/* Calls pass untraced from now on; the segment can still be read to its end. */
C4TRACE_API void c4trace_stop(c4trace_tracer *tracer);
/* Stop, and let go of the segment, whose file is removed if `keep` is 0. In a forked child it does nothing. */
C4TRACE_API void c4trace_close(c4trace_tracer *tracer, int keep);
/* The segment's file, which `c4trace show` and other readers of the same user take. */
C4TRACE_API const char *c4trace_segment_path(const c4trace_tracer *tracer);
/* One line about less room than asked for, or "". */
C4TRACE_API const char *c4trace_warning(const c4trace_tracer *tracer);

/* Wrap a C4SocketFactory of `size` bytes (64 or 72; 0: as the tracer's LiteCore has it). Returns the traced factory, or NULL.
 * `label` (at most 47 bytes) tells several factories of one tracer apart. Up-calls of an inner factory that lives in a shared library are
 * reached by that library's relocations. */
C4TRACE_API const void *c4trace_wrap(c4trace_tracer *tracer, const void *inner, size_t size, const char *label,
                                     c4trace_failure *failure);
/* Say that the factory behind `traced` makes its up-calls through c4trace_upcall's functions. */
C4TRACE_API void c4trace_uses_table(c4trace_tracer *tracer, const void *traced);
/* Say that it releases what `write` hands it through c4trace_upcall's _FLBuf_Release, always: then slices that it never releases show
 * (rule C4S-030). Not needed where its library's own references to that function were turned. */
C4TRACE_API void c4trace_uses_release(c4trace_tracer *tracer, const void *traced);
/* Index of the factory's row in the segment, or -1. */
C4TRACE_API int c4trace_factory_index(const c4trace_tracer *tracer, const void *traced);
/* How a factory's up-calls are seen (enum c4t_upcalls_seen, segment.h): 0 not visible, 1 table, 2 relocation, 3 interposed. */
C4TRACE_API int c4trace_upcalls_seen(const c4trace_tracer *tracer, const void *traced);

/* The tracing up-call of this C name ("c4socket_received"; also "_FLBuf_Release"), NULL where the tracer's LiteCore has none. */
C4TRACE_API void *c4trace_upcall(c4trace_tracer *tracer, const char *name);
/* The tracing up-calls that lead to these real ones, for hosts that lead their calls here at link time (package/link_wrap.c). With no
 * tracer open they only pass on. NULL: more than 8 different LiteCores in this process. */
C4TRACE_API const c4t_upcalls *c4trace_traced_upcalls(const c4t_upcalls *real);
/* The i-th name that c4trace_upcall knows, NULL past the end. */
C4TRACE_API const char *c4trace_upcall_name(int i);

/* Any function of the tracer's LiteCore by its C name ("c4socket_retain"), NULL where there is none. */
C4TRACE_API void *c4trace_symbol(c4trace_tracer *tracer, const char *name);

/* Turn the capture level (c4trace_config says which there are), from the next call on. */
C4TRACE_API int c4trace_set_capture(c4trace_tracer *tracer, uint32_t capture, uint32_t capture_bytes);
/* The raw trace clock, as stamped into records. */
C4TRACE_API uint64_t c4trace_ticks(void);

#ifdef __cplusplus
}
#endif

#endif
