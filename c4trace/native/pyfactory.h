/* A C4SocketFactory whose methods are written in Python, without Python in this file: the methods are reached through callbacks.
 *
 * What is here is what must hold even while the interpreter ends. A gate stands before the callbacks: once it is shut, no thread enters
 * Python any more, and the calls are answered here: what is written is released, what opens or is to close is closed.
 *
 * A c4tpy_socket stands for one C4Socket and keeps it alive from open (or fromNative) until closed has returned (rule C4S-009). It may
 * outlive the C4Socket: up-calls after closed or dispose are dropped.
 */
#ifndef C4TRACE_PYFACTORY_H
#define C4TRACE_PYFACTORY_H

#include "c4trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct c4tpy_factory c4tpy_factory;
typedef struct c4tpy_socket c4tpy_socket;

/* The methods. `factory` and `socket` are the keys of c4tpy_factory_key and c4tpy_key; what pointers lead to lives as long as the call. */
typedef struct c4tpy_callbacks {
    void (*open)(uint64_t factory, c4tpy_socket *socket, const c4t_address *address, c4t_slice options);
    void (*write)(uint64_t factory, c4tpy_socket *socket, c4t_slice bytes);
    void (*completed_receive)(uint64_t factory, c4tpy_socket *socket, size_t n);
    void (*close)(uint64_t factory, c4tpy_socket *socket);
    void (*request_close)(uint64_t factory, c4tpy_socket *socket, int status, c4t_slice message);
    void (*dispose)(uint64_t factory, c4tpy_socket *socket);
    void (*attached)(uint64_t factory, c4tpy_socket *socket);
} c4tpy_callbacks;

/* Where the up-calls go: LiteCore's functions, an embedded host's or the tracing ones. Some may be NULL: got_peer_certificate,
 * from_native, retain and release (before 2.8.9), error_make. */
typedef struct c4tpy_upcalls {
    size_t factory_size; /* C4T_FACTORY_SIZE_64 or _72: how from_native takes its factory */
    void *got_http_response;
    void *got_peer_certificate;
    void *opened;
    void *received;
    void *completed_write;
    void *close_requested;
    void *closed;
    void *from_native;
    void *retain;         /* c4t_socket *(c4t_socket *) */
    void *release;        /* void (c4t_socket *) */
    void *release_buffer; /* void (const void *) */
    void *error_make;     /* c4t_error (uint8_t domain, int code, c4t_slice message) */
} c4tpy_upcalls;

/* A factory of this framing; all factories share the callbacks given first. Never freed: LiteCore may call it at any time. */
C4TRACE_API c4tpy_factory *c4tpy_factory_new(int framing, const c4tpy_upcalls *upcalls,
                                             const c4tpy_callbacks *callbacks);
C4TRACE_API uint64_t c4tpy_factory_key(const c4tpy_factory *factory); /* unique in the process, from 1 */
C4TRACE_API const c4t_socket_factory *c4tpy_factory_struct(const c4tpy_factory *factory);

C4TRACE_API uint64_t c4tpy_key(const c4tpy_socket *socket); /* unique in the process, from 1 */
C4TRACE_API c4t_socket *c4tpy_address(const c4tpy_socket *socket);
/* The c4tpy_socket lives until its C4Socket is disposed and all that kept it have dropped it. */
C4TRACE_API void c4tpy_keep(c4tpy_socket *socket);
C4TRACE_API void c4tpy_drop(c4tpy_socket *socket);

/* The up-calls; false: dropped, because closed was called, the C4Socket is disposed, or this LiteCore lacks the function. */
C4TRACE_API bool c4tpy_got_http_response(c4tpy_socket *socket, int status, const void *headers, size_t size);
C4TRACE_API bool c4tpy_opened(c4tpy_socket *socket);
C4TRACE_API bool c4tpy_received(c4tpy_socket *socket, const void *bytes, size_t size);
C4TRACE_API bool c4tpy_completed_write(c4tpy_socket *socket, size_t n);
C4TRACE_API bool c4tpy_close_requested(c4tpy_socket *socket, int status, const void *message, size_t size);
/* Made from inside `close` that is inside an up-call of the same socket, it is put off to that up-call's end (rule C4S-052). */
C4TRACE_API bool c4tpy_closed(c4tpy_socket *socket, int domain, int code, const void *message, size_t size);
/* 1 or 0: the answer (1 also where this LiteCore does not ask); -1: dropped. */
C4TRACE_API int c4tpy_got_peer_certificate(c4tpy_socket *socket, const void *der, size_t size, const void *hostname,
                                           size_t hostname_size);
/* fromNative; kept for the caller, who drops it. NULL: this LiteCore lacks the function. */
C4TRACE_API c4tpy_socket *c4tpy_from_native(c4tpy_factory *factory, const c4t_address *address);

/* Shut the gate, for good; waits at most timeout_ms for threads to come out. How many are still in. */
C4TRACE_API unsigned c4tpy_shut(unsigned timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
