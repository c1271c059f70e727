"""Who changed what doors do for a member is kept for ever, with the change."""

from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from portillon_cloud.database import Database
from portillon_cloud.doors.rights import change_rights, rights_changes
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.operations import DoorRights
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError


@pytest.fixture
def gym(db: Database, clock: Any) -> Gym:
    """A gym with one member."""
    gym = build_gym(db, clock)
    gym.add_members(1)
    return gym


def change(gym: Gym, rights: DoorRights, *, name: str = "Ana", organisation_id: int | None = None) -> None:
    who = Principal(
        kind=PrincipalKind.STAFF,
        id=3,
        organisation_id=organisation_id or gym.organisation_id,
        name=name,
        role=Role.DESK,
        language="en",
    )
    with gym.db.write() as conn:
        change_rights(
            conn, principal=who, member_id=gym.members[0], rights=rights, now_ms=1, real_ms=gym.clock.real_ms()
        )


def changes(gym: Gym, organisation_id: int | None = None) -> list[tuple[tuple[str, ...], str]]:
    with gym.db.read() as conn:
        found = rights_changes(conn, organisation_id or gym.organisation_id, member_id=gym.members[0], limit=10)
    return [(one.rights, one.given_by) for one in found]


def test_each_change_has_a_name(gym: Gym) -> None:
    """What the member had from then on, and by whom, newest first; saving it unchanged is no change."""
    change(gym, DoorRights(lockdown_exempt=True, long_access=True))
    change(gym, DoorRights(lockdown_exempt=True, long_access=True), name="Ben")
    change(gym, DoorRights(), name="Ben")
    assert changes(gym) == [((), "Ben"), (("long_access", "lockdown_exempt"), "Ana")]


def test_another_gyms_member_does_not_exist(gym: Gym) -> None:
    """Nothing is changed, nothing is written down, and nothing is shown."""
    with pytest.raises(UnknownMemberError):
        change(gym, DoorRights(lockdown_exempt=True), organisation_id=gym.organisation_id + 1)
    change(gym, DoorRights(escort=True))
    with pytest.raises(UnknownMemberError):
        changes(gym, gym.organisation_id + 1)
    assert len(changes(gym)) == 1


def test_nobody_rewrites_it(gym: Gym) -> None:
    """The database refuses to change or delete such a row."""
    change(gym, DoorRights(supervisor=True))
    for statement in ("UPDATE door_rights_change SET given_by = 'nobody'", "DELETE FROM door_rights_change"):
        with pytest.raises(DatabaseError, match="door_rights_change"), gym.db.write() as conn:
            conn.execute(text(statement))
