"""The SQL of credentials. They rest sealed and are found by blind index; a PIN's digits have an index of their own."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from portillon_rules.credential import Credential, CredentialKind
from sqlalchemy import ColumnElement, Connection, Row, and_, exists, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.access.review import review_at
from portillon_cloud.members.credential_state import HELD, CredentialState
from portillon_cloud.members.errors import UnknownCredentialError, UnknownMemberError
from portillon_cloud.members.tables import credential, credential_change, member
from portillon_cloud.secrets import Keyring

KEPT_MS = 30 * 86_400_000
"""For so long a turnstile still says why a code or PIN that is over does not open."""

_PASSING = (CredentialKind.DAY_CODE.value, CredentialKind.PIN.value, CredentialKind.CARD_AND_PIN.value)
_card = credential.alias("card")
_other = credential.alias("other")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCredential:
    """One credential in clear. `said` is what was said of it; its `state` and dates are never better than its card's.

    (Only a PIN can have a card: the one that it confirms.)
    """

    id: int
    member_id: int
    presented: Credential = field(repr=False)
    said: CredentialState
    state: CredentialState
    issued_at_ms: int | None
    valid_from_ms: int | None
    valid_until_ms: int | None
    zones: frozenset[str] | None
    card_id: int | None
    duress: bool
    replaced_by_id: int | None

    @property
    def kind(self) -> CredentialKind:
        """Its family."""
        return self.presented.kind

    def state_at(self, at_ms: int) -> CredentialState:
        """Its state at this instant: a date that has come counts before anybody wrote it down."""
        over = self.valid_until_ms is not None and self.valid_until_ms <= at_ms
        return CredentialState.EXPIRED if over and self.state in HELD else self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """A row to be. `digits`: of a PIN."""

    member_id: int
    presented: Credential = field(repr=False)
    state: CredentialState = CredentialState.ACTIVE
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    zones: Collection[str] | None = None
    card_id: int | None = None
    digits: str | None = field(default=None, repr=False)
    duress: bool = False


def credentials_on_feed(
    conn: Connection, keyring: Keyring, organisation_id: int, member_ids: Sequence[int], now_ms: int
) -> dict[int, list[KnownCredential]]:
    """What turnstiles must know of these members' credentials, in the order they were issued.

    A lost card stays, so that the turnstile says why; once it is somebody's again, only that one counts. What was only
    paper or in a mind, a code or a PIN, goes KEPT_MS after it was over: a feed does not grow with every visitor.
    """
    lasts = or_(credential.c.kind.not_in(_PASSING), credential.c.state_since_ms > now_ms - KEPT_MS)
    newer = exists().where(
        _other.c.organisation_id == credential.c.organisation_id,
        _other.c.blind_index == credential.c.blind_index,
        or_(_held(_other), _other.c.id > credential.c.id),
    )
    found: defaultdict[int, list[KnownCredential]] = defaultdict(list)
    speaks = or_(_held(), and_(lasts, ~newer))
    for one in _load(conn, keyring, organisation_id, credential.c.member_id.in_(member_ids), speaks):
        found[one.member_id].append(one)
    return dict(found)


def credentials_of(conn: Connection, keyring: Keyring, organisation_id: int, member_id: int) -> list[KnownCredential]:
    """Every credential a member has or had, in the order they were issued."""
    return _load(conn, keyring, organisation_id, credential.c.member_id == member_id)


@dataclass(frozen=True, slots=True)
class Claim:
    """A member who has or had a credential, with their account."""

    member_id: int
    account_id: int
    held: bool


def claims(conn: Connection, keyring: Keyring, organisation_id: int, presented: Credential) -> list[Claim]:
    """Whose this credential is or was."""
    rows = conn.execute(
        select(credential.c.member_id, member.c.account_id, credential.c.state)
        .join(member, member.c.id == credential.c.member_id)
        .where(_is(keyring, organisation_id, presented))
        .order_by(credential.c.id)
    )
    return [Claim(row.member_id, row.account_id, CredentialState(row.state) in HELD) for row in rows]


def member_with(conn: Connection, keyring: Keyring, organisation_id: int, presented: Credential) -> int | None:
    """Whose this credential is now; None: nobody's."""
    found: int | None = conn.execute(
        select(credential.c.member_id).where(_is(keyring, organisation_id, presented), _held())
    ).scalar_one_or_none()
    return found


