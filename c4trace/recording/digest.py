"""The SHA-256 of a recording's text: made of what is written, or read from the file behind whoever writes it."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from typing import Protocol

from c4trace.recording.target import Target

__all__ = ["Digest", "FileDigest", "TextDigest"]

_PIECE = 256 << 10  # fits the cache, so that it is digested from there
_LOOK_S = 0.005  # how soon one that waits for calm hears that it was given up


class Digest(Protocol):
    """The digest of all text so far."""

    def add(self, text: bytes | memoryview) -> None:
        """Take in text that is to be written."""

    def catch_up(self) -> None:
        """Take in what has been written until now; in any thread, but in one at a time."""

    @property
    def behind(self) -> int:
        """Bytes that are in the file and not in the digest."""

    def give_up(self) -> None:
        """Let a running catch_up return, if it is behind; from any thread."""

    def hexdigest(self) -> str | None:
        """Give it, of everything that was added or is in the file; None where it was given up."""


class TextDigest:
    """Made while the text is written."""

    behind = 0

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, text: bytes | memoryview) -> None:
        """As in Digest."""
        self._sha256.update(text)

    def catch_up(self) -> None:
        """Do nothing: it never is behind."""

    def give_up(self) -> None:
        """Do nothing: it never is behind."""

    def hexdigest(self) -> str:
        """As in Digest."""
        return self._sha256.hexdigest()


class FileDigest:
    """Made of a plain file's bytes, while they are in the page cache still: writing does not wait for it.

    It goes on while `calm` is set only: the processors are for whoever records, where there are too few for both.
    """

    def __init__(self, target: Target, calm: threading.Event) -> None:
        self._target = target
        self._calm = calm
        self._sha256 = hashlib.sha256()
        self._done = 0
        self._is_given_up = False
        self._piece = memoryview(bytearray(_PIECE))

    def add(self, text: bytes | memoryview) -> None:
        """Do nothing: it will be in the file."""

    @property
    def behind(self) -> int:
        """As in Digest."""
        return self._target.size - self._done

    def catch_up(self) -> None:
        """As in Digest; OSError where the file cannot be read."""
        end = self._target.size
        while self._done < end and not self._is_given_up:
            if not self._calm.wait(_LOOK_S):
                continue
            n = self._target.read_into(self._piece[: end - self._done], self._done)
            if not n:
                raise OSError(errno.EIO, os.strerror(errno.EIO))  # somebody has cut the file
            self._sha256.update(self._piece[:n])
            self._done += n

    def give_up(self) -> None:
        """As in Digest."""
        self._is_given_up = self.behind > 0

    def hexdigest(self) -> str | None:
        """As in Digest; OSError where the file cannot be read."""
        self.catch_up()
        return None if self._is_given_up else self._sha256.hexdigest()
