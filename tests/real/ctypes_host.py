"""A program that reaches LiteCore by ctypes alone and knows nothing of c4trace; its factory hangs up after some writes.

    python ctypes_host.py LIBLITECORE FOLDER WRITES [leak]

It prints, as JSON, how often its callbacks were called and what they called; with `leak` it keeps what it is written.
"""

from __future__ import annotations

import ctypes
import json
import sys
import threading
from collections import Counter
from ctypes import CFUNCTYPE, POINTER, Structure, c_bool, c_int, c_int32, c_size_t, c_uint8, c_uint16, c_void_p
from typing import Any, ClassVar

NO_FRAMING, ONE_SHOT, CREATE = 1, 2, 1
WEBSOCKET, GOING_AWAY = 6, 1001
LOG_NOTHING = 5
HEADERS = b'{"Sec-WebSocket-Protocol":"BLIP_3+CBMobile_2"}'


class Slice(Structure):
    _fields_: ClassVar = [("buf", c_void_p), ("size", c_size_t)]


class Error(Structure):
    _fields_: ClassVar = [("domain", c_uint8), ("code", c_int), ("internal", ctypes.c_uint)]


class Address(Structure):
    _fields_: ClassVar = [("scheme", Slice), ("hostname", Slice), ("port", c_uint16), ("path", Slice)]


class Config(Structure):
    _fields_: ClassVar = [("parent", Slice), ("flags", ctypes.c_uint32), ("key", c_uint8 * 36)]


OPEN = CFUNCTYPE(None, c_void_p, POINTER(Address), Slice, c_void_p)
WRITE = CFUNCTYPE(None, c_void_p, Slice)
COMPLETED_RECEIVE = CFUNCTYPE(None, c_void_p, c_size_t)
REQUEST_CLOSE = CFUNCTYPE(None, c_void_p, c_int, Slice)
DISPOSE = CFUNCTYPE(None, c_void_p)


class Factory(Structure):
    _fields_: ClassVar = [
        ("framing", c_uint8),
        ("context", c_void_p),
        ("open", OPEN),
        ("write", WRITE),
        ("completed_receive", COMPLETED_RECEIVE),
        ("close", c_void_p),
        ("request_close", REQUEST_CLOSE),
        ("dispose", DISPOSE),
    ]


class Parameters(Structure):
    _fields_: ClassVar = [
        ("push", c_int32),
        ("pull", c_int32),
        ("options", Slice),
        ("unused", c_void_p * 8),
        ("factory", POINTER(Factory)),
    ]


_kept: list[Any] = []


def text(value: bytes) -> Slice:
    buffer = ctypes.create_string_buffer(value, len(value))
    _kept.append(buffer)
    return Slice(ctypes.addressof(buffer), len(value))


class Host:
    """Counts what it is asked and what it answers; after `writes` writes it hangs up."""

    def __init__(self, path: str, writes: int, *, leaks: bool) -> None:
        self.core = _core(path)
        self.counts: Counter[str] = Counter()
        self.over, self.disposed = threading.Event(), threading.Event()
        self._writes = writes
        self._leaks = leaks
        self._lock = threading.Lock()

    def count(self, name: str, n: int = 1) -> int:
        with self._lock:
            self.counts[name] += n
            return self.counts[name]

    def open(self, socket: int, _address: object, _options: object, _context: object) -> None:
        self.count("open")
        headers = self.core.FLData_ConvertJSON(text(HEADERS), None)
        self.count("gotHTTPResponse")
        self.core.c4socket_gotHTTPResponse(socket, 101, headers)
        self.core._FLBuf_Release(headers.buf)
        self.count("opened")
        self.core.c4socket_opened(socket)

    def write(self, socket: int, data: Slice) -> None:
        n = self.count("write")
        self.count("written", data.size)
        if not self._leaks:
            self.core._FLBuf_Release(data.buf)
        self.count("completedWrite")
        self.core.c4socket_completedWrite(socket, data.size)
        if n == self._writes:
            self.core.c4socket_retain(socket)
            threading.Thread(target=self._hang_up, args=(socket,)).start()

    def _hang_up(self, socket: int) -> None:
        self.count("closed")
        self.core.c4socket_closed(socket, Error(WEBSOCKET, GOING_AWAY, 0))
        self.core.c4socket_release(socket)
        self.over.set()

    def dispose(self, _socket: int) -> None:
        self.count("dispose")
        self.disposed.set()

    def factory(self) -> Factory:
        return Factory(
            framing=NO_FRAMING,
            open=OPEN(self.open),
            write=WRITE(self.write),
            completed_receive=COMPLETED_RECEIVE(lambda _socket, _n: None),
            request_close=REQUEST_CLOSE(lambda _socket, _status, _message: None),
            dispose=DISPOSE(self.dispose),
        )


def _core(path: str) -> ctypes.CDLL:
    core = ctypes.CDLL(path)
    core.FLData_ConvertJSON.restype = Slice
    core.c4db_openNamed.restype = core.c4repl_new.restype = c_void_p
    core.c4db_openNamed.argtypes = [Slice, POINTER(Config), POINTER(Error)]
    core.c4repl_new.argtypes = [c_void_p, Address, Slice, Parameters, POINTER(Error)]
    core.c4repl_start.argtypes = [c_void_p, c_bool]
    core.c4socket_closed.argtypes = [c_void_p, Error]
    core.c4socket_gotHTTPResponse.argtypes = [c_void_p, c_int, Slice]
    core.c4socket_completedWrite.argtypes = [c_void_p, c_size_t]
    for name in ("c4socket_opened", "c4socket_retain", "c4socket_release", "_FLBuf_Release"):
        getattr(core, name).argtypes = [c_void_p]
    return core


def main(path: str, folder: str, writes: str, end: str = "") -> None:
    host = Host(path, int(writes), leaks=end == "leak")
    core, factory, error = host.core, host.factory(), Error()
    core.c4log_setCallbackLevel(LOG_NOTHING)
    config = Config(parent=text(folder.encode()), flags=CREATE)
    database = core.c4db_openNamed(text(b"db"), ctypes.byref(config), ctypes.byref(error))
    address = Address(text(b"ws"), text(b"nowhere.test"), 4984, text(b"/db"))
    options = core.FLData_ConvertJSON(text(b'{"maxRetries":0}'), None)
    parameters = Parameters(push=ONE_SHOT, pull=ONE_SHOT, options=options, factory=ctypes.pointer(factory))
    replicator = core.c4repl_new(database, address, text(b"db"), parameters, ctypes.byref(error))
    if not replicator:
        sys.exit(f"c4repl_new: domain {error.domain}, code {error.code}")
    core.c4repl_start(replicator, False)
    if not host.over.wait(60) or not host.disposed.wait(60):
        sys.exit(f"the replicator did not get so far: {dict(host.counts)}")
    print(json.dumps(host.counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
