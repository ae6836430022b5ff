# ffi and lib are made from cdef.h at build time; cffi gives their contents no types that mypy could read.
from typing import Any

ffi: Any
lib: Any
