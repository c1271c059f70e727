"""What writing a card has in common, whichever card: where its keys stand, and moving them to the site's. Pure.

A card is written so that it may be interrupted anywhere and begun again: the version that a card keeps with each key
(0: the factory's) tells which keys it has, and the key that may change the others is changed last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from portillon_rules.credential import CredentialKind

from portillon_drivers.cards.apdu import Native, native
from portillon_drivers.cards.cipher import FACTORY_KEY
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardProtocolError, NotGenuine, ProvisioningError
from portillon_drivers.cards.identified import Identified
from portillon_drivers.cards.identify import ISO_14443_4, identify
from portillon_drivers.cards.keyring import CardKeyring, KeyVersion
from portillon_drivers.cards.session import Random, Session
from portillon_drivers.cards.sun import UID_BYTES

KeyOf: TypeAlias = Callable[[KeyVersion, int], bytes]
"""The key with that number of the card in the field, in that generation."""
Progress: TypeAlias = Callable[[str], None]
"""Is told each step as it begins."""
FACTORY_VERSION = 0
_NXP = 0x04
_TYPE_BITS = 0x0F
"""The upper half of GetVersion's type tells how the chip was packed."""
_VERSION_BYTES_MIN = 21
"""Hardware and software, 7 bytes each, and the UID (NT4H2421Gx §10.4.2)."""
S = TypeVar("S", bound=Session)


def unwatched(step: str) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True, slots=True)
class CardKeys:
    """Which version each of the card's keys has now."""

    versions: Sequence[int]
    keyring: CardKeyring
    key_of: KeyOf

    @property
    def blank(self) -> bool:
        """As from the factory."""
        return not any(self.versions)

    def allow(self, may_be_blank: Callable[[], bool]) -> None:
        """Raises ProvisioningError for a blank card that cannot be blank."""
        if self.blank and not may_be_blank():
            raise ProvisioningError(
                "a card with this UID was written before, and this one is blank: a fake that wants that card's keys, or"
                " that card was erased. Take another card, and block the credential of the one before"
            )

    def present(self, number: int) -> bytes:
        """The key that the card has now; raises ProvisioningError if nobody here can know it."""
        version = self.versions[number]
        if version == FACTORY_VERSION:
            return FACTORY_KEY
        known = self.keyring.find(version)
        if known is None:
            raise ProvisioningError(
                f"key {number} of this card has version {version}, which is not in the keyring:"
                " another site wrote it, or its keys were retired. Take another card"
            )
        return self.key_of(known, number)

    def move(self, session: Session, number: int) -> Dialogue[None]:
        """Put the current generation's key there, unless it is there already."""
        current = self.keyring.current
        if self.versions[number] != current.version:
            old, new = self.present(number), self.key_of(current, number)
            yield from session.change_key(number, new=new, old=old, version=current.version)


def look_at_keys(count: int, keyring: CardKeyring, key_of: KeyOf) -> Dialogue[CardKeys]:
    """What is known of the keys of the selected application."""
    return CardKeys((yield from key_versions(count)), keyring, key_of)


def key_versions(count: int) -> Dialogue[tuple[int, ...]]:
    """The version of each key of the selected application."""
    versions: list[int] = []
    for number in range(count):
        step = f"ask for the version of key {number}"
        answer = yield from native(step, Native.GET_KEY_VERSION, bytes([number]))
        if len(answer) != 1:
            raise CardProtocolError(f"{step}: {len(answer)} bytes instead of one")
        versions.append(answer[0])
    return tuple(versions)


def check_type_and_uid(uid: bytes, hardware_type: int, name: str) -> Dialogue[None]:
    """Whether this is such a card and shows its true UID; raises ProvisioningError."""
    found, inside = yield from type_and_uid()
    if found != hardware_type:
        raise ProvisioningError(f"this is no {name}; take one of that type")
    if inside != uid:
        raise ProvisioningError("the card shows another UID than it holds (random ID, or a fake); take another card")


def type_and_uid() -> Dialogue[tuple[int, bytes]]:
    """NXP's type of hardware, and the UID that the card holds; raises ProvisioningError for another maker's card."""
    version = yield from native("ask what the card is", Native.GET_VERSION)
    if len(version) < _VERSION_BYTES_MIN or version[0] != _NXP:
        raise ProvisioningError("this is no card of NXP's; take an NTAG 424 DNA or a DESFire")
    return version[1] & _TYPE_BITS, version[_VERSION_BYTES_MIN - UID_BYTES : _VERSION_BYTES_MIN]


def proven(dialogue: Dialogue[S], card: str) -> Dialogue[S]:
    """The session, or ProvisioningError for a card whose first key is not what its version says."""
    try:
        return (yield from dialogue)
    except NotGenuine:
        raise ProvisioningError(
            f"this {card} has neither the factory's keys nor this site's, whatever it says: a used card or a fake;"
            " take another one"
        ) from None


def read_back(uid: bytes, keyring: CardKeyring, kind: CredentialKind, *, random: Random) -> Dialogue[Identified]:
    """What a door would find; raises ProvisioningError if that is nothing."""
    try:
        return (yield from identify(uid, ISO_14443_4, b"", keyring, frozenset({kind}), random=random))
    except NotGenuine as error:
        raise ProvisioningError(f"the card was written but proves nothing ({error}); write it again") from None
