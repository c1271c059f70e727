"""The groups that members are of, by name: for whom a zone or door may have hours of its own."""

import re
from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from portillon_cloud import outbox
from portillon_cloud.members.errors import GroupRefusedError, UnknownMemberError
from portillon_cloud.members.tables import member

GROUPS_MAX = 16
"""Of one member: a row of the feed stays a short one."""
GROUP = re.compile(r"[^\W_][\w '.-]{0,39}")
"""A name as people write it: letters of any language, digits, spaces; 40 characters at most."""


def groups_of(conn: Connection, organisation_id: int, member_id: int) -> tuple[str, ...]:
    """The groups of a member, by name. Raises UnknownMemberError."""
    row = conn.execute(
        select(member.c.groups).where(member.c.id == member_id, member.c.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no member {member_id}")
    return tuple(row.groups)


def set_groups(conn: Connection, *, organisation_id: int, member_id: int, groups: Iterable[str]) -> None:
    """From now on the member is of these groups; every gateway knows it within a second.

    Raises UnknownMemberError, or GroupRefusedError: the message says which name is none.
    """
    named = sorted({one.strip() for one in groups})
    for one in named:
        if not GROUP.fullmatch(one):
            raise GroupRefusedError(f"{one!r} is no name of a group: write letters, digits and spaces, 40 at most")
    if len(named) > GROUPS_MAX:
        raise GroupRefusedError(f"{len(named)} groups: name {GROUPS_MAX} at most")
    account_id = conn.execute(
        update(member)
        .where(member.c.id == member_id, member.c.organisation_id == organisation_id)
        .values(groups=named)
        .returning(member.c.account_id)
    ).scalar_one_or_none()
    if account_id is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no member {member_id}")
    outbox.account_changed(conn, organisation_id, account_id)
