"""What a desk does with a card whose type it does not know yet: write it, or look what it is. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from portillon_rules.credential import CredentialKind

from portillon_drivers.cards import provision_desfire, provision_ntag424
from portillon_drivers.cards.apdu import Native, native, select_application_by_name
from portillon_drivers.cards.desfire_layout import KEY_COUNT, native_aid
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardRefused, NotGenuine, ProvisioningError
from portillon_drivers.cards.identified import Identified
from portillon_drivers.cards.identify import ISO_14443_4, identify
from portillon_drivers.cards.keyring import CardKeyring, NtagKey
from portillon_drivers.cards.provisioning import FACTORY_VERSION, Progress, key_versions, type_and_uid, unwatched
from portillon_drivers.cards.session import SYSTEM_RANDOM, Random
from portillon_drivers.cards.site_tag import DEFAULT_URL, NDEF_APPLICATION

STEP_COUNT = max(len(provision_ntag424.STEPS), len(provision_desfire.STEPS))


@dataclass(frozen=True, slots=True)
class CardReport:
    """What a card is, which version each of its keys has (none: no application of ours), and what it proves here."""

    name: str
    versions: tuple[int, ...]
    proven: Identified | None
    why_not: str = ""

    @property
    def state(self) -> str:
        """How far it is written, in words."""
        if not any(self.versions):
            return "blank"
        if FACTORY_VERSION in self.versions:
            return "half-written: write it again"
        return "keys of version " + ", ".join(str(version) for version in sorted(set(self.versions)))


def provision(
    uid: bytes,
    keyring: CardKeyring,
    *,
    url: str = DEFAULT_URL,
    may_be_blank: Callable[[], bool] = lambda: True,
    random: Random = SYSTEM_RANDOM,
    progress: Progress = unwatched,
) -> Dialogue[Identified]:
    """Write the card as its type wants it; raises what `provision_ntag424` and `provision_desfire` raise."""
    hardware_type, _ = yield from type_and_uid()
    if hardware_type == provision_ntag424.HARDWARE_TYPE:
        return (
            yield from provision_ntag424.provision_ntag424(
                uid, keyring, url=url, may_be_blank=may_be_blank, random=random, progress=progress
            )
        )
    if hardware_type == provision_desfire.HARDWARE_TYPE:
        return (
            yield from provision_desfire.provision_desfire(
                uid, keyring, may_be_blank=may_be_blank, random=random, progress=progress
            )
        )
    raise ProvisioningError("this card of NXP's is neither an NTAG 424 DNA nor a DESFire; take one of those")


def look_at_card(uid: bytes, keyring: CardKeyring, *, random: Random = SYSTEM_RANDOM) -> Dialogue[CardReport]:
    """What the card is and proves; changes nothing but a tag's counter. Raises ProvisioningError, CardProtocolError."""
    hardware_type, _ = yield from type_and_uid()
    if hardware_type == provision_ntag424.HARDWARE_TYPE:
        name, kind, key_count = provision_ntag424.NAME, CredentialKind.NTAG424, len(NtagKey)
        select = select_application_by_name("select the NDEF application", NDEF_APPLICATION)
    elif hardware_type == provision_desfire.HARDWARE_TYPE:
        name, kind, key_count = provision_desfire.NAME, CredentialKind.DESFIRE, KEY_COUNT
        select = _select_desfire()
    else:
        raise ProvisioningError("this card of NXP's is neither an NTAG 424 DNA nor a DESFire")
    try:
        yield from select
        versions = yield from key_versions(key_count)
    except CardRefused:
        return CardReport(name, (), None, "it has no application of this site")
    try:
        proven = yield from identify(uid, ISO_14443_4, b"", keyring, frozenset({kind}), random=random)
    except NotGenuine as error:
        return CardReport(name, versions, None, str(error))
    return CardReport(name, versions, proven)


def _select_desfire() -> Dialogue[None]:
    yield from native("select the site's application", Native.SELECT_APPLICATION, native_aid())
