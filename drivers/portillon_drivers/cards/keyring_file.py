"""Reading and writing the file that holds a site's card keys, so that nobody else can."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Any, TypeVar, overload

from portillon_drivers.errors import PermanentDeviceError

MODE = 0o600
BYTES_MAX = 64 * 1024
T = TypeVar("T")
D = TypeVar("D")
_REQUIRED: Any = object()


class CardKeyringError(PermanentDeviceError):
    """The keyring file cannot be used; the message says what to do and never what the file holds."""


def read_private(path: Path) -> str:
    """The file's text; raises CardKeyringError if it is missing or anybody but its owner may touch it."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise CardKeyringError(f"{path}: others may read these keys; chmod 600 {path}, and rotate them")
            return file.read(BYTES_MAX).decode("utf-8")
    except UnicodeDecodeError:
        raise CardKeyringError(f"{path}: this is no text; restore the file from its backup") from None
    except OSError as error:
        raise CardKeyringError(
            f"{path}: cannot be read ({error.strerror}); make it with portillon-edge card keys new"
        ) from None


def write_private(path: Path, text: str, *, replace: bool) -> None:
    """Write the file whole or not at all, readable by its owner only. Raises CardKeyringError."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                Path(name).replace(path)
            else:
                os.link(name, path)  # unlike a rename, it does not overwrite keys that are there
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise CardKeyringError(f"{path} exists already; its keys are on cards, so nothing was written") from None
    except OSError as error:
        raise CardKeyringError(f"{path}: cannot be written ({error.strerror})") from None


@overload
def take(table: Any, key: str, kind: type[T]) -> T: ...
@overload
def take(table: Any, key: str, kind: type[T], *, default: D) -> T | D: ...
def take(table: Any, key: str, kind: type[Any], *, default: Any = _REQUIRED) -> Any:
    """Take a value out of a TOML table; raises CardKeyringError if it is missing or of another type."""
    if not isinstance(table, dict):
        raise CardKeyringError("there is a value where a table is meant")
    if key not in table and default is not _REQUIRED:
        return default
    value = table.pop(key, None)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CardKeyringError(f"{key} is missing or of another type")
    return value


@overload
def hex_field(table: Any, key: str, length: int | None) -> bytes: ...
@overload
def hex_field(table: Any, key: str, length: int | None, *, default: None) -> bytes | None: ...
def hex_field(table: Any, key: str, length: int | None, *, default: Any = _REQUIRED) -> bytes | None:
    """Take `length` bytes (None: any) in hex out of a TOML table; raises CardKeyringError."""
    text = take(table, key, str, default=default)
    if not isinstance(text, str):
        return None
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise CardKeyringError(f"{key} must be written in hex digits") from None
    if length is not None and len(value) != length:
        raise CardKeyringError(f"{key} must have {length} bytes; it has {len(value)}")
    return value
