/* The boundary to Couchbase LiteCore as c4trace understands it: types, layouts, the calls and the up-calls.
 *
 * Written from the published ABI (LiteCore 2.8 to 4.1, LP64). Nothing here needs LiteCore's own headers, and a host that includes
 * those may include this file too: every name of ours starts with c4t_.
 */
#ifndef C4TRACE_LITECORE_H
#define C4TRACE_LITECORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A C4Socket is opaque to c4trace: only its address is used, as a key. */
typedef struct c4t_socket c4t_socket;

/* C4Slice, C4String and C4SliceResult: bytes, or "no value" where buf is NULL. A result owns one reference. */
typedef struct c4t_slice {
    const void *buf;
    size_t size;
} c4t_slice;

/* C4Error: code 0 means "no error" in any domain; info is an in-process handle to a stored message. */
typedef struct c4t_error {
    uint8_t domain;
    int32_t code;
    uint32_t info;
} c4t_error;

/* C4Address: slices point into storage that lives only as long as the call it is passed to (rule C4S-011). */
typedef struct c4t_address {
    c4t_slice scheme;
    c4t_slice hostname;
    uint16_t port;
    c4t_slice path;
} c4t_address;

enum c4t_framing { C4T_CLIENT_FRAMING = 0, C4T_NO_FRAMING = 1, C4T_SERVER_FRAMING = 2 };

/* C4SocketFactory. `attached` exists from 3.4 / 4.1 on only: in a 64-byte factory the field must not be touched (rule C4S-006). */
typedef struct c4t_socket_factory {
    uint8_t framing;
    void *context;
    void (*open)(c4t_socket *, const c4t_address *, c4t_slice options, void *context);
    void (*write)(c4t_socket *, c4t_slice allocated);
    void (*completed_receive)(c4t_socket *, size_t);
    void (*close)(c4t_socket *);
    void (*request_close)(c4t_socket *, int status, c4t_slice message);
    void (*dispose)(c4t_socket *);
    void (*attached)(c4t_socket *);
} c4t_socket_factory;

#define C4T_FACTORY_SIZE_64 64u /* up to 3.3 and 4.0 */
#define C4T_FACTORY_SIZE_72 72u /* 3.4, 4.1 and later: with `attached` */

/* What is passed by value to fromNative by a LiteCore whose factory has 64 bytes. */
typedef struct c4t_socket_factory_64 {
    unsigned char bytes[C4T_FACTORY_SIZE_64];
} __attribute__((aligned(8))) c4t_socket_factory_64;

_Static_assert(sizeof(void *) == 8, "c4trace supports LP64 hosts only");
_Static_assert(sizeof(c4t_slice) == 16, "C4Slice");
_Static_assert(sizeof(c4t_error) == 12 && offsetof(c4t_error, code) == 4 && offsetof(c4t_error, info) == 8, "C4Error");
_Static_assert(sizeof(c4t_address) == 56 && offsetof(c4t_address, port) == 32 && offsetof(c4t_address, path) == 40,
               "C4Address");
_Static_assert(offsetof(c4t_socket_factory, context) == 8 && offsetof(c4t_socket_factory, open) == 16 &&
                   offsetof(c4t_socket_factory, write) == 24 && offsetof(c4t_socket_factory, completed_receive) == 32 &&
                   offsetof(c4t_socket_factory, close) == 40 && offsetof(c4t_socket_factory, request_close) == 48 &&
                   offsetof(c4t_socket_factory, dispose) == 56 && offsetof(c4t_socket_factory, attached) == 64,
               "C4SocketFactory");
_Static_assert(sizeof(c4t_socket_factory) == C4T_FACTORY_SIZE_72, "C4SocketFactory of 3.4 and 4.1");

/* The up-calls' real implementations, as a LiteCore (or an embedded host in its place) provides them. NULL: that version has it not. */
typedef struct c4t_upcalls {
    size_t factory_size; /* C4T_FACTORY_SIZE_64 or _72: how fromNative takes its factory */
    void (*got_http_response)(c4t_socket *, int status, c4t_slice headers);
    bool (*got_peer_certificate)(c4t_socket *, c4t_slice der, c4t_slice hostname);
    void (*opened)(c4t_socket *);
    void (*received)(c4t_socket *, c4t_slice data);
    void (*completed_write)(c4t_socket *, size_t);
    void (*close_requested)(c4t_socket *, int status, c4t_slice message);
    void (*closed)(c4t_socket *, c4t_error);
    void *from_native;  /* c4t_socket *(factory by value, void *handle, const c4t_address *) */
    void *from_native2; /* the same with a trailing bool incoming; from 3.3 / 4.0 on */
    /* Not up-calls, but needed to name an error: c4error_getMessage and _FLBuf_Release; either may be NULL. */
    c4t_slice (*error_message)(c4t_error);
    void (*release_buffer)(const void *);
} c4t_upcalls;

#endif
