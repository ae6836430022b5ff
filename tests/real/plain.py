"""Builds and loads plain_factory.c: socket factories in C, in a library that is linked to LiteCore alone."""

from __future__ import annotations

import shutil
import subprocess
from enum import Enum
from pathlib import Path
from typing import Final

from cffi import FFI

from tests.real.abi import CData, ffi
from tests.real.counts import Counted
from tests.real.factory import Stage
from tests.real.litecore import PATH, LiteCoreError
from tests.real.peer import Peer

SOURCE: Final = Path(__file__).with_name("plain_factory.c")
URL: Final = "ws://plain.test:4984/db"

CALLS: Final = ("open", "write", "completedReceive", "close", "requestClose", "dispose")
UPCALLS: Final = (
    "gotHTTPResponse", "opened", "closed", "closeRequested", "completedWrite", "received", "fromNative",
)  # fmt: skip
BYTES: Final = {
    "write": "write_bytes",
    "completedReceive": "completedReceive_bytes",
    "completedWrite": "completedWrite_bytes",
    "received": "received_bytes",
    "gotHTTPResponse": "headers_bytes",
}


class Linking(Enum):
    """How the library's imports of c4socket_* are bound: the ways production libraries are linked."""

    LAZY = ("-Wl,-z,lazy",)
    NOW = ("-Wl,-z,now,-z,relro",)
    NO_PLT = ("-fno-plt", "-Wl,-z,now,-z,relro")


def build(folder: Path, linking: Linking) -> Path:
    """Compiles the library into `folder`; needs gcc and what `make litecore` sets up."""
    library = folder / f"libplain-{linking.name.lower().replace('_', '-')}.so"
    compiler = shutil.which("gcc") or "gcc"
    flags = "-std=c11 -O2 -g -Wall -Wextra -Werror -fPIC -shared -pthread -fvisibility=hidden".split()
    litecore = [f"-L{PATH.parent}", "-lLiteCore", f"-Wl,-rpath,{PATH.parent}", f"-Wl,-rpath-link,{PATH.parent}"]
    subprocess.run([compiler, *flags, *linking.value, "-o", library, SOURCE, *litecore], check=True)
    return library


def _declarations() -> FFI:
    counts = "".join(f"uint64_t {name};" for name in (*CALLS, *UPCALLS))
    declared = FFI()
    declared.cdef(
        f"""
        typedef struct {{
            {counts}
            uint64_t write_bytes, completedReceive_bytes, completedWrite_bytes, received_bytes, headers_bytes;
            uint64_t wrong_contexts;
            int64_t closed_domain, closed_code;
        }} plain_counts;
        const void *plain_client(bool framed);
        const void *plain_server(bool framed);
        void plain_accept_with(bool framed, const void *factory);
        void plain_on_incoming(void *function, void *context);
        const plain_counts *plain_client_counts(bool framed);
        const plain_counts *plain_server_counts(bool framed);
        """
    )
    return declared


_declared: Final = _declarations()


class PlainSide:
    """The client or the serving factory of the library: what LiteCore gets, and the library's own counts."""

    def __init__(self, address: int, counts: CData) -> None:
        self.address = address
        self._counts = counts

    @property
    def live_sockets(self) -> int:
        return int(max(self._counts.open, self._counts.fromNative) - self._counts.dispose)

    @property
    def wrong_contexts(self) -> int:
        """How many opens did not get the factory's own context."""
        return int(self._counts.wrong_contexts)

    def report(self) -> Counted:
        """What the library counted, without the events that did not happen; of closed's errors it knows the last."""
        calls = {name: int(getattr(self._counts, name)) for name in sorted((*CALLS, *UPCALLS))}
        size = {name: int(getattr(self._counts, field)) for name, field in sorted(BYTES.items())}
        return {
            "calls": {name: number for name, number in calls.items() if number},
            "bytes": {name: number for name, number in size.items() if calls[name]},
            "closed": [[int(self._counts.closed_domain), int(self._counts.closed_code)]] if calls["closed"] else [],
        }


class Plain:
    """A loaded plain library. Its factories are wrapped by their addresses and know nothing of it."""

    def __init__(self, stage: Stage, peer: Peer, library: Path, *, framed: bool) -> None:
        """Loads `library`; sockets for incoming connections are served by `peer`."""
        self._stage = stage
        self._peer = peer
        self._framed = framed
        # RTLD_LAZY: a library linked with -z lazy is bound at its first calls, as it would be in production.
        self._library: CData = _declared.dlopen(str(library), _declared.RTLD_LAZY)
        self._incoming = ffi.callback("void(void *, C4Socket *)", self._serve)
        self._library.plain_on_incoming(
            _declared.cast("void *", int(ffi.cast("uintptr_t", self._incoming))), _declared.NULL
        )
        self.client = PlainSide(
            stage.wrapping.wrap(_address(self._library.plain_client(framed)), "client"),
            self._library.plain_client_counts(framed),
        )
        self.passive = PlainSide(
            stage.wrapping.wrap(_address(self._library.plain_server(framed)), "passive"),
            self._library.plain_server_counts(framed),
        )

    def accept_wrapped(self) -> None:
        """Has the library make its serving sockets of the wrapped factory, not of its own struct."""
        self._library.plain_accept_with(self._framed, _declared.cast("void *", self.passive.address))

    def check(self) -> None:
        """Makes a problem of every open that did not get the factory's own context."""
        for side in (self.client, self.passive):
            if side.wrong_contexts:
                self._stage.problems.append(f"{side.wrong_contexts} opens got a wrong context")

    def _serve(self, _context: CData, socket: CData) -> None:
        try:
            self._peer.serve(socket)
        except LiteCoreError as error:
            self._stage.problems.append(str(error))


def _address(pointer: CData) -> int:
    return int(_declared.cast("uintptr_t", pointer))
