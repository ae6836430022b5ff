"""The inner factory as a user gives it: an address, a pointer, or an object; never read before it can be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from c4trace._native import ffi
from c4trace.factories.bridge import BridgedFactory, bridge
from c4trace.factories.socket_factory import Framing, SocketFactory
from c4trace.trace_error import TraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["address_of", "bridged"]

_LEAST = 64  # bytes of a C4SocketFactory up to 3.3 and 4.0


def bridged(factory: SocketFactory, upcalls: Mapping[str, int], factory_size: Literal[64, 72]) -> BridgedFactory:
    """A factory in Python as a C4SocketFactory; raises TraceError where it cannot be one."""
    what = f"cannot wrap this {type(factory).__name__}"
    if factory.framing not in set(Framing):
        raise TraceError(f"{what}: its framing is {factory.framing!r}; set it to one of c4trace.Framing")
    try:
        return bridge(factory, upcalls, factory_size=factory_size)
    except ValueError as error:
        raise TraceError(f"{what}: {error}") from error


def address_of(inner: object, factory_size: int) -> int:
    """The address of a C4SocketFactory, as an int or a cffi pointer; raises TraceError for what cannot be one."""
    if isinstance(inner, ffi.CData) and ffi.typeof(inner).kind in {"pointer", "array"}:
        address = int(ffi.cast("uintptr_t", inner))
    elif type(inner) is int:
        address = inner
    else:
        hint = " (an object of it, not the class)" if _is_class(inner) else ""
        what = f"an address, a cffi pointer to a C4SocketFactory, or a SocketFactory object{hint}"
        raise TraceError(f"cannot wrap {_name(inner)}: give {what}")
    if address == 0:
        raise TraceError("cannot wrap the address 0: give that of a C4SocketFactory")
    if not 0 < address < 1 << 64 or address % 8 or not _is_readable(address, factory_size or _LEAST):
        raise TraceError(
            f"cannot wrap {address:#x}: there is no C4SocketFactory at this address; give that of the struct"
        )
    return address


def _is_class(inner: object) -> bool:
    return isinstance(inner, type) and issubclass(inner, SocketFactory)


def _name(inner: object) -> str:
    if isinstance(inner, ffi.CData):
        return f"a {ffi.typeof(inner).cname} of cffi"
    return f"the class {inner.__name__}" if isinstance(inner, type) else f"a {type(inner).__name__}"


def _is_readable(address: int, size: int) -> bool:
    """Whether there is memory: the kernel tries to read it, and fails where we would crash."""
    reading, writing = os.pipe()
    try:
        return os.write(writing, ffi.buffer(ffi.cast("char *", address), size)) == size
    except OSError:
        return False
    finally:
        os.close(reading)
        os.close(writing)
