"""The files of one reader: its key, the key it may have taken on meanwhile, and who it was when it was commissioned.

lane1.key             32 hex digits, readable by the gateway's user only (mode 0600)
lane1.key.next        the same, while a new key is being set: whatever dies then, the reader has one of the two
lane1.key.identity    JSON: vendor, model, serial number and capabilities
"""

import json
import os
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path

from portillon_drivers.osdp.errors import KeyFileError
from portillon_drivers.osdp.identity import Capabilities, Capability, Identity
from portillon_drivers.osdp.keys import KEY_BYTES, refuse_weak

OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO
MODE = 0o600


@dataclass(frozen=True, slots=True)
class CommissionedReader:
    """What is known of a reader; `other_scbk` is there after a change of keys that broke off."""

    scbk: bytes = field(repr=False)
    other_scbk: bytes | None = field(default=None, repr=False)
    identity: Identity | None = None
    capabilities: Capabilities | None = None


class ReaderFiles:
    """The files beside `key_file`."""

    def __init__(self, key_file: Path) -> None:
        self.key_file = key_file
        self._next_file = key_file.with_name(f"{key_file.name}.next")
        self._identity_file = key_file.with_name(f"{key_file.name}.identity")

    def load(self) -> CommissionedReader:
        """What they say; raises KeyFileError or WeakKeyError."""
        scbk = _read_key(self.key_file)
        other_scbk = _read_key(self._next_file) if self._next_file.exists() else None
        if not self._identity_file.exists():
            return CommissionedReader(scbk, other_scbk)
        try:
            known = json.loads(self._identity_file.read_text(encoding="ascii"))
            identity = Identity(**{**known["identity"], "firmware": tuple(known["identity"]["firmware"])})
            capabilities = Capabilities(tuple(Capability(*item) for item in known["capabilities"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KeyFileError(f"{self._identity_file} cannot be read: commission the reader again") from error
        return CommissionedReader(scbk, other_scbk, identity, capabilities)

    @property
    def has_key(self) -> bool:
        """Whether the reader was commissioned."""
        return self.key_file.exists()

    def candidates(self) -> tuple[bytes | None, bytes | None]:
        """The keys that the reader may have, the likelier first; none before its first commissioning."""
        if self.has_key:
            known = self.load()
            return known.scbk, known.other_scbk
        return (_read_key(self._next_file), None) if self._next_file.exists() else (None, None)

    def prepare(self, scbk: bytes) -> None:
        """Keep the key that the reader is about to be given, before it is given."""
        refuse_weak(scbk, str(self._next_file))
        _write(self._next_file, scbk.hex().encode("ascii") + b"\n")

    def forget_next(self) -> None:
        """The reader certainly did not take the prepared key."""
        self._next_file.unlink(missing_ok=True)

    def promote(self) -> None:
        """The reader has proved that it has the prepared key: from now on this is its key; raises KeyFileError."""
        try:
            self._next_file.replace(self.key_file)
            _make_durable(self.key_file.parent)
        except OSError as error:
            raise KeyFileError(
                f"{self._next_file} cannot take the place of {self.key_file}: {error.strerror}"
            ) from error

    def record(self, identity: Identity, capabilities: Capabilities) -> None:
        """Remember who was commissioned, so that an exchange or a downgrade is noticed."""
        items = [(item.function, item.compliance, item.count) for item in capabilities.items]
        known = json.dumps({"identity": asdict(identity), "capabilities": items})
        _write(self._identity_file, known.encode("ascii") + b"\n")


def _read_key(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except FileNotFoundError:
        raise KeyFileError(f"{path} is not there: commission the reader (portillon-edge osdp commission)") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise KeyFileError(f"{path} holds no key: {2 * KEY_BYTES} hex digits are expected, and nothing else") from None
    if mode & OTHERS_MAY:
        raise KeyFileError(f"{path} can be read by others (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}")
    refuse_weak(key, str(path))
    return key


def _write(path: Path, content: bytes) -> None:
    """All or nothing, durable, for this user only from its first moment."""
    making = path.with_name(f"{path.name}.making")
    try:
        making.unlink(missing_ok=True)
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
        _make_durable(path.parent)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from error


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
