"""The one exception of c4trace's Python API."""

from __future__ import annotations

__all__ = ["TraceError"]


class TraceError(Exception):
    """What c4trace was asked for and cannot do: one line with what, why and what to do."""
