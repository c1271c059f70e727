"""Writes an NTAG 424 DNA for a site: its own keys, an address that carries the secure message, settings. Pure."""

from collections.abc import Callable
from functools import partial

from portillon_rules.credential import CredentialKind

from portillon_drivers.cards.apdu import Native, native, select_application_by_name
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.ev2 import authenticate_ev2
from portillon_drivers.cards.file_settings import FileSettings, SettingsError
from portillon_drivers.cards.identified import Identified
from portillon_drivers.cards.keyring import CardKeyring, KeyVersion, NtagKey
from portillon_drivers.cards.provisioning import (
    Progress,
    check_type_and_uid,
    look_at_keys,
    proven,
    read_back,
    unwatched,
)
from portillon_drivers.cards.session import SYSTEM_RANDOM, CommMode, Random
from portillon_drivers.cards.site_tag import (
    DEFAULT_URL,
    NDEF_APPLICATION,
    NDEF_FILE,
    is_site_tag,
    site_settings,
    site_text,
)

NAME = "NTAG 424 DNA"
HARDWARE_TYPE = 4
"""GetVersion's hardware type of the NTAG family (NT4H2421Gx §10.4.2)."""
STEPS = (
    "looking at the card",
    "writing the address",
    "giving the card its keys",
    "switching the secure message on",
    "closing the card",
    "reading it back",
)


def _key(uid: bytes, version: KeyVersion, number: int) -> bytes:
    return version.ntag_key(NtagKey(number), uid)


def provision_ntag424(
    uid: bytes,
    keyring: CardKeyring,
    *,
    url: str = DEFAULT_URL,
    may_be_blank: Callable[[], bool] = lambda: True,
    random: Random = SYSTEM_RANDOM,
    progress: Progress = unwatched,
) -> Dialogue[Identified]:
    """Write the tag with the keyring's current version, and read it back as a door would.

    Interrupted, it can be run again. A tag that has its address keeps it: switching SDM on anew would set its counter
    to zero, and every door would take it for a copy of itself. `may_be_blank` says whether this UID was never written
    before. Raises ProvisioningError (with what to do), NotGenuine, CardProtocolError, CardKeyringError (a gateway's
    keyring).
    """
    progress(STEPS[0])
    keyring.desk_issuer()
    text, sdm = site_text(url)
    yield from check_type_and_uid(uid, HARDWARE_TYPE, NAME)
    yield from select_application_by_name("select the NDEF application", NDEF_APPLICATION)
    keys = yield from look_at_keys(len(NtagKey), keyring, partial(_key, uid))
    keys.allow(may_be_blank)
    ready = not keys.blank and (yield from _speaks_already())
    session = yield from proven(authenticate_ev2(NtagKey.ADMIN, keys.present(NtagKey.ADMIN), random=random), NAME)
    progress(STEPS[1])
    if not ready:
        header = bytes([NDEF_FILE]) + bytes(3) + len(text).to_bytes(3, "little")
        yield from session.send("write the address", Native.NTAG_WRITE_DATA, header, text, mode=CommMode.PLAIN)
    progress(STEPS[2])
    for number in NtagKey:
        if number is not NtagKey.ADMIN:
            yield from keys.move(session, number)
    progress(STEPS[3])
    if not ready:
        file, settings = bytes([NDEF_FILE]), site_settings(sdm).encode()
        yield from session.send("switch SDM on", Native.CHANGE_FILE_SETTINGS, file, settings, mode=CommMode.FULL)
    progress(STEPS[4])
    yield from keys.move(session, NtagKey.ADMIN)
    progress(STEPS[5])
    return (yield from read_back(uid, keyring, CredentialKind.NTAG424, random=random))


def _speaks_already() -> Dialogue[bool]:
    """Whether the tag has this project's SDM settings, which are switched on after the text is complete."""
    answer = yield from native("ask for the file's settings", Native.GET_FILE_SETTINGS, bytes([NDEF_FILE]))
    try:
        settings = FileSettings.decode(answer[1:4] + answer[7:])  # between them stands the file's size
    except SettingsError:
        return False
    return is_site_tag(settings)
