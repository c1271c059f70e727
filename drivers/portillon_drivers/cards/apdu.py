"""Commands to a card, and what its answers must look like. Pure.

ISO 7816-4, and the native commands of DESFire and NTAG 424 DNA wrapped in it (90 xx). Long commands and answers travel
in frames: a card that wants or has more says 91AF.
"""

from enum import IntEnum

from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardProtocolError, CardRefused

OK = 0x9100
MORE = 0x91AF
AUTHENTICATION_ERROR = 0x91AE
ILLEGAL_COMMAND = 0x911C
ISO_OK = 0x9000
DESFIRE_FRAME_BYTES_MAX = 54
"""Data in one native frame that every DESFire takes (an EV1 has a buffer of 64 bytes, frame and wrapping included)."""
NTAG_FRAME_BYTES_MAX = 255
"""An NTAG 424 DNA takes any short APDU whole and knows no chained commands."""
ANSWER_FRAMES_MAX = 32
"""The longest file of ours is read in two; a card that goes on for ever is given up."""


class Native(IntEnum):
    """Native commands of DESFire and NTAG 424 DNA, named as NXP names them."""

    AUTHENTICATE_AES = 0xAA
    AUTHENTICATE_EV2_FIRST = 0x71
    ADDITIONAL_FRAME = 0xAF
    GET_VERSION = 0x60
    GET_KEY_VERSION = 0x64
    CHANGE_KEY = 0xC4
    GET_FILE_SETTINGS = 0xF5
    CHANGE_FILE_SETTINGS = 0x5F
    NTAG_READ_DATA = 0xAD
    NTAG_WRITE_DATA = 0x8D
    GET_CARD_UID = 0x51
    GET_FILE_COUNTERS = 0xF6
    SELECT_APPLICATION = 0x5A
    CREATE_APPLICATION = 0xCA
    DELETE_APPLICATION = 0xDA
    GET_APPLICATION_IDS = 0x6A
    GET_FILE_IDS = 0x6F
    GET_KEY_SETTINGS = 0x45
    CREATE_STD_DATA_FILE = 0xCD
    DELETE_FILE = 0xDF
    READ_DATA = 0xBD
    WRITE_DATA = 0x3D


class Iso(IntEnum):
    """ISO 7816-4 instructions."""

    SELECT = 0xA4
    READ_BINARY = 0xB0
    UPDATE_BINARY = 0xD6


def wrapped(command: int, data: bytes = b"") -> bytes:
    """A native command as an ISO 7816-4 APDU."""
    head = bytes([0x90, command, 0, 0])
    return head + (bytes([len(data)]) + data if data else b"") + b"\0"


def parted(step: str, answer: bytes) -> tuple[bytes, int]:
    """Data and status word of an answer; raises CardProtocolError for one too short to have both."""
    if len(answer) < 2:
        raise CardProtocolError(f"{step}: the answer broke off before its status word")
    return answer[:-2], int.from_bytes(answer[-2:])


def select_application_by_name(step: str, name: bytes) -> Dialogue[None]:
    """Select by DF name; raises CardRefused (6A82: no such application)."""
    answer = yield bytes([0x00, Iso.SELECT, 0x04, 0x0C, len(name)]) + name + b"\0"
    _expect(step, answer, ISO_OK)


def select_file(step: str, file_id: bytes) -> Dialogue[None]:
    """Select an elementary file of the current application; raises CardRefused."""
    answer = yield bytes([0x00, Iso.SELECT, 0x00, 0x0C, len(file_id)]) + file_id
    _expect(step, answer, ISO_OK)


def read_binary(step: str, offset: int, length: int) -> Dialogue[bytes]:
    """`length` bytes of the selected file from `offset`; raises CardRefused, CardProtocolError for another length."""
    answer = yield bytes([0x00, Iso.READ_BINARY]) + offset.to_bytes(2) + bytes([length])
    data = _expect(step, answer, ISO_OK)
    if len(data) != length:
        raise CardProtocolError(f"{step}: asked for {length} bytes, got {len(data)}")
    return data


def native_frame(step: str, command: int, data: bytes = b"") -> Dialogue[tuple[bytes, int]]:
    """One native command in one frame; its data and status, whatever it is."""
    answer = yield wrapped(command, data)
    return parted(step, answer)


def native(
    step: str, command: int, data: bytes = b"", *, frame_bytes_max: int = DESFIRE_FRAME_BYTES_MAX
) -> Dialogue[bytes]:
    """A native command of any length and the whole answer to it; raises CardRefused unless the card says 9100."""
    frames = [data[at : at + frame_bytes_max] for at in range(0, len(data), frame_bytes_max)] or [b""]
    code = command
    for frame in frames[:-1]:
        rest, status = yield from native_frame(step, code, frame)
        if status != MORE or rest:
            raise CardRefused(step, status)
        code = Native.ADDITIONAL_FRAME
    answer, status = yield from native_frame(step, code, frames[-1])
    for _ in range(ANSWER_FRAMES_MAX):
        if status != MORE:
            break
        more, status = yield from native_frame(step, Native.ADDITIONAL_FRAME)
        answer += more
    if status != OK:
        raise CardRefused(step, status)
    return answer


def _expect(step: str, answer: bytes, status: int) -> bytes:
    data, got = parted(step, answer)
    if got != status:
        raise CardRefused(step, got)
    return data
