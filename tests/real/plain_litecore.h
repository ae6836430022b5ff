/* The part of LiteCore 3.0.0's C interface that plain_factory.c is written against, on x86-64. */
#ifndef PLAIN_LITECORE_H
#define PLAIN_LITECORE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const void *buf;
    size_t size;
} C4Slice; /* borrowed */

typedef C4Slice C4SliceResult; /* released with _FLBuf_Release */

typedef struct {
    uint8_t domain;
    int code;
    unsigned internal_info;
} C4Error;

enum { POSIXDomain = 2, WebSocketDomain = 6 };
enum { kC4WebSocketClientFraming, kC4NoFraming, kC4WebSocketServerFraming };

typedef struct C4Socket C4Socket;

typedef struct {
    C4Slice scheme, hostname;
    uint16_t port;
    C4Slice path;
} C4Address;

typedef struct {
    uint8_t framing;
    void *context;
    void (*open)(C4Socket *, const C4Address *, C4Slice options, void *context);
    void (*write)(C4Socket *, C4SliceResult);
    void (*completedReceive)(C4Socket *, size_t);
    void (*close)(C4Socket *);
    void (*requestClose)(C4Socket *, int status, C4Slice message);
    void (*dispose)(C4Socket *);
} C4SocketFactory;

void c4Socket_setNativeHandle(C4Socket *, void *);
void *c4Socket_getNativeHandle(C4Socket *);
C4Socket *c4socket_retain(C4Socket *);
void c4socket_release(C4Socket *);
void c4socket_gotHTTPResponse(C4Socket *, int status, C4Slice headers);
void c4socket_opened(C4Socket *);
void c4socket_closed(C4Socket *, C4Error);
void c4socket_closeRequested(C4Socket *, int status, C4Slice message);
void c4socket_completedWrite(C4Socket *, size_t);
void c4socket_received(C4Socket *, C4Slice);
C4Socket *c4socket_fromNative(C4SocketFactory, void *handle, const C4Address *);

C4SliceResult FLData_ConvertJSON(C4Slice json, int *error);
void _FLBuf_Release(const void *);

#endif
