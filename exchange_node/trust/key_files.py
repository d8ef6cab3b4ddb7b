"""Files that hold secrets: written whole or not at all, and refused when others could look at them."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from exchange_node.trust.errors import TrustError

_MAX_BYTES = 64 * 1024


def make_folder(folder: Path) -> None:
    """A new folder with mode 0700. Raises TrustError `keys-exist`, `keys-unwritable`."""
    try:
        folder.mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)  # whatever the umask says
    except FileExistsError:
        raise TrustError("keys-exist", str(folder)) from None
    except OSError as error:
        raise TrustError("keys-unwritable", f"{folder}: {error.strerror}") from None


def check_folder(folder: Path) -> None:
    """Return if the folder is ours and closed to others. Raises TrustError `keys-missing`, `keys-exposed`."""
    try:
        found = folder.lstat()
    except OSError as error:
        raise TrustError("keys-missing", f"{folder}: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise TrustError("keys-exposed", f"{folder} is no folder")
    _check(folder, found)


def read_secret(path: Path) -> bytes:
    """A file's bytes, if it is a regular file of ours with mode 0600 or less.

    Raises:
        TrustError: `keys-missing`, `keys-exposed`.
    """
    try:
        # The file that is checked is the file that is read: no symbolic link, and one open for both.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise TrustError("keys-missing", f"{path}: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise TrustError("keys-exposed", f"{path} is no regular file")
        _check(path, found)
        return file.read(_MAX_BYTES)


def write_secret(path: Path, data: bytes) -> None:
    """Put `data` there, replacing what was there, with mode 0600; durable on return.

    Raises:
        TrustError: `keys-unwritable`; the old file then stands as it was.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            file.write(data)
            file.flush()
            os.fsync(handle)
        draft.rename(path)
        _sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise TrustError("keys-unwritable", f"{path}: {error.strerror}") from None


def replace_secret(path: Path, by: Path) -> None:
    """Let the file `by` take the name `path`; durable on return. Raises TrustError `keys-unwritable`."""
    try:
        by.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise TrustError("keys-unwritable", f"{path}: {error.strerror}") from None


def _check(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise TrustError("keys-exposed", f"{path} belongs to user {found.st_uid}, not to the node's")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise TrustError("keys-exposed", f"{path} is open to others (mode {mode:04o})")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
