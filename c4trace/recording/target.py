"""The file a recording is written to: ours alone, never half begun, never ending in half a write."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import weakref
from pathlib import Path

from c4trace.recording.reader import open_recording
from c4trace.recording.schema import RecordingError

__all__ = ["Target", "check_target", "is_being_written", "unwritable"]

_HINTS = {
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "name a file in a folder",
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder you may write to",
    errno.ENOSPC: "make room, or choose another disk",
    errno.EDQUOT: "make room, or choose another disk",
    errno.EFBIG: "raise the file size limit (ulimit -f), or rotate",
    errno.ENAMETOOLONG: "choose a shorter name",
}


class Target:
    """A new file that has its first bytes from the moment its name is there; OSError where that fails.

    With `replace` a file of that name is replaced at once by the new one, else FileExistsError is raised. While it is
    open it is locked, so that no other recorder takes it (is_being_written).
    """

    def __init__(self, path: Path, first: bytes, *, replace: bool) -> None:
        self.path = path
        self.size = 0
        unnamed = path.with_name(f".c4trace-{secrets.token_hex(8)}")
        # O_APPEND: after a failed write has been cut off, the next one must not leave a hole.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(unnamed, flags, 0o600)
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.append(first)
            if replace:
                unnamed.rename(path)
            else:
                os.link(unnamed, path)
                unnamed.unlink()
        except BaseException:
            os.close(self._fd)
            unnamed.unlink(missing_ok=True)
            raise
        self._has_links = os.fstat(self._fd).st_nlink > 0  # not every file system counts them
        _targets.add(self)

    @property
    def is_removed(self) -> bool:
        """Whether what is written is lost: the file has no name any more, neither this nor one it was moved to."""
        return self._has_links and os.fstat(self._fd).st_nlink == 0

    def append(self, data: bytes | memoryview) -> None:
        """Write all of `data`; after OSError, cut() takes away what has been written of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        self.size += len(data)

    def read_into(self, room: memoryview, position: int) -> int:
        """Fill `room` with what stands from `position` on; how many bytes that was."""
        return os.preadv(self._fd, [room], position)

    def sync(self) -> None:
        """Bring it to the disk."""
        os.fsync(self._fd)

    def cut(self, size: int) -> None:
        """Let the file end after its first `size` bytes."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, size)
            self.size = size

    def close(self) -> None:
        """Give up the lock, which a forked child may still hold with us, and close the file; it stays as it is."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            self.forget()

    def forget(self) -> None:
        """Close the file alone: in a forked child, where it is the parent's, and stays locked."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


_targets: weakref.WeakSet[Target] = weakref.WeakSet()


def _forget_all() -> None:
    """In a forked child: what the parent writes must not stay locked when the parent is gone and we are not."""
    for target in list(_targets):
        target.forget()


os.register_at_fork(after_in_child=_forget_all)


def check_target(path: Path) -> None:
    """Raise RecordingError where no recording can be written to `path`.

    A recording that nobody is writing may be replaced; anything else that is there may not: no other file, no link, no
    device.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        _check_folder(path)
        return
    except OSError as error:
        raise unwritable(path, error) from error
    if not stat.S_ISREG(mode):
        what = "is a symbolic link" if stat.S_ISLNK(mode) else "is a folder" if stat.S_ISDIR(mode) else "is no file"
        raise RecordingError(path, 0, what, "name a new file, or a recording to replace")
    if path.stat().st_size:
        _check_recording(path)
    _check_folder(path)


def is_being_written(path: Path) -> bool:
    """Whether a recorder, of this or another process, has `path` open as its Target."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(fd)
    return False


def unwritable(path: Path, error: OSError) -> RecordingError:
    """Name the error that met whoever wrote to `path`, and what to do about it."""
    hint = _HINTS.get(error.errno or 0, "choose another name or another disk")
    return RecordingError(path, 0, f"cannot be written: {error.strerror or error}", hint)


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise unwritable(path, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise unwritable(path, OSError(errno.EACCES, os.strerror(errno.EACCES)))


def _check_recording(path: Path) -> None:
    try:
        open_recording(path).close()
        taken = is_being_written(path)
    except (RecordingError, OSError) as error:
        what = "is there already and is no recording that could be replaced"
        raise RecordingError(path, 0, what, "choose another name, or remove it") from error
    if taken:
        what = "is being written by another recorder"
        raise RecordingError(path, 0, what, "choose another name, or end that one")
