"""What the tests call of LiteCore 3.0.0 on x86-64, declared for cffi's ABI mode.

Layouts and signatures are those of the C headers at tag 3.0.0 (c4Socket, c4Replicator, c4Database, c4Document,
c4BlobStore, Fleece). `SIZES` holds the sizes measured on the binary; test_abi.py compares.
"""

from __future__ import annotations

from typing import Any, Final

from cffi import FFI

CData = Any  # a C value: cffi gives these no static types
"""Any C value that cffi hands out."""

SIZES: Final = {
    "C4Slice": 16,
    "C4Error": 12,
    "C4Address": 56,
    "C4SocketFactory": 64,
    "C4ReplicatorStatus": 48,
    "C4ReplicatorParameters": 96,
    "C4DatabaseConfig2": 56,
}

ffi: Final = FFI()
ffi.cdef(
    """
    typedef struct { const void *buf; size_t size; } C4Slice;          /* borrowed bytes; also C4String, FLSlice */
    typedef struct { const void *buf; size_t size; } C4SliceResult;    /* ours to release with _FLBuf_Release */
    typedef struct { uint8_t domain; int code; unsigned internal_info; } C4Error;

    typedef struct C4Database C4Database;
    typedef struct C4Document C4Document;
    typedef struct C4BlobStore C4BlobStore;
    typedef struct C4Replicator C4Replicator;
    typedef struct C4Socket C4Socket;

    C4SliceResult c4_getVersion(void);
    C4SliceResult c4_getBuildInfo(void);
    int c4_getObjectCount(void);
    C4SliceResult c4error_getMessage(C4Error);
    void c4log_setCallbackLevel(int8_t);
    void c4base_release(void *);
    void _FLBuf_Release(const void *);
    C4SliceResult FLData_ConvertJSON(C4Slice json, int *error);
    C4SliceResult FLValue_ToJSON(const void *value);
    const void *FLValue_FromData(C4Slice, int trust);

    typedef struct { uint32_t algorithm; uint8_t bytes[32]; } C4EncryptionKey;
    typedef struct { C4Slice parentDirectory; uint32_t flags; C4EncryptionKey encryptionKey; } C4DatabaseConfig2;
    C4Database *c4db_openNamed(C4Slice name, const C4DatabaseConfig2 *, C4Error *);
    bool c4db_close(C4Database *, C4Error *);
    bool c4db_delete(C4Database *, C4Error *);
    uint64_t c4db_getDocumentCount(C4Database *);
    bool c4db_beginTransaction(C4Database *, C4Error *);
    bool c4db_endTransaction(C4Database *, bool commit, C4Error *);
    C4SliceResult c4db_encodeJSON(C4Database *, C4Slice json, C4Error *);
    C4Document *c4doc_create(C4Database *, C4Slice id, C4Slice body, uint8_t revision_flags, C4Error *);
    C4Document *c4doc_get(C4Database *, C4Slice id, bool must_exist, C4Error *);
    C4SliceResult c4doc_bodyAsJSON(C4Document *, bool canonical, C4Error *);
    void c4doc_release(C4Document *);

    typedef struct { uint8_t bytes[20]; } C4BlobKey;
    C4BlobStore *c4db_getBlobStore(C4Database *, C4Error *);
    bool c4blob_create(C4BlobStore *, C4Slice contents, const C4BlobKey *expected, C4BlobKey *out, C4Error *);
    bool c4blob_keyFromString(C4Slice, C4BlobKey *);
    C4SliceResult c4blob_keyToString(C4BlobKey);
    C4SliceResult c4blob_getContents(C4BlobStore *, C4BlobKey, C4Error *);

    typedef struct { C4Slice scheme; C4Slice hostname; uint16_t port; C4Slice path; } C4Address;
    bool c4address_fromURL(C4Slice url, C4Address *, C4Slice *database_name);

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

    typedef struct { uint64_t unitsCompleted; uint64_t unitsTotal; uint64_t documentCount; } C4Progress;
    typedef struct { int32_t level; C4Progress progress; C4Error error; int32_t flags; } C4ReplicatorStatus;
    typedef struct {
        int32_t push;
        int32_t pull;
        C4Slice optionsDictFleece;
        void *pushFilter;
        void *validationFunc;
        void (*onStatusChanged)(C4Replicator *, C4ReplicatorStatus, void *context);
        void *onDocumentsEnded;
        void *onBlobProgress;
        void *propertyEncryptor;
        void *propertyDecryptor;
        void *callbackContext;
        const C4SocketFactory *socketFactory;
    } C4ReplicatorParameters;
    C4Replicator *c4repl_new(C4Database *, C4Address, C4Slice database_name, C4ReplicatorParameters, C4Error *);
    C4Replicator *c4repl_newWithSocket(C4Database *, C4Socket *, C4ReplicatorParameters, C4Error *);
    void c4repl_free(C4Replicator *);
    void c4repl_start(C4Replicator *, bool reset);
    void c4repl_stop(C4Replicator *);
    C4ReplicatorStatus c4repl_getStatus(C4Replicator *);
    """
)
