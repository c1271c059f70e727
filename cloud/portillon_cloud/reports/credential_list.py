"""A member's credentials for people to look at: never the digits of a PIN, never a whole number of a card."""

from collections import defaultdict
from dataclasses import dataclass

from portillon_rules.credential import Credential, CredentialKind
from sqlalchemy import Connection, select

from portillon_cloud.members.credential_state import HELD, CredentialState
from portillon_cloud.members.credential_store import KnownCredential, credentials_of
from portillon_cloud.members.tables import credential_change
from portillon_cloud.secrets import Keyring

CARD_DIGITS_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """What was said of it. `by` None: nobody said it, its date had come. `at_ms` None: nobody knows any more."""

    state: CredentialState
    at_ms: int | None
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialLine:
    """One credential; instants are business time. `shown` None: nothing of it may be shown.

    `said` is what was said of itself; its `state` is also what its dates, and the card that it confirms, come to.
    """

    id: int
    kind: CredentialKind
    shown: str | None
    said: CredentialState
    state: CredentialState
    issued_at_ms: int | None
    valid_from_ms: int | None
    valid_until_ms: int | None
    visitor: bool
    duress: bool
    card_id: int | None
    replaced_by_id: int | None
    changes: tuple[ChangeLine, ...]

    @property
    def held(self) -> bool:
        """Whether it is still its member's."""
        return self.state in HELD

    @property
    def pin(self) -> bool:
        """Whether it is digits that somebody keeps in mind."""
        return self.kind.secret

    @property
    def replaceable(self) -> bool:
        """Whether another card may be given in its place."""
        card = not self.pin and self.kind is not CredentialKind.DAY_CODE
        return card and self.replaced_by_id is None

    @property
    def takes_pin(self) -> bool:
        """Whether a PIN may confirm it."""
        return self.held and not self.pin and self.kind is not CredentialKind.DAY_CODE


def credential_lines(
    conn: Connection, keyring: Keyring, organisation_id: int, member_id: int, *, now_ms: int
) -> tuple[CredentialLine, ...]:
    """Every credential the member has or had: what is theirs first, and the newest first."""
    known = credentials_of(conn, keyring, organisation_id, member_id)
    changes = _changes(conn, organisation_id, [one.id for one in known])
    lines = [_line(one, tuple(changes[one.id]), now_ms) for one in known]
    return tuple(sorted(lines, key=lambda line: (not line.held, -line.id)))


def masked(presented: Credential) -> str | None:
    """The last digits of a card number: enough to tell two cards apart, too little to copy one. None: a PIN."""
    return None if presented.kind.secret else "••••\u202f" + presented.value[-CARD_DIGITS_SHOWN:]


def _line(one: KnownCredential, changes: tuple[ChangeLine, ...], now_ms: int) -> CredentialLine:
    return CredentialLine(
        id=one.id,
        kind=one.kind,
        shown=masked(one.presented),
        said=one.said,
        state=one.state_at(now_ms),
        issued_at_ms=one.issued_at_ms,
        valid_from_ms=one.valid_from_ms,
        valid_until_ms=one.valid_until_ms,
        visitor=one.zones is not None,
        duress=one.duress,
        card_id=one.card_id,
        replaced_by_id=one.replaced_by_id,
        changes=changes,
    )


def _changes(conn: Connection, organisation_id: int, credential_ids: list[int]) -> defaultdict[int, list[ChangeLine]]:
    found: defaultdict[int, list[ChangeLine]] = defaultdict(list)
    rows = conn.execute(
        select(credential_change)
        .where(
            credential_change.c.organisation_id == organisation_id,
            credential_change.c.credential_id.in_(credential_ids),
        )
        .order_by(credential_change.c.id)
    )
    for row in rows:
        found[row.credential_id].append(
            ChangeLine(state=CredentialState(row.state), at_ms=row.at_ms, by=row.changed_by)
        )
    return found
