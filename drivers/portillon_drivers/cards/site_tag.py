"""What this project writes on an NTAG 424 DNA: a web address that ends in UID, counter and MAC, and settings to match.

    https://gym.example/card?u=04DE5F1EACC040&n=00003D&m=94EED9EE65337086

A phone that reads it opens the address. The MAC covers everything from the UID to `&m=`; since the end is always alike,
a reader needs no offsets of the tag. Pure.
"""

from portillon_drivers.cards.file_settings import FREE, MAC_DIGITS, FileSettings, Sdm
from portillon_drivers.cards.keyring import NtagKey
from portillon_drivers.cards.session import CommMode

NDEF_APPLICATION = bytes.fromhex("D2760000850101")
"""Name of the NDEF application (NFC Forum Type 4 Tag; NT4H2421Gx §8.2.1)."""
NDEF_FILE_ID = bytes.fromhex("E104")
NDEF_FILE = 2
"""The same file by its native number."""
NDEF_FILE_BYTES = 256
URL_BYTES_MAX = 160
"""An address that one APDU can write, tail included."""
DEFAULT_URL = "https://portillon.example/card"
"""A reserved name (RFC 2606): a phone finds nothing there; a site gives its own."""
_HTTPS = 4
"""URI identifier code of "https://" (NFC Forum URI record)."""
_TAIL = b"?u=00000000000000&n=000000&m=0000000000000000"
_UID_AT = _TAIL.index(b"u=") + 2
_COUNTER_AT = _TAIL.index(b"n=") + 2
_LENGTH_BYTES = 2


def site_text(url: str) -> tuple[bytes, Sdm]:
    """The NDEF file for that address, and where the chip is to write in it; raises ValueError for an impossible one."""
    if not url.startswith("https://") or not url.isascii() or not url.isprintable() or set(url) & set(" ?#"):
        raise ValueError(
            "the address must start with https:// and have no ?, no # and no spaces: https://gym.example/card"
        )
    text = url.removeprefix("https://").encode("ascii") + _TAIL
    if len(text) > URL_BYTES_MAX:
        raise ValueError(f"the address is too long: at most {URL_BYTES_MAX - len(_TAIL)} characters after https://")
    payload = bytes([_HTTPS]) + text
    record = bytes([0xD1, 1, len(payload)]) + b"U" + payload
    file = len(record).to_bytes(_LENGTH_BYTES) + record
    return file, _sdm(len(file))


def site_sdm(file: bytes) -> Sdm | None:
    """The SDM settings of this project's tags for that NDEF file; None if it is too short or too long to be one."""
    end = _LENGTH_BYTES + int.from_bytes(file[:_LENGTH_BYTES])
    tail = end - len(_TAIL)
    if tail < _LENGTH_BYTES or end > len(file):
        return None
    return _sdm(end)


def _sdm(end: int) -> Sdm:
    tail = end - len(_TAIL)
    return Sdm(
        meta_read=FREE,
        file_read=NtagKey.SUN,
        uid_offset=tail + _UID_AT,
        counter_offset=tail + _COUNTER_AT,
        mac_input_offset=tail + _UID_AT,
        mac_offset=end - MAC_DIGITS,
    )


def site_settings(sdm: Sdm) -> FileSettings:
    """Anybody reads, nobody writes but who has the administration key."""
    return FileSettings(
        CommMode.PLAIN, read=FREE, write=NtagKey.ADMIN, read_write=NtagKey.ADMIN, change=NtagKey.ADMIN, sdm=sdm
    )


def is_site_tag(settings: FileSettings) -> bool:
    """Whether these are `site_settings` for an address of some length."""
    return settings.sdm is not None and settings == site_settings(_sdm(settings.sdm.mac_offset + MAC_DIGITS))
