"""PINs: drawn by lot, shown once, unlike any other in the organisation.

All digits are one namespace, alone or with a card, ordinary or duress: nobody's slip of the finger is anybody else's
code, and no ordinary code ever raises a duress alarm. What was issued once is not issued to another person later, who
would be let in as the one who still remembers it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.pin import DIGITS_MOST, digits_min, is_weak
from sqlalchemy import Connection, exists, func, select

from portillon_cloud.members import credential_store as store
from portillon_cloud.members.credential_state import HELD, CredentialState
from portillon_cloud.members.credential_store import KnownCredential, NewCredential
from portillon_cloud.members.errors import (
    CredentialRefusedError,
    CredentialStateError,
    CredentialTakenError,
    NoPinLeftError,
)
from portillon_cloud.members.tables import credential
from portillon_cloud.outbox import account_changed
from portillon_cloud.secrets import Keyring

TRIES_PER_LENGTH = 64
"""Draws before a digit more is taken; with a thousand codes per user not even the second is likely."""

Random = Callable[[int], int]
"""A number from 0 up to, not including, its argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPin:
    """What is shown once and kept by nobody but the member."""

    id: int
    digits: str = field(repr=False)
    duress_id: int | None = None
    duress_digits: str | None = field(default=None, repr=False)


def issue_pin(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    member_id: int,
    card_id: int | None = None,
    duress: bool = False,
    now_ms: int,
    by: str | None,
    random: Random = secrets.randbelow,
) -> IssuedPin:
    """A new PIN in place of the member's earlier ones for this card (None: a PIN that stands for them alone).

    `duress`: one more, which lets in like the other and raises a silent alarm. Raises CredentialRefusedError,
    CredentialStateError, NoPinLeftError, UnknownMemberError, UnknownCredentialError.
    """
    account_id = store.account_of(conn, organisation_id, member_id, lock=True)
    card = None if card_id is None else _card(conn, keyring, organisation_id, member_id, card_id, now_ms)
    earlier = store.held_pins(conn, keyring, organisation_id, member_id, card_id)
    if earlier:
        ids = [one.id for one in earlier]
        store.write_state(conn, organisation_id, account_id, ids, CredentialState.REPLACED, now_ms=now_ms, by=by)
    lot = _Lot(conn, keyring, organisation_id, member_id, card, now_ms, by, random)
    ordinary_id, digits = lot.draw(duress=False)
    duress_id, duress_digits = lot.draw(duress=True) if duress else (None, None)
    for one in earlier:
        successor_id = duress_id if one.duress and duress_id is not None else ordinary_id
        store.write_successor(conn, one.id, successor_id)
    account_changed(conn, organisation_id, account_id)
    return IssuedPin(id=ordinary_id, digits=digits, duress_id=duress_id, duress_digits=duress_digits)


def follow_card(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    account_id: int,
    old_card: KnownCredential,
    new_card_id: int,
    new_card: Credential,
    now_ms: int,
    by: str | None,
) -> None:
    """The PINs of a replaced card go on with the new one: its member has nothing new to learn."""
    for pin in store.held_pins(conn, keyring, organisation_id, old_card.member_id, old_card.id):
        to = CredentialState.REPLACED
        store.write_state(conn, organisation_id, account_id, [pin.id], to, now_ms=now_ms, by=by)
        digits = pin.presented.value.rpartition("+")[2]
        new = NewCredential(
            member_id=pin.member_id,
            presented=new_card.with_pin(digits),
            state=pin.said,
            card_id=new_card_id,
            digits=digits,
            duress=pin.duress,
        )
        successor_id = store.add_row(conn, keyring, organisation_id, new, now_ms=now_ms, by=by)
        if successor_id is None:  # nobody else is ever given these digits
            raise CredentialTakenError(f"the PIN {pin.id} cannot follow its card: issue a new PIN first")
        store.write_successor(conn, pin.id, successor_id)


@dataclass(frozen=True, slots=True)
class _Lot:
    """Draws PINs for one member (and card) until one is free."""

    conn: Connection
    keyring: Keyring
    organisation_id: int
    member_id: int
    card: KnownCredential | None
    now_ms: int
    by: str | None
    random: Random

    def draw(self, *, duress: bool) -> tuple[int, str]:
        """(id, digits) of a new PIN; raises NoPinLeftError."""
        for length in range(self._digits_min(), DIGITS_MOST + 1):
            for _ in range(TRIES_PER_LENGTH):
                digits = f"{self.random(10**length):0{length}d}"
                if is_weak(digits) or _was_issued(self.conn, self.keyring, self.organisation_id, digits):
                    continue
                pin_id = self._keep(digits, duress=duress)
                if pin_id is not None:  # else another desk drew the same a moment ago
                    return pin_id, digits
        raise NoPinLeftError("no PIN of at most 10 digits is free; give this member a card instead")

    def _keep(self, digits: str, *, duress: bool) -> int | None:
        alone = Credential(CredentialKind.PIN, digits)
        new = NewCredential(
            member_id=self.member_id,
            presented=alone if self.card is None else self.card.presented.with_pin(digits),
            card_id=None if self.card is None else self.card.id,
            digits=digits,
            duress=duress,
        )
        return store.add_row(self.conn, self.keyring, self.organisation_id, new, now_ms=self.now_ms, by=self.by)

    def _digits_min(self) -> int:
        held = self.conn.execute(
            select(func.count()).where(
                credential.c.organisation_id == self.organisation_id,
                credential.c.pin_index.is_not(None),
                credential.c.state.in_([state.value for state in HELD]),
            )
        ).scalar_one()
        try:
            return digits_min(held + 1)
        except ValueError as error:
            raise NoPinLeftError(str(error)) from error


def _was_issued(conn: Connection, keyring: Keyring, organisation_id: int, digits: str) -> bool:
    index = store.pin_index(keyring, organisation_id, digits)
    issued = exists().where(credential.c.organisation_id == organisation_id, credential.c.pin_index == index)
    return bool(conn.execute(select(issued)).scalar())


def _card(
    conn: Connection, keyring: Keyring, organisation_id: int, member_id: int, card_id: int, now_ms: int
) -> KnownCredential:
    """The card that the PIN shall confirm, locked."""
    card = store.lock(conn, keyring, organisation_id, card_id)
    if card.member_id != member_id:
        raise CredentialRefusedError(f"credential {card_id} is not one of member {member_id}: name one of theirs")
    if card.kind.secret or card.kind is CredentialKind.DAY_CODE:
        raise CredentialRefusedError(f"a {card.kind} is confirmed by no PIN: name a card or a phone")
    if card.state_at(now_ms) not in HELD:
        raise CredentialStateError(f"credential {card_id} is {card.state_at(now_ms)}: issue a new card first")
    return card
