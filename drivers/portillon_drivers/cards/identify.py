"""Who is in the field: asks a card for its proof, as far as this reader wants one. Pure: a dialogue of APDUs."""

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardProtocolError, CardRefused, NotGenuine
from portillon_drivers.cards.identified import Identified, hides_uid
from portillon_drivers.cards.keyring import CardKeyring
from portillon_drivers.cards.prove_desfire import prove_desfire
from portillon_drivers.cards.prove_ntag424 import prove_ntag424
from portillon_drivers.cards.session import SYSTEM_RANDOM, Random

__all__ = ["Identified", "NotGenuine", "identify"]

ISO_14443_4 = 0x20
"""Bit 6 of SEL_RES: the card takes APDUs (ISO 14443-3 §6.5.3)."""


def identify(
    uid: bytes,
    sak: int,
    atqa: bytes,
    keyring: CardKeyring | None,
    wanted: frozenset[CredentialKind],
    *,
    random: Random = SYSTEM_RANDOM,
) -> Dialogue[Identified]:
    """What the card proves, among the kinds that are `wanted`; its bare UID only if `nfca` is one of them.

    Raises NotGenuine (nothing wanted was proven) or CardProtocolError (the talk was torn or garbled: try again).
    """
    del atqa  # it tells makers apart, and any maker's card may lie in it
    failure = NotGenuine("the card has none of the applications that this reader looks for")
    if keyring is not None and sak & ISO_14443_4:
        proofs = {CredentialKind.NTAG424: prove_ntag424, CredentialKind.DESFIRE: prove_desfire}
        for kind, proof in proofs.items():
            if kind not in wanted:
                continue
            try:
                proven = yield from proof(uid, keyring, random)
            except CardRefused as error:
                failure = NotGenuine(str(error))
            except NotGenuine as error:
                failure = error
            else:
                if proven is not None:
                    return proven
    if CredentialKind.NFCA not in wanted:
        raise failure
    if len(uid) not in (4, 7, 10):
        raise CardProtocolError(f"a UID of {len(uid)} bytes; type A has 4, 7 or 10")
    if hides_uid(uid):
        raise NotGenuine("the card shows a new random number each time (a phone?); it cannot be known by it")
    return Identified(Credential(CredentialKind.NFCA, uid.hex().upper()))
