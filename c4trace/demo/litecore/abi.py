"""What the demo calls of LiteCore 3.0 on a 64-bit machine, for cffi's ABI mode.

Layouts and signatures: C headers of tag 3.0.0 (c4Base, c4Database, c4Document, c4BlobStore, c4Socket, c4Replicator).
C4ReplicatorParameters is another struct from 3.1 on, so no other version is driven.
"""

from __future__ import annotations

from typing import Any

from cffi import FFI

__all__ = ["CData", "ffi"]

CData = Any  # cffi gives C values no static types

ffi = FFI()
ffi.cdef(
    """
    typedef struct { const void *buf; size_t size; } C4Slice;
    typedef struct { uint8_t domain; int code; unsigned internal_info; } C4Error;
    C4Slice c4error_getMessage(C4Error);
    void c4log_setCallbackLevel(int8_t);
    void c4base_release(void *);
    void _FLBuf_Release(const void *);

    typedef struct C4Database C4Database;
    typedef struct {
        C4Slice parentDirectory;
        uint32_t flags;
        struct { uint32_t algorithm; uint8_t bytes[32]; } encryptionKey;
    } C4DatabaseConfig2;
    C4Database *c4db_openNamed(C4Slice name, const C4DatabaseConfig2 *, C4Error *);
    bool c4db_close(C4Database *, C4Error *);
    uint64_t c4db_getDocumentCount(C4Database *);
    bool c4db_beginTransaction(C4Database *, C4Error *);
    bool c4db_endTransaction(C4Database *, bool commit, C4Error *);

    typedef struct C4Document C4Document;
    C4Slice c4db_encodeJSON(C4Database *, C4Slice json, C4Error *);
    C4Document *c4doc_create(C4Database *, C4Slice id, C4Slice body, uint8_t flags, C4Error *);
    void c4doc_release(C4Document *);

    typedef struct C4BlobStore C4BlobStore;
    typedef struct { uint8_t bytes[20]; } C4BlobKey;
    C4BlobStore *c4db_getBlobStore(C4Database *, C4Error *);
    bool c4blob_create(C4BlobStore *, C4Slice contents, const C4BlobKey *expected, C4BlobKey *key, C4Error *);
    C4Slice c4blob_keyToString(C4BlobKey);

    typedef struct C4Socket C4Socket;
    typedef struct { C4Slice scheme; C4Slice hostname; uint16_t port; C4Slice path; } C4Address;
    bool c4address_fromURL(C4Slice url, C4Address *, C4Slice *database_name);

    typedef struct C4Replicator C4Replicator;
    typedef struct {
        int32_t level;
        struct { uint64_t unitsCompleted; uint64_t unitsTotal; uint64_t documentCount; } progress;
        C4Error error;
        int32_t flags;
    } C4ReplicatorStatus;
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
        const void *socketFactory;
    } C4ReplicatorParameters;
    C4Replicator *c4repl_new(C4Database *, C4Address, C4Slice database_name, C4ReplicatorParameters, C4Error *);
    C4Replicator *c4repl_newWithSocket(C4Database *, C4Socket *, C4ReplicatorParameters, C4Error *);
    void c4repl_start(C4Replicator *, bool reset);
    void c4repl_stop(C4Replicator *);
    void c4repl_free(C4Replicator *);

    void c4socket_gotHTTPResponse(void);
    void c4socket_opened(void);
    void c4socket_received(void);
    void c4socket_completedWrite(void);
    void c4socket_closeRequested(void);
    void c4socket_closed(void);
    void c4socket_fromNative(void);
    void c4socket_retain(void);
    void c4socket_release(void);
    void c4error_make(void);
    """
)
"""The c4socket_ functions are only looked up here, never called: factories get their addresses."""
