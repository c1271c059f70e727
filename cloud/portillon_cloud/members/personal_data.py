"""Everything that is kept about a person, to give to them (GDPR art. 15 and 20, Quebec Law 25 art. 27).

Found by walking the foreign keys of the schema, so that a table made tomorrow is in it without anybody thinking of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, func, select

from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.database import metadata
from portillon_cloud.members.profile import to_values
from portillon_cloud.members.profiles import Whose, history, member_profile, payer_profile
from portillon_cloud.members.tables import account, member, organisation, profile
from portillon_cloud.payments.sepa.mandates import ibans_of
from portillon_cloud.secrets import Keyring

ROWS_MAX = 10_000
"""Of one table: ten visits a day for years."""

_other = member.alias("other")
_SECRET = ("token", "blind_index", "pin_index", "sealed_key", "sealed")
"""Of use to whoever finds the file, and of none to the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """`records`: rows by table, as the database has them. `cut`: tables of which there is more than ROWS_MAX."""

    profile: dict[str, Any]
    payer: dict[str, Any] | None  # None: somebody else pays, whose data are not this person's
    history: tuple[dict[str, Any], ...]
    records: dict[str, list[dict[str, Any]]]
    cut: tuple[str, ...]


def personal_data(conn: Connection, keyring: Keyring, organisation_id: int, member_id: int) -> PersonalData:
    """All of it, opened. Raises UnknownMemberError."""
    mine = member_profile(conn, keyring, organisation_id, member_id)
    account_id, others = conn.execute(
        select(
            member.c.account_id,
            select(func.count()).where(_other.c.account_id == member.c.account_id).scalar_subquery(),
        ).where(member.c.id == member_id)
    ).one()
    pays = others == 1
    found = {member: [member_id], **({account: [account_id]} if pays else {})}
    changes = list(history(conn, keyring, organisation_id, Whose(member, member_id)))
    if pays:
        changes += history(conn, keyring, organisation_id, Whose(account, account_id))
    records, cut = _records(conn, found)
    if pays:
        ibans = ibans_of(conn, keyring, organisation_id, account_id)
        for mandate in records.get("sepa_mandate", ()):
            mandate["iban"] = ibans.get(mandate["id"])
    badges = select(journal_event).where(
        journal_event.c.organisation_id == organisation_id, journal_event.c.member == str(member_id)
    )
    rows = conn.execute(badges.order_by(journal_event.c.at_ms.desc()).limit(ROWS_MAX + 1)).mappings().all()
    records[journal_event.name] = [_plain(journal_event, row) for row in rows[:ROWS_MAX]]
    if len(rows) > ROWS_MAX:
        cut.append(journal_event.name)
    return PersonalData(
        profile=to_values(mine),
        payer=to_values(payer_profile(conn, keyring, organisation_id, account_id)) if pays else None,
        history=tuple(
            {"at_ms": one.at_ms, "by": one.by, "why": one.why, "before": one.before, "after": one.after}
            for one in changes
        ),
        records={name: rows for name, rows in sorted(records.items()) if rows},
        cut=tuple(sorted(cut)),
    )


def _records(conn: Connection, start: dict[Table, list[int]]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """The rows of these people, and all that point at one of those, table after table."""
    ids: dict[Table, Sequence[int]] = dict(start)
    records: dict[str, list[dict[str, Any]]] = {}
    cut: list[str] = []
    for table in metadata.sorted_tables:  # what is pointed at comes before what points
        if table in (organisation, profile):
            continue
        roads = [
            (key.parent, ids[key.column.table])
            for key in table.foreign_keys
            if key.column.name == "id" and key.column.table in ids and key.column.table is not table
        ]
        if table in start:
            roads = [(table.c.id, start[table])]
        if not roads:
            continue
        rows: dict[Any, Any] = {}
        for column, values in roads:
            for row in conn.execute(select(table).where(column.in_(values)).limit(ROWS_MAX + 1)).mappings():
                rows[tuple(row[one.name] for one in table.primary_key)] = row
        if len(rows) > ROWS_MAX:
            cut.append(table.name)
        kept = list(rows.values())[:ROWS_MAX]
        records[table.name] = [_plain(table, row) for row in kept]
        if "id" in table.c:
            ids[table] = [row["id"] for row in kept]
    return records, cut


def _plain(table: Table, row: Any) -> dict[str, Any]:
    return {
        column.name: row[column.name].isoformat() if isinstance(row[column.name], date) else row[column.name]
        for column in table.columns
        if not isinstance(column.type, LargeBinary) and column.name not in (*_SECRET, "organisation_id")
    }