def last_member_with(conn: Connection, keyring: Keyring, organisation_id: int, presented: Credential) -> int | None:
    """Whose it is or was last: somebody found a lost card and brings it to the desk."""
    found: int | None = conn.execute(
        select(credential.c.member_id)
        .where(_is(keyring, organisation_id, presented))
        .order_by(_held().desc(), credential.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found


def add_row(
    conn: Connection, keyring: Keyring, organisation_id: int, new: NewCredential, *, now_ms: int | None, by: str | None
) -> int | None:
    """Insert a credential and the first line of its history; None: it, or a PIN of these digits, is somebody's.

    The database says so, whatever was read before: two desks may give the same at the same instant.
    """
    purpose = _purpose(organisation_id)
    inserting = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    values = dict(
        organisation_id=organisation_id,
        member_id=new.member_id,
        kind=new.presented.kind.value,
        sealed=keyring.seal(str(new.presented).encode(), purpose=purpose),
        blind_index=keyring.blind_index(str(new.presented), purpose=purpose),
        state=new.state.value,
        state_since_ms=now_ms,
        issued_at_ms=now_ms,
        valid_from_ms=new.valid_from_ms,
        valid_until_ms=new.valid_until_ms,
        zones=None if new.zones is None else sorted(new.zones),
        card_id=new.card_id,
        pin_index=None if new.digits is None else pin_index(keyring, organisation_id, new.digits),
        duress=new.duress,
    )
    statement = inserting(credential).on_conflict_do_nothing().returning(credential.c.id)
    credential_id: int | None = conn.execute(statement, values).scalar_one_or_none()
    if credential_id is not None:
        _remember(conn, organisation_id, [credential_id], new.state, now_ms, by)
    return credential_id


def write_state(
    conn: Connection,
    organisation_id: int,
    account_id: int,
    credential_ids: Sequence[int],
    state: CredentialState,
    *,
    now_ms: int,
    by: str | None,
) -> None:
    """Give these credentials of one account a new state, and each a line in its history."""
    conn.execute(
        update(credential).where(credential.c.id.in_(credential_ids)).values(state=state.value, state_since_ms=now_ms)
    )
    if state not in HELD:
        review_at(conn, organisation_id, account_id, now_ms + KEPT_MS)
    _remember(conn, organisation_id, credential_ids, state, now_ms, by)


def write_successor(conn: Connection, credential_id: int, successor_id: int) -> None:
    """Link a credential to the one that replaces it."""
    conn.execute(update(credential).where(credential.c.id == credential_id).values(replaced_by_id=successor_id))


def lock(conn: Connection, keyring: Keyring, organisation_id: int, credential_id: int) -> KnownCredential:
    """The credential, held until the transaction ends; raises UnknownCredentialError."""
    mine = (credential.c.organisation_id == organisation_id, credential.c.id == credential_id)
    conn.execute(select(credential.c.id).where(*mine).with_for_update())
    found = _load(conn, keyring, organisation_id, *mine)
    if not found:
        raise UnknownCredentialError(f"credential {credential_id} does not exist in organisation {organisation_id}")
    return found[0]


def account_of(conn: Connection, organisation_id: int, member_id: int, *, lock: bool = False) -> int:
    """Who pays for the member; raises UnknownMemberError. `lock`: nobody else issues to this member meanwhile."""
    query = select(member.c.account_id).where(member.c.organisation_id == organisation_id, member.c.id == member_id)
    found: int | None = conn.execute(
        query.with_for_update(of=member, key_share=True) if lock else query
    ).scalar_one_or_none()
    if found is None:
        raise UnknownMemberError(f"member {member_id} does not exist in organisation {organisation_id}")
    return found


def held_pins(
    conn: Connection, keyring: Keyring, organisation_id: int, member_id: int, card_id: int | None
) -> list[KnownCredential]:
    """The member's PINs for this card (None: those that stand alone) that were neither replaced nor given up."""
    return _load(
        conn,
        keyring,
        organisation_id,
        credential.c.member_id == member_id,
        credential.c.card_id.is_not_distinct_from(card_id),
        credential.c.pin_index.is_not(None),
        _held(),
    )


def pin_index(keyring: Keyring, organisation_id: int, digits: str) -> str:
    """The blind index of a PIN's digits, alone or with a card, duress or not: one namespace for all."""
    return keyring.blind_index(digits, purpose=f"pin:{organisation_id}")


def _load(
    conn: Connection, keyring: Keyring, organisation_id: int, *where: ColumnElement[bool]
) -> list[KnownCredential]:
    purpose = _purpose(organisation_id)
    rows = conn.execute(
        select(
            credential,
            _card.c.state.label("card_state"),
            _card.c.valid_from_ms.label("card_from_ms"),
            _card.c.valid_until_ms.label("card_until_ms"),
        )
        .outerjoin_from(credential, _card, _card.c.id == credential.c.card_id)
        .where(credential.c.organisation_id == organisation_id, *where)
        .order_by(credential.c.id)
    )
    return [_known(row, Credential.parse(keyring.unseal(row.sealed, purpose=purpose).decode())) for row in rows]


def _known(row: Row[Any], presented: Credential) -> KnownCredential:
    said = CredentialState(row.state)
    by_card = said is CredentialState.ACTIVE and row.card_state is not None
    starts = [at_ms for at_ms in (row.valid_from_ms, row.card_from_ms) if at_ms is not None]
    ends = [at_ms for at_ms in (row.valid_until_ms, row.card_until_ms) if at_ms is not None]
    return KnownCredential(
        id=row.id,
        member_id=row.member_id,
        presented=presented,
        said=said,
        state=CredentialState(row.card_state) if by_card else said,
        issued_at_ms=row.issued_at_ms,
        valid_from_ms=max(starts, default=None),
        valid_until_ms=min(ends, default=None),
        zones=None if row.zones is None else frozenset(row.zones),
        card_id=row.card_id,
        duress=row.duress,
        replaced_by_id=row.replaced_by_id,
    )


def _remember(
    conn: Connection,
    organisation_id: int,
    credential_ids: Sequence[int],
    state: CredentialState,
    now_ms: int | None,
    by: str | None,
) -> None:
    same = {"organisation_id": organisation_id, "state": state.value, "at_ms": now_ms, "changed_by": by}
    conn.execute(insert(credential_change), [{**same, "credential_id": one} for one in credential_ids])


def _is(keyring: Keyring, organisation_id: int, presented: Credential) -> ColumnElement[bool]:
    index = keyring.blind_index(str(presented), purpose=_purpose(organisation_id))
    return and_(credential.c.organisation_id == organisation_id, credential.c.blind_index == index)


def _held(rows: Any = credential) -> ColumnElement[bool]:
    held: ColumnElement[bool] = rows.c.state.in_([state.value for state in HELD])
    return held


def _purpose(organisation_id: int) -> str:
    return f"credential:{organisation_id}"
