"""Pushes one document from a LiteCore that is loaded by cffi, with its socket factory traced.

python push.py LITECORE URL    the path of libLiteCore.so (3.0), and the ws:// URL of a database
"""

from __future__ import annotations

import sys
import tempfile
import threading
from typing import Any

from cffi import FFI

import c4trace
from c4trace.factories import WebSocketFactory

ffi = FFI()
# Layouts of LiteCore 3.0; C4ReplicatorParameters is another struct from 3.1 on.
ffi.cdef(
    """
    typedef struct { const void *buf; size_t size; } C4Slice;
    typedef struct { uint8_t domain; int code; unsigned internal_info; } C4Error;
    typedef struct { C4Slice folder; uint32_t flags; uint32_t algorithm; uint8_t key[32]; } C4DatabaseConfig2;
    typedef struct { C4Slice scheme; C4Slice hostname; uint16_t port; C4Slice path; } C4Address;
    typedef struct { int level; uint64_t progress[3]; C4Error error; int flags; } C4ReplicatorStatus;
    typedef struct {
        int push, pull;
        C4Slice options;
        void *filters[2];
        void (*onStatusChanged)(void *replicator, C4ReplicatorStatus, void *context);
        void *callbacks[4];
        void *context;
        const void *socketFactory;
    } C4ReplicatorParameters;

    void c4log_setCallbackLevel(int8_t);
    void *c4db_openNamed(C4Slice name, const C4DatabaseConfig2 *, C4Error *);
    bool c4db_beginTransaction(void *database, C4Error *);
    bool c4db_endTransaction(void *database, bool commit, C4Error *);
    C4Slice c4db_encodeJSON(void *database, C4Slice json, C4Error *);
    void *c4doc_create(void *database, C4Slice id, C4Slice body, uint8_t flags, C4Error *);
    void c4doc_release(void *document);
    bool c4db_close(void *database, C4Error *);
    bool c4address_fromURL(C4Slice url, C4Address *, C4Slice *database_name);
    void *c4repl_new(void *database, C4Address, C4Slice database_name, C4ReplicatorParameters, C4Error *);
    void c4repl_start(void *replicator, bool reset);
    void c4repl_free(void *replicator);
    void _FLBuf_Release(const void *);
    """
)
CREATE, ONE_SHOT, STOPPED, ERRORS = 1, 2, 0, 4
kept: list[Any] = []  # what slices point to


def a_slice(text: str) -> Any:
    """Text as a C4Slice, valid as long as the program."""
    kept.append(ffi.from_buffer(text.encode()))
    return ffi.new("C4Slice *", [kept[-1], len(kept[-1])])[0]


def push(path: str, url: str, factory: int) -> str:
    """Push a new database with one document through the C4SocketFactory at this address; what came of it."""
    litecore, error = ffi.dlopen(path), ffi.new("C4Error *")
    litecore.c4log_setCallbackLevel(ERRORS)
    ended = threading.Event()
    result = ["pushed"]

    def status_changed(_replicator: Any, status: Any, _context: Any) -> None:
        if status.level == STOPPED:
            if status.error.code:
                result[:] = [f"failed: domain {status.error.domain}, code {status.error.code}"]
            ended.set()

    callback = ffi.callback("void(void *, C4ReplicatorStatus, void *)", status_changed)
    with tempfile.TemporaryDirectory() as folder:
        database = litecore.c4db_openNamed(
            a_slice("orders"), ffi.new("C4DatabaseConfig2 *", [a_slice(folder), CREATE]), error
        )
        litecore.c4db_beginTransaction(database, error)
        body = litecore.c4db_encodeJSON(database, a_slice('{"number": 1}'), error)
        litecore.c4doc_release(litecore.c4doc_create(database, a_slice("order-1"), body, 0, error))
        litecore._FLBuf_Release(body.buf)  # noqa: SLF001 - that is the C function's name
        litecore.c4db_endTransaction(database, True, error)

        address, name = ffi.new("C4Address *"), ffi.new("C4Slice *")
        if not litecore.c4address_fromURL(a_slice(url), address, name):
            return f"{url} is no URL of a database"
        parameters = ffi.new(
            "C4ReplicatorParameters *",
            {"push": ONE_SHOT, "onStatusChanged": callback, "socketFactory": ffi.cast("void *", factory)},
        )
        replicator = litecore.c4repl_new(database, address[0], name[0], parameters[0], error)
        litecore.c4repl_start(replicator, False)
        ended.wait()
        litecore.c4repl_free(replicator)
        litecore.c4db_close(database, error)
    return result[0]


if __name__ == "__main__":
    _, litecore, url = sys.argv
    with (
        WebSocketFactory() as inner,
        c4trace.Tracer("python-example", litecore=litecore, record="push.jsonl") as tracer,
    ):
        traced = tracer.wrap(inner)
        print(push(litecore, url, traced.address))
        calls = tracer.snapshot().factories[0].events
        print(f"traced {sum(cell.n for cell in calls.values())} calls and up-calls, recorded in push.jsonl")
