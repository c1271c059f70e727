"""What a DESFire card proves: its own AES key, and the number that the site signed for it. Pure."""

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.cards.apdu import Native, native
from portillon_drivers.cards.desfire_layout import authenticate_desfire, native_aid, whole_file
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardProtocolError, CardRefused, NotGenuine
from portillon_drivers.cards.identified import Identified
from portillon_drivers.cards.keyring import CardKeyring, DesfireKey, KeyVersion
from portillon_drivers.cards.session import Random
from portillon_drivers.cards.signed_number import FILE_BYTES, verified_number
from portillon_drivers.cards.sun import UID_BYTES


def prove_desfire(uid: bytes, keyring: CardKeyring, random: Random) -> Dialogue[Identified | None]:
    """The card's number; None: no such card. Raises NotGenuine, CardRefused, CardProtocolError."""
    try:
        yield from native("select the site's application", Native.SELECT_APPLICATION, native_aid())
    except CardRefused:
        return None
    if len(uid) != UID_BYTES:
        raise NotGenuine("the card hides its UID, and its keys come from it; switch its random ID off")
    version = yield from _key_version(keyring)
    key = version.desfire_key(DesfireKey.READ, uid)
    session = yield from authenticate_desfire(DesfireKey.READ, key, random=random)
    file = yield from session.read("read the signed file", Native.READ_DATA, whole_file(), FILE_BYTES)
    number = verified_number(file, uid, version.issuer_public)
    return Identified(Credential(CredentialKind.DESFIRE, number.hex().upper()))


def _key_version(keyring: CardKeyring) -> Dialogue[KeyVersion]:
    answer = yield from native("ask for the key's version", Native.GET_KEY_VERSION, bytes([DesfireKey.READ]))
    if len(answer) != 1:
        raise CardProtocolError(f"ask for the key's version: {len(answer)} bytes instead of one")
    version = keyring.find(answer[0])
    if version is None:
        raise NotGenuine(f"the card has keys of version {answer[0]}, which the keyring does not (or no longer) hold")
    return version
