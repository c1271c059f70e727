"""The SQL of profiles: sealed under a key per person, every change kept, found again by blind index.

Names, e-mail and who is a company stay in clear, for the desk and its letters. Destroying the key of a person's own
(`erasure`) makes everything else unreadable, in the history too; a backup holds that key until it is itself gone.
"""

import json
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, delete, insert, select, update

from portillon_cloud import outbox
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.errors import PersonErasedError, UnknownMemberError
from portillon_cloud.members.profile import (
    MemberProfile,
    PayerProfile,
    changed_fields,
    member_from,
    payer_from,
    to_values,
)
from portillon_cloud.members.tables import account, member, profile, profile_change, profile_mark
from portillon_cloud.secrets import KEY_BYTES, Keyring


@dataclass(frozen=True, slots=True)
class Whose:
    """One person: a member, or who pays."""

    table: Table
    id: int

    @property
    def owner(self) -> Column[Any]:
        """The column of `profile` that says so."""
        return profile.c.member_id if self.table is member else profile.c.account_id

    @property
    def account_id(self) -> Column[Any]:
        """The column that says whose door rows change with it."""
        return member.c.account_id if self.table is member else account.c.id

    @property
    def in_clear(self) -> tuple[str, ...]:
        """What stands in the person's own row, for the desk."""
        return ("first_name", "last_name", "email") if self.table is member else ("kind", "name", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChange:
    """Who changed which fields, and when; once the person is erased, without `why` and values."""

    at_ms: int
    by: str
    fields: tuple[str, ...]
    why: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def member_profile(conn: Connection, keyring: Keyring, organisation_id: int, member_id: int) -> MemberProfile:
    """What is known of a member. Raises UnknownMemberError."""
    return member_from(_load(conn, keyring, organisation_id, Whose(member, member_id)).values)


def payer_profile(conn: Connection, keyring: Keyring, organisation_id: int, account_id: int) -> PayerProfile:
    """What is known of who pays. Raises UnknownMemberError."""
    return payer_from(_load(conn, keyring, organisation_id, Whose(account, account_id)).values)


def change_member(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    member_id: int,
    new: MemberProfile,
    at_ms: int,
    by: str,
    why: str | None = None,
) -> tuple[str, ...]:
    """Write what is known of a member now, and who said so; the fields that changed.

    Raises UnknownMemberError, PersonErasedError.
    """
    changed, profile_id = _change(
        conn, keyring, organisation_id, Whose(member, member_id), to_values(new), at_ms, by, why
    )
    if profile_id is not None:
        _mark(conn, keyring, organisation_id, profile_id, new)
    return changed


def change_payer(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    account_id: int,
    new: PayerProfile,
    at_ms: int,
    by: str,
    why: str | None = None,
) -> tuple[str, ...]:
    """Write what is known of who pays; the fields that changed. Invoices keep the buyer they were issued to.

    Raises UnknownMemberError, PersonErasedError.
    """
    return _change(conn, keyring, organisation_id, Whose(account, account_id), to_values(new), at_ms, by, why)[0]


def history(conn: Connection, keyring: Keyring, organisation_id: int, whose: Whose) -> tuple[ProfileChange, ...]:
    """Every change, the latest first. Raises UnknownMemberError."""
    found = _load(conn, keyring, organisation_id, whose)
    if found.profile_id is None:
        return ()
    rows = conn.execute(
        select(profile_change)
        .where(profile_change.c.profile_id == found.profile_id)
        .order_by(profile_change.c.id.desc())
    )
    return tuple(_change_of(row, found.own) for row in rows)


def held(conn: Connection, organisation_id: int, whose: Whose) -> int:
    """The person's account; their row is nobody else's until the transaction ends. Raises UnknownMemberError."""
    found: int | None = conn.execute(
        select(whose.account_id)
        .where(whose.table.c.id == whose.id, whose.table.c.organisation_id == organisation_id)
        .with_for_update()
    ).scalar_one_or_none()
    if found is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no {whose.table.name} {whose.id}")
    return found


def is_erased(conn: Connection, whose: Whose) -> bool:
    """Whether the person's key was destroyed."""
    erased = select(profile.c.id).where(whose.owner == whose.id, profile.c.erased_at_ms.is_not(None))
    return conn.execute(erased).first() is not None


def marks_of(keyring: Keyring, organisation_id: int, one: MemberProfile) -> dict[str, str]:
    """The blind indexes by which this person is found: of the phone, and of name and birth date together."""
    found = {}
    if one.phone is not None:
        found["phone"] = keyring.blind_index(one.phone, purpose=f"phone:{organisation_id}")
    if one.birth_date is not None:
        who = f"{folded(one.first_name)}\0{folded(one.last_name)}\0{one.birth_date.isoformat()}"
        found["name_and_birth"] = keyring.blind_index(who, purpose=f"name-and-birth:{organisation_id}")
    return found


def folded(name: str) -> str:
    """The name as two desks would both have heard it: without accents, hyphens, capitals and spaces at the ends."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    return " ".join(bare.casefold().replace("-", " ").replace("’", "'").split())


@dataclass(frozen=True, slots=True)
class _Found:
    """`own`: the keyring with this person's key in place of the installation's; None: no profile yet, or erased."""

    profile_id: int | None
    account_id: int
    own: Keyring | None
    values: dict[str, Any]
    erased: bool


def _load(conn: Connection, keyring: Keyring, organisation_id: int, whose: Whose, *, lock: bool = False) -> _Found:
    mine = (whose.table.c.id == whose.id, whose.table.c.organisation_id == organisation_id)
    clear = [whose.table.c[name] for name in whose.in_clear]
    query = select(*clear, whose.account_id.label("account_id")).where(*mine)
    person = conn.execute(query.with_for_update(of=whose.table) if lock else query).mappings().one_or_none()
    if person is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no {whose.table.name} {whose.id}")
    values = {name: person[name] for name in whose.in_clear}
    row = conn.execute(select(profile).where(whose.owner == whose.id)).one_or_none()
    if row is None:
        return _Found(None, person["account_id"], None, values, erased=False)
    if row.sealed_key is None:
        return _Found(row.id, person["account_id"], None, values, erased=True)
    own = replace(keyring, data_key=keyring.unseal(row.sealed_key, purpose=_key_purpose(whose)))
    values |= json.loads(own.unseal(row.sealed, purpose="profile"))
    return _Found(row.id, person["account_id"], own, values, erased=False)


def _change(
    conn: Connection,
    keyring: Keyring,
    organisation_id: int,
    whose: Whose,
    after: dict[str, Any],
    at_ms: int,
    by: str,
    why: str | None,
) -> tuple[tuple[str, ...], int | None]:
    found = _load(conn, keyring, organisation_id, whose, lock=True)
    if found.erased:
        raise PersonErasedError(f"{whose.table.name} {whose.id} was erased: add the person anew if they are back")
    before = to_values(member_from(found.values) if whose.table is member else payer_from(found.values))
    changed = changed_fields(before, after)
    if not changed:
        return (), None
    own = found.own or replace(keyring, data_key=secrets.token_bytes(KEY_BYTES))
    sealed = own.seal(_json({k: v for k, v in after.items() if k not in whose.in_clear}), purpose="profile")
    conn.execute(
        update(whose.table).where(whose.table.c.id == whose.id).values({name: after[name] for name in whose.in_clear})
    )
    if found.profile_id is None:
        profile_id = insert_one(
            conn,
            profile,
            organisation_id=organisation_id,
            **{whose.owner.name: whose.id},
            sealed_key=keyring.seal(own.data_key, purpose=_key_purpose(whose)),
            sealed=sealed,
        )
    else:
        profile_id = found.profile_id
        conn.execute(update(profile).where(profile.c.id == profile_id).values(sealed=sealed))
    told = {"why": why, "before": {k: before[k] for k in changed}, "after": {k: after[k] for k in changed}}
    conn.execute(
        insert(profile_change).values(
            organisation_id=organisation_id,
            profile_id=profile_id,
            at_ms=at_ms,
            changed_by=by,
            fields=list(changed),
            sealed=own.seal(_json(told), purpose="profile_change"),
        )
    )
    outbox.account_changed(conn, organisation_id, found.account_id)
    return changed, profile_id


def _mark(conn: Connection, keyring: Keyring, organisation_id: int, profile_id: int, new: MemberProfile) -> None:
    conn.execute(delete(profile_mark).where(profile_mark.c.profile_id == profile_id))
    same = {"organisation_id": organisation_id, "profile_id": profile_id}
    marks = marks_of(keyring, organisation_id, new)
    if marks:
        conn.execute(insert(profile_mark), [{**same, "kind": k, "blind_index": v} for k, v in marks.items()])


def _change_of(row: Row[Any], own: Keyring | None) -> ProfileChange:
    told: dict[str, Any] = {}
    if own is not None and row.sealed is not None:
        told = json.loads(own.unseal(row.sealed, purpose="profile_change"))
    return ProfileChange(
        at_ms=row.at_ms,
        by=row.changed_by,
        fields=tuple(row.fields),
        why=told.get("why"),
        before=told.get("before", {}),
        after=told.get("after", {}),
    )


def _key_purpose(whose: Whose) -> str:
    return f"person:{whose.table.name}:{whose.id}"


def _json(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
