"""Where a DESFire card keeps this site's proof: one application, two AES keys, one enciphered file. Pure."""

from portillon_drivers.cards.apdu import DESFIRE_FRAME_BYTES_MAX, ILLEGAL_COMMAND
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardRefused
from portillon_drivers.cards.ev1 import authenticate_ev1
from portillon_drivers.cards.ev2 import authenticate_ev2
from portillon_drivers.cards.keyring import DESFIRE_AID
from portillon_drivers.cards.session import Random, Session
from portillon_drivers.cards.signed_number import FILE_BYTES

CREDENTIAL_FILE = 1
KEY_COUNT = 2
AES_KEYS = 0x80
APPLICATION_SETTINGS = 0x09
"""Keys change with key 0 only; so does everything else; even the list of files needs it."""


def native_aid() -> bytes:
    """The application's number as it travels: low byte first."""
    return DESFIRE_AID[::-1]


def whole_file() -> bytes:
    """Number, offset and length of the signed file, as ReadData and WriteData want them."""
    return bytes([CREDENTIAL_FILE]) + bytes(3) + FILE_BYTES.to_bytes(3, "little")


def authenticate_desfire(number: int, key: bytes, *, random: Random) -> Dialogue[Session]:
    """EV2First where the card knows it, else EV1's. Raises NotGenuine (another key), CardRefused, CardProtocolError."""
    try:
        return (yield from authenticate_ev2(number, key, random=random, frame_bytes_max=DESFIRE_FRAME_BYTES_MAX))
    except CardRefused as error:
        if error.status != ILLEGAL_COMMAND:
            raise
    return (yield from authenticate_ev1(number, key, random=random))
