/* A LiteCore that stands in for a real one: the signatures of one version, told by the macros VERSION and GENERATION.
 *
 *   GENERATION 28: 2.8   30: 3.0   31: 3.1   32: 3.2 to 3.3 and 4.0   324: 3.2.4 EE   41: 3.4 and 4.1   99: one that nobody knows
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct C4Socket C4Socket;
typedef struct C4Replicator C4Replicator;
typedef struct C4Database C4Database;
typedef struct {
    const void *buf;
    size_t size;
} C4Slice;
typedef C4Slice C4String;
typedef struct {
    C4String scheme, hostname;
    uint16_t port;
    C4String path;
} C4Address;
typedef struct {
    uint8_t domain;
    int code;
    unsigned info;
} C4Error;

typedef struct {
    uint8_t framing;
    void *context;
    void (*open)(C4Socket *, const C4Address *, C4Slice options, void *context);
    void (*write)(C4Socket *, C4Slice allocated);
    void (*completedReceive)(C4Socket *, size_t);
    void (*close)(C4Socket *);
    void (*requestClose)(C4Socket *, int status, C4String message);
    void (*dispose)(C4Socket *);
#if GENERATION >= 41 && GENERATION < 100
    void (*attached)(C4Socket *);
#endif
#if GENERATION == 99
    void (*unheard_of)(C4Socket *);
#endif
} C4SocketFactory;

#if GENERATION == 28
typedef struct {
    int push, pull;
    C4Slice optionsDictFleece;
    void *pushFilter, *validationFunc, *onStatusChanged, *onDocumentsEnded, *onBlobProgress, *callbackContext;
    const C4SocketFactory *socketFactory;
} C4ReplicatorParameters;
_Static_assert(sizeof(C4ReplicatorParameters) == 80 && offsetof(C4ReplicatorParameters, socketFactory) == 72, "2.8");
#elif GENERATION == 30
typedef struct {
    int push, pull;
    C4Slice optionsDictFleece;
    void *pushFilter, *validationFunc, *onStatusChanged, *onDocumentsEnded, *onBlobProgress, *propertyEncryptor,
        *propertyDecryptor, *callbackContext;
    const C4SocketFactory *socketFactory;
} C4ReplicatorParameters;
_Static_assert(sizeof(C4ReplicatorParameters) == 96 && offsetof(C4ReplicatorParameters, socketFactory) == 88, "3.0");
#elif GENERATION == 99
typedef struct {
    void *unheard_of[9];
    const C4SocketFactory *socketFactory;
    void *more[7];
} C4ReplicatorParameters;
#else
typedef struct {
    C4Slice optionsDictFleece;
    void *onStatusChanged, *onDocumentsEnded, *onBlobProgress, *propertyEncryptor, *propertyDecryptor, *callbackContext;
    const C4SocketFactory *socketFactory;
    void *collections;
    size_t collectionCount;
#if GENERATION == 324
    void *externalKey;
#endif
} C4ReplicatorParameters;
_Static_assert(offsetof(C4ReplicatorParameters, socketFactory) == 64 &&
                   offsetof(C4ReplicatorParameters, collectionCount) == 80,
               "3.1 to 4.1");
#endif

/* What follows the parameters in c4repl_new: nothing in 2.8 to 3.1, a prefix for the log since 3.2. */
#if GENERATION == 99
#define PREFIX_PARAMETER , C4String logPrefix, uint64_t one, uint64_t two, uint64_t three
#define PREFIX_ARGUMENT , given.log_prefix, 1, 2, 3
#elif GENERATION >= 32
#define PREFIX_PARAMETER , C4String logPrefix
#define PREFIX_ARGUMENT , given.log_prefix
#else
#define PREFIX_PARAMETER
#define PREFIX_ARGUMENT
#endif

/* All that c4repl_new is given; what the stand-in got is compared with what the host gave. */
struct arguments {
    C4Database *database;
    C4Address address;
    C4String database_name;
    C4ReplicatorParameters params;
    C4String log_prefix;
    uint64_t more[3];
    C4Error *out_error;
};

C4Replicator *c4repl_new(C4Database *, C4Address, C4String database_name, C4ReplicatorParameters PREFIX_PARAMETER,
                         C4Error *);
C4Replicator *c4repl_newWithSocket(C4Database *, C4Socket *, C4ReplicatorParameters PREFIX_PARAMETER, C4Error *);
C4Socket *c4socket_fromNative(C4SocketFactory, void *handle, const C4Address *);
C4Socket *c4socket_fromNative2(C4SocketFactory, void *handle, const C4Address *, bool incoming);
void c4socket_registerFactory(C4SocketFactory);
void c4socket_gotHTTPResponse(C4Socket *, int status, C4Slice headers);
void c4socket_opened(C4Socket *);
void c4socket_received(C4Socket *, C4Slice);
void c4socket_completedWrite(C4Socket *, size_t);
void c4socket_closeRequested(C4Socket *, int status, C4String message);
#if GENERATION == 99
void c4socket_closed(C4Socket *, C4Error, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
#define CLOSED_MORE , 1, 2, 3, 4, 5
#else
void c4socket_closed(C4Socket *, C4Error);
#define CLOSED_MORE
#endif

void _FLBuf_Retain(const void *);
void _FLBuf_Release(const void *);

/* The stand-in's own. */
const struct arguments *stand_in_got(void);              /* by c4repl_new, last */
const C4SocketFactory *stand_in_factory(void);           /* its copy of the factory that came last */
void stand_in_play(const C4SocketFactory *, C4Socket *); /* a whole session of `socket`, as LiteCore would make it */
/* Up-calls that arrived, all together, and their bytes. */
int stand_in_upcalls(void);
size_t stand_in_bytes(void);
int stand_in_buffers(void); /* that have a reference left */

#endif
