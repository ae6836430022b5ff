# cdef.h names what `lib` holds, and the C compiler checks it; cffi gives neither a type that mypy could read.
from typing import Any

import cffi

ffi: cffi.FFI
lib: Any
