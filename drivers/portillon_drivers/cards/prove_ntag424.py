"""What an NTAG 424 DNA proves: its secure message (SUN), and then a challenge under the key that made it. Pure.

Without the challenge, messages that somebody read from the tag before its owner used it would still open the door.
"""

from collections.abc import Callable, Iterator
from functools import partial

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.cards.apdu import read_binary, select_application_by_name, select_file
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardRefused, NotGenuine
from portillon_drivers.cards.ev2 import authenticate_ev2
from portillon_drivers.cards.file_settings import Sdm
from portillon_drivers.cards.identified import Identified, hides_uid
from portillon_drivers.cards.keyring import CardKeyring, NtagKey
from portillon_drivers.cards.session import Random
from portillon_drivers.cards.site_tag import NDEF_APPLICATION, NDEF_FILE_BYTES, NDEF_FILE_ID, site_sdm
from portillon_drivers.cards.sun import SunMessage, read_sun

LENGTH_BYTES = 2


def prove_ntag424(uid: bytes, keyring: CardKeyring, random: Random) -> Dialogue[Identified | None]:
    """The tag's UID and counter; None: no such tag. Raises NotGenuine, CardRefused, CardProtocolError."""
    try:
        yield from select_application_by_name("select the NDEF application", NDEF_APPLICATION)
        yield from select_file("select the NDEF file", NDEF_FILE_ID)
    except CardRefused:
        return None
    file = yield from read_ndef_file()
    message, key_number, key = _verified(file, keyring)
    if message.uid != uid and not hides_uid(uid):
        raise NotGenuine("SUN: the message is another tag's")
    yield from authenticate_ev2(key_number, key, random=random)
    return Identified(Credential(CredentialKind.NTAG424, message.uid.hex().upper()), message.counter)


def read_ndef_file() -> Dialogue[bytes]:
    """The selected NDEF file: its length and what stands there. Raises NotGenuine (empty), CardRefused."""
    head = yield from read_binary("read the NDEF length", 0, LENGTH_BYTES)
    length = int.from_bytes(head)
    if not 0 < length <= NDEF_FILE_BYTES - LENGTH_BYTES - 1:
        raise NotGenuine("SUN: the tag holds no text; it was not written for a site")
    return head + (yield from read_binary("read the NDEF message", LENGTH_BYTES, length))


def _verified(file: bytes, keyring: CardKeyring) -> tuple[SunMessage, int, bytes]:
    """The message, and number and value of the key that made its MAC."""
    failure = NotGenuine("SUN: the text is not of this site")
    for sdm, key_of, meta_read_key in _candidates(file, keyring):
        try:
            message = read_sun(file, sdm, file_read_key=key_of, meta_read_key=meta_read_key)
        except NotGenuine as error:
            failure = error
        else:
            return message, sdm.file_read, key_of(message.uid)
    raise failure


def _candidates(file: bytes, keyring: CardKeyring) -> Iterator[tuple[Sdm, Callable[[bytes], bytes], bytes | None]]:
    own = site_sdm(file)
    if own is not None:
        for version in keyring.versions:
            yield own, partial(version.ntag_key, NtagKey.SUN), None
    for tags in keyring.foreign:
        yield tags.sdm, tags.key_of, tags.meta_read_key
