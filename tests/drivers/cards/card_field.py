"""Cards in a simulated field, and what to do with them there."""

from collections.abc import Callable, Sequence
from random import Random as Seeded

from portillon_drivers.cards.dialogue import Dialogue, Exchange, T, run_dialogue
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.identify import Identified, identify
from portillon_drivers.cards.keyring import CardKeyring
from portillon_drivers.cards.keyring_making import new_keyring
from portillon_rules.credential import CredentialKind

UID = bytes.fromhex("04DE5F1EACC040")
OTHER_UID = bytes.fromhex("041E3C8A2D6B80")
PROOFS = frozenset({CredentialKind.NTAG424, CredentialKind.DESFIRE})
WITH_UID = PROOFS | {CredentialKind.NFCA}


class CardLeft(Exception):
    """The card was taken away."""


def seeded(seed: int) -> Callable[[int], bytes]:
    """Random bytes that are the same in each run."""
    return Seeded(seed).randbytes


KEYRING = new_keyring(random=seeded(1))
STRANGERS = new_keyring(random=seeded(2))


def present(card: EmulatedCard, dialogue: Dialogue[T]) -> T:
    """Lay the card into the field and talk with it."""
    card.select()
    return run_dialogue(dialogue, card.apdu)


def asked(
    card: EmulatedCard,
    keyring: CardKeyring | None = KEYRING,
    wanted: frozenset[CredentialKind] = PROOFS,
    *,
    seed: int = 3,
) -> Identified:
    """What the card proves at a reader."""
    return present(card, identify(card.uid, card.sak, card.atqa, keyring, wanted, random=seeded(seed)))


def taken_away_after(card: EmulatedCard, count: int) -> Exchange:
    """The field of a card that is taken away after so many commands."""
    left = [count]

    def exchange(command: bytes) -> bytes:
        if not left[0]:
            raise CardLeft
        left[0] -= 1
        return card.apdu(command)

    return exchange


def scripted(exchanges: Sequence[Sequence[str]]) -> Exchange:
    """A card that expects exactly these commands and gives exactly these answers."""
    rest = [tuple(bytes.fromhex(text) for text in pair) for pair in exchanges]

    def exchange(command: bytes) -> bytes:
        expected, answer = rest.pop(0)
        assert command.hex() == expected.hex()
        return answer

    return exchange
