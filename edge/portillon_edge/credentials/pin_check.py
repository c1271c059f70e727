"""Whether a PIN is right, and what its being wrong brings. Pure.

Wrong PINs are counted in a row for the reader and, with a card, for the card, at all readers together. Whoever reaches
a reader's `pin_tries_max` is locked out there for `pin_lockout_s`, for right PINs too. A right PIN starts both counts
anew; so does the end of a lock-out. A wrong PIN is never kept, not even as a hash. A right one is in the journal as an
HMAC under the site's PIN key, which the journal does not hold: a stolen journal gives no 10⁴ PINs to try. Whoever has
that key too can try them all (docs/credentials.md).
"""

from collections.abc import Callable

from portillon_rules.credential import Credential, CredentialError, CredentialKind
from portillon_rules.decision import Lookup
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason

from portillon_edge.credentials.heard import PinEntered, Presented, Refused
from portillon_edge.credentials.memory import CredentialMemory
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.credential_facts import PinTried, PinTriesForgotten, after_wrong_pin
from portillon_edge.domain.events import EventTime


class PinCheck:
    """`find` looks a credential up; `names` gives the hashes under which it is remembered."""

    def __init__(
        self,
        memory: CredentialMemory,
        *,
        find: Callable[[Credential], Lookup],
        names: Callable[[Credential], tuple[str, ...]],
    ) -> None:
        self._memory = memory
        self._find = find
        self._names = names

    def judge(
        self, entered: PinEntered, rules: ReaderRules, now: EventTime, *, synced: bool = True
    ) -> Presented | Refused:
        """The credential that the PIN makes, if a row has it; else why not. A gateway that was never synchronised
        knows no PIN, so that none is wrong."""
        card = entered.card.card if entered.card else None
        if not synced:
            return Refused(reader=entered.reader, reason=DenyReason.NEVER_SYNCED, at_ns=entered.at_ns, card=card)
        counted = (f"reader:{entered.reader}", *(self._names(card) if card else ()))
        tries = {name: self._memory.tries(name) for name in counted}
        credential = _credential(card, entered.digits)
        row = self._find(credential) if credential else None
        if any(count.locked(now) for count in tries.values() if count):
            duress = isinstance(row, Entitlement) and row.duress
            member = row.member if isinstance(row, Entitlement) else None
            return Refused(
                reader=entered.reader,
                reason=DenyReason.PIN_LOCKED,
                at_ns=entered.at_ns,
                card=card,
                duress=duress,
                member=member,
            )
        if credential is None or row is None:
            limits = {"tries_max": rules.pin_tries_max, "lockout_s": rules.pin_lockout_s}
            return Refused(
                reader=entered.reader,
                reason=DenyReason.WRONG_PIN,
                at_ns=entered.at_ns,
                card=card,
                facts=tuple(PinTried(name, after_wrong_pin(count, now=now, **limits)) for name, count in tries.items()),
            )
        right = isinstance(row, Entitlement)
        return Presented(
            reader=entered.reader,
            credential=credential,
            card=card or credential,
            at_ns=entered.at_ns,
            read_ns=entered.card.read_ns if entered.card else entered.at_ns,
            counter=entered.card.counter if entered.card else None,
            shown=entered.card.shown if entered.card else None,
            facts=tuple(PinTriesForgotten(name) for name, count in tries.items() if count and right),
        )


def _credential(card: Credential | None, digits: str) -> Credential | None:
    try:
        return card.with_pin(digits) if card else Credential(CredentialKind.PIN, digits)
    except CredentialError:
        return None  # too short or too long to be anybody's
