"""Members who may be the same person twice. They are told to whoever is at the desk; nobody is merged by a machine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select

from portillon_cloud.members.profile import MemberProfile
from portillon_cloud.members.profiles import marks_of
from portillon_cloud.members.tables import member, profile, profile_mark
from portillon_cloud.secrets import Keyring

TOLD_MAX = 20
"""A family's one phone number is on many cards; nobody reads further than this."""


class Same(StrEnum):
    """What two people have in common. A household shares e-mail and phone, so neither proves anything."""

    EMAIL = "email"
    PHONE = "phone"
    NAME_AND_BIRTH = "name_and_birth"


@dataclass(frozen=True, slots=True)
class Likeness:
    """Somebody who is there already."""

    member_id: int
    name: str
    same: tuple[Same, ...]


def alike(
    conn: Connection, keyring: Keyring, organisation_id: int, one: MemberProfile, *, besides: int | None = None
) -> tuple[Likeness, ...]:
    """Members who may be this one, those with most in common first; `besides`: the member's own id."""
    same: defaultdict[int, list[Same]] = defaultdict(list)
    if one.email is not None:
        for found in conn.execute(
            select(member.c.id).where(
                member.c.organisation_id == organisation_id, func.lower(member.c.email) == one.email.lower()
            )
        ).scalars():
            same[found].append(Same.EMAIL)
    for kind, index in marks_of(keyring, organisation_id, one).items():
        for found in conn.execute(
            select(profile.c.member_id)
            .join(profile_mark, profile_mark.c.profile_id == profile.c.id)
            .where(
                profile_mark.c.organisation_id == organisation_id,
                profile_mark.c.kind == kind,
                profile_mark.c.blind_index == index,
            )
            .limit(TOLD_MAX + 1)
        ).scalars():
            same[found].append(Same(kind))
    same.pop(besides or 0, None)
    order = sorted(same, key=lambda found: (-len(same[found]), found))[:TOLD_MAX]
    names = _names(conn, order)
    return tuple(Likeness(found, names[found], tuple(sorted(same[found]))) for found in order)


def _names(conn: Connection, member_ids: Sequence[int]) -> dict[int, str]:
    rows = conn.execute(select(member.c.id, member.c.first_name, member.c.last_name).where(member.c.id.in_(member_ids)))
    return {row.id: f"{row.first_name} {row.last_name}" for row in rows}
