"""Gateways over /api/v1: seen by all of the gym's staff, revoked by those who may, never across organisations."""

from cloud.gateways.asking import ask_as
from cloud.gateways.conftest import Gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.gateways.api import router
from portillon_cloud.identity.roles import Role


def test_gateways_are_shown_with_what_they_confirmed(gym: Gym, front: PretendGateway) -> None:
    """Revision issued, revision confirmed, in force, and until when it could go on alone."""
    desk = ask_as(Role.DESK, gym.organisation_id, router, db=gym.db, clock=gym.clock)
    (shown,) = desk.get("/gateways").json()
    assert (shown["id"], shown["online"], shown["in_force"]) == ("front", True, True)
    assert shown["revision"] == shown["confirmed_revision"] == front.revision
    gym.block(gym.accounts[0])
    gym.link.tick()
    (shown,) = desk.get("/gateways").json()
    assert not shown["in_force"]
    assert shown["lease_until_ms"] == gym.state().lease_until_ms


def test_alarms_are_shown(gym: Gym, front: PretendGateway) -> None:
    """What was refused from gateways is seen by those who run them."""
    gym.link.handle("portillon/v1/front/up/journal", b"junk")
    technician = ask_as(Role.TECHNICIAN, gym.organisation_id, router, db=gym.db, clock=gym.clock)
    assert [one["kind"] for one in technician.get("/gateways/alarms").json()] == ["malformed_message"]


def test_revoking_is_for_technicians_and_owners(gym: Gym, front: PretendGateway) -> None:
    """The desk may not; another organisation's owner finds nothing to revoke."""
    desk = ask_as(Role.DESK, gym.organisation_id, router, db=gym.db, clock=gym.clock)
    assert desk.post("/gateways/front/revoke").status_code == 403
    technician = ask_as(Role.TECHNICIAN, gym.organisation_id, router, db=gym.db, clock=gym.clock)
    assert technician.post("/gateways/front/revoke").status_code == 204
    (shown,) = desk.get("/gateways").json()
    assert shown["revoked"]


def test_another_organisation_sees_nothing(gym: Gym, front: PretendGateway) -> None:
    """Gateways and alarms are one organisation's."""
    other = ask_as(Role.OWNER, gym.organisation_id + 1, router, db=gym.db, clock=gym.clock)
    assert other.get("/gateways").json() == []
    assert other.get("/gateways/alarms").json() == []
