#include "stand_in.h"

#include <stdlib.h>
#include <string.h>

static struct arguments got;
static C4SocketFactory factory;
static C4Socket *const accepted = (C4Socket *)0x5000;
static int upcalls;
static size_t bytes;

/* A buffer is its count of references, and its bytes behind that. */
static int buffers;
static const void *buffer_new(const char *text, size_t size) {
    int64_t *references = malloc(sizeof *references + size);
    if (!references) abort();
    *references = 1;
    buffers++;
    return memcpy(references + 1, text, size);
}
void _FLBuf_Retain(const void *buffer) {
    if (buffer) ++((int64_t *)(uintptr_t)buffer)[-1];
}
void _FLBuf_Release(const void *buffer) {
    if (!buffer || --((int64_t *)(uintptr_t)buffer)[-1]) return;
    buffers--;
    free((int64_t *)(uintptr_t)buffer - 1);
}
int stand_in_buffers(void) { return buffers; }

C4Slice c4_getVersion(void) { return (C4Slice){buffer_new(VERSION, sizeof VERSION - 1), sizeof VERSION - 1}; }

/* What tells the releases apart where the version is a commit. */
void c4repl_setSuspended(void) {}
#if GENERATION >= 30
void c4repl_setProgressLevel(void) {}
#endif
#if GENERATION >= 31
void c4coll_isValid(void) {}
#endif
#if GENERATION == 41
void c4repl_getCorrelationID(void) {}
#endif

C4Replicator *c4repl_new(C4Database *database, C4Address address, C4String database_name,
                         C4ReplicatorParameters params PREFIX_PARAMETER, C4Error *out_error) {
    memset(&got, 0, sizeof got);
    got.database = database;
    got.address = address;
    got.database_name = database_name;
    got.params = params;
#if GENERATION >= 32
    got.log_prefix = logPrefix;
#endif
#if GENERATION == 99
    got.more[0] = one;
    got.more[1] = two;
    got.more[2] = three;
#endif
    got.out_error = out_error;
    if (params.socketFactory) factory = *params.socketFactory; /* copied, as since 2.8 */
    return (C4Replicator *)0x7000;
}

C4Replicator *c4repl_newWithSocket(C4Database *database, C4Socket *socket,
                                   C4ReplicatorParameters params PREFIX_PARAMETER, C4Error *out_error) {
    return c4repl_new(database, (C4Address){.port = (uint16_t)(uintptr_t)socket}, (C4String){0}, params
#if GENERATION >= 32
                      ,
                      logPrefix
#endif
#if GENERATION == 99
                      ,
                      one, two, three
#endif
                      ,
                      out_error);
}

static C4Socket *accept_with(const C4SocketFactory *given) {
    factory = *given;
#if GENERATION == 41
    if (factory.attached) factory.attached(accepted);
#endif
    return accepted;
}

C4Socket *c4socket_fromNative(C4SocketFactory given, void *handle, const C4Address *address) {
    return handle && address ? accept_with(&given) : NULL;
}

C4Socket *c4socket_fromNative2(C4SocketFactory given, void *handle, const C4Address *address, bool incoming) {
    return handle && address && incoming ? accept_with(&given) : NULL;
}

void c4socket_registerFactory(C4SocketFactory given) { factory = given; }

static void count(size_t n) {
    upcalls++;
    bytes += n;
}

void c4socket_gotHTTPResponse(C4Socket *socket, int status, C4Slice headers) {
    count(socket && status == 101 ? headers.size : 0);
}
void c4socket_opened(C4Socket *socket) { count(socket ? 0 : 1); }
void c4socket_received(C4Socket *socket, C4Slice data) {
    count(data.size);
    factory.completedReceive(socket, data.size);
}
void c4socket_completedWrite(C4Socket *socket, size_t n) { count(socket ? n : 0); }
void c4socket_closeRequested(C4Socket *socket, int status, C4String message) {
    count(message.size);
    factory.requestClose(socket, status, message);
}
#if GENERATION == 99
void c4socket_closed(C4Socket *socket, C4Error error, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
    if (a != 1 || b != 2 || c != 3 || d != 4 || e != 5) abort();
#else
void c4socket_closed(C4Socket *socket, C4Error error) {
#endif
    count(socket && error.domain == 6 ? (size_t)error.code : 0);
}

const struct arguments *stand_in_got(void) { return &got; }
const C4SocketFactory *stand_in_factory(void) { return &factory; }
int stand_in_upcalls(void) { return upcalls; }
size_t stand_in_bytes(void) { return bytes; }

void stand_in_play(const C4SocketFactory *with, C4Socket *socket) {
    static const C4Address address = {{"ws", 2}, {"db.example", 10}, 4984, {"/db/_blipsync", 13}};
    with->open(socket, &address, (C4Slice){NULL, 0}, with->context);
    /* As LiteCore does it: the reference that is handed over is one more than its own, which it releases by the same function. */
    const void *buffer = buffer_new("0123456789", 10);
    _FLBuf_Retain(buffer);
    with->write(socket, (C4Slice){buffer, 10});
    _FLBuf_Release(buffer);
    with->requestClose(socket, 1000, (C4String){"done", 4});
    with->dispose(socket);
}
