"""Writes a MIFARE DESFire (EV1, EV2, EV3) for a site: an application, its two keys, the signed number. Pure.

The PICC master key stays as it is: whoever knows it can erase the card, and never write one that opens a door.
"""

from collections.abc import Callable

from portillon_rules.credential import CredentialKind

from portillon_drivers.cards.apdu import AUTHENTICATION_ERROR, Native, native
from portillon_drivers.cards.desfire_layout import (
    AES_KEYS,
    APPLICATION_SETTINGS,
    CREDENTIAL_FILE,
    KEY_COUNT,
    authenticate_desfire,
    native_aid,
    whole_file,
)
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardRefused, NotGenuine, ProvisioningError
from portillon_drivers.cards.file_settings import NEVER, FileSettings
from portillon_drivers.cards.identified import Identified
from portillon_drivers.cards.keyring import CardKeyring, DesfireKey
from portillon_drivers.cards.prove_desfire import prove_desfire
from portillon_drivers.cards.provisioning import (
    CardKeys,
    Progress,
    check_type_and_uid,
    look_at_keys,
    proven,
    read_back,
    unwatched,
)
from portillon_drivers.cards.session import SYSTEM_RANDOM, CommMode, Random, Session
from portillon_drivers.cards.signed_number import FILE_BYTES, NUMBER_BYTES

NAME = "DESFire"
HARDWARE_TYPE = 1
"""GetVersion's hardware type of the DESFire family."""
STEPS = (
    "looking at the card",
    "making the application",
    "giving the card its keys",
    "writing the signed number",
    "closing the card",
    "reading it back",
)
_PICC = bytes(3)
_EXISTS = 0x91DE
_NOT_ALLOWED = (AUTHENTICATION_ERROR, 0x919D)
_FILE_SETTINGS = FileSettings(
    CommMode.FULL, read=DesfireKey.READ, write=DesfireKey.ADMIN, read_write=NEVER, change=DesfireKey.ADMIN
)


def provision_desfire(
    uid: bytes,
    keyring: CardKeyring,
    *,
    may_be_blank: Callable[[], bool] = lambda: True,
    random: Random = SYSTEM_RANDOM,
    progress: Progress = unwatched,
) -> Dialogue[Identified]:
    """Write the card with the keyring's current version, and read it back as a door would.

    Interrupted, it can be run again; a card that has a number of this site keeps it. `may_be_blank` says whether this
    UID was never written before. Raises ProvisioningError (with what to do), NotGenuine, CardProtocolError,
    CardKeyringError (a gateway's keyring).
    """
    progress(STEPS[0])
    issuer = keyring.desk_issuer()
    yield from check_type_and_uid(uid, HARDWARE_TYPE, NAME)
    number = yield from _number_before(uid, keyring, random)
    progress(STEPS[1])
    keys = yield from _application(uid, keyring)
    keys.allow(may_be_blank)
    session = yield from _file(keys, random)
    progress(STEPS[2])
    yield from keys.move(session, DesfireKey.READ)
    progress(STEPS[3])
    file = issuer.sign(uid, number or random(NUMBER_BYTES))
    yield from session.send("write the signed file", Native.WRITE_DATA, whole_file(), file, mode=CommMode.FULL)
    progress(STEPS[4])
    yield from keys.move(session, DesfireKey.ADMIN)
    progress(STEPS[5])
    return (yield from read_back(uid, keyring, CredentialKind.DESFIRE, random=random))


def _number_before(uid: bytes, keyring: CardKeyring, random: Random) -> Dialogue[bytes | None]:
    """The number that this card proves already: renewing its keys leaves its holder's credential as it is."""
    try:
        found = yield from prove_desfire(uid, keyring, random)
    except (NotGenuine, CardRefused):
        return None
    return None if found is None else bytes.fromhex(found.credential.value)


def _application(uid: bytes, keyring: CardKeyring) -> Dialogue[CardKeys]:
    """Select the site's application, made if it is missing, and look at its keys."""
    yield from native("select the card", Native.SELECT_APPLICATION, _PICC)
    settings = bytes([APPLICATION_SETTINGS, AES_KEYS | KEY_COUNT])
    try:
        yield from native("make the application", Native.CREATE_APPLICATION, native_aid() + settings)
    except CardRefused as error:
        if error.status in _NOT_ALLOWED:
            raise ProvisioningError(
                "the card lets nobody make an application without its master key; take one from the factory"
            ) from None
        if error.status != _EXISTS:
            raise
    yield from native("select the site's application", Native.SELECT_APPLICATION, native_aid())
    return (yield from look_at_keys(KEY_COUNT, keyring, lambda v, number: v.desfire_key(DesfireKey(number), uid)))


def _file(keys: CardKeys, random: Random) -> Dialogue[Session]:
    """A session under the administration key, with the file there."""
    admin_key = keys.present(DesfireKey.ADMIN)
    session = yield from proven(authenticate_desfire(DesfireKey.ADMIN, admin_key, random=random), NAME)
    definition = bytes([CREDENTIAL_FILE]) + _FILE_SETTINGS.encode() + FILE_BYTES.to_bytes(3, "little")
    try:
        yield from session.send("make the file", Native.CREATE_STD_DATA_FILE, definition, mode=CommMode.MAC)
    except CardRefused as error:
        if error.status != _EXISTS:
            raise
        # A refusal ends a session.
        return (yield from proven(authenticate_desfire(DesfireKey.ADMIN, admin_key, random=random), NAME))
    return session
