"""The desk's live answer for somebody with several credentials: what the turnstile would say to the best of them."""

from datetime import date
from typing import Any

import pytest
from cloud.gym import Gym, Joined
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.gateways.tables import feed_state
from portillon_cloud.members.company import NeededCompany, set_company
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.members.credentials import add_credential, change_state
from portillon_cloud.members.pins import issue_pin
from portillon_cloud.reports.may_pass import Answer, may_pass
from portillon_rules.credential import Credential
from portillon_rules.reason import DenyReason
from sqlalchemy import update

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DAY = 86_400_000


@pytest.fixture
def alice(sqlite_gym: Gym) -> Joined:
    return sqlite_gym.join(starts_on=date(2025, 12, 31))


def give(gym: Gym, who: Joined, text: str, **more: Any) -> int:
    with gym.db.write() as conn:
        return add_credential(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            member_id=who.member_id,
            presented=Credential.parse(text),
            now_ms=NOW,
            **more,
        )


def enrol(gym: Gym, gateway_id: str) -> None:
    with gym.db.write() as conn:
        enrol_gateway(
            conn,
            organisation_id=gym.organisation_id,
            site_id=gym.site_id,
            gateway_id=gateway_id,
            name=gateway_id,
            mode="test",
            now_ms=NOW,
        )


def lose(gym: Gym, credential_id: int) -> None:
    with gym.db.write() as conn:
        change_state(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            credential_id=credential_id,
            to=CredentialState.LOST,
            now_ms=NOW,
            by="Ana",
        )


def ask(gym: Gym, who: Joined, now_ms: int = NOW) -> Answer:
    with gym.db.read() as conn:
        answer = may_pass(
            conn, gym.keyring, organisation_id=gym.organisation_id, member_id=who.member_id, business_ms=now_ms
        )
    assert answer is not None
    return answer


def test_one_card_that_opens_is_enough(sqlite_gym: Gym, alice: Joined) -> None:
    """A lost one beside it changes nothing; with it alone the answer is that it is lost."""
    lose(sqlite_gym, give(sqlite_gym, alice, "em4100:01"))
    lost = ask(sqlite_gym, alice)
    assert (lost.allowed, lost.has_card, lost.reason) == (False, False, DenyReason.CREDENTIAL_LOST)
    give(sqlite_gym, alice, "nfca:04DE5F1EACC040")
    found = ask(sqlite_gym, alice)
    assert (found.allowed, found.has_card, found.reason, found.zones) == (True, True, None, ("gym",))


def test_without_any_card_the_membership_is_judged(sqlite_gym: Gym, alice: Joined) -> None:
    """It would let in, and there is nothing to present."""
    found = ask(sqlite_gym, alice)
    assert (found.allowed, found.has_card, found.reason, found.zones) == (False, False, None, ("gym",))


def test_a_card_that_runs_out_bounds_the_answer_and_then_is_the_reason(sqlite_gym: Gym, alice: Joined) -> None:
    """Until its own end, and from there by its own name."""
    give(sqlite_gym, alice, "em4100:01", valid_until_ms=NOW + DAY)
    assert ask(sqlite_gym, alice).until_ms == NOW + DAY
    assert ask(sqlite_gym, alice, NOW + DAY).reason is DenyReason.CREDENTIAL_EXPIRED


def test_a_visitor_passes_by_their_code(sqlite_gym: Gym) -> None:
    """No membership, a code with zones of its own: yes until the code ends."""
    visitor = sqlite_gym.join("Vic Visitor", starts_on=date(2026, 12, 31))
    assert ask(sqlite_gym, visitor).reason is DenyReason.NOT_YET_VALID
    code = "day_code:" + "0A" * 16
    give(sqlite_gym, visitor, code, valid_from_ms=NOW, valid_until_ms=NOW + DAY, zones=["gym"])
    found = ask(sqlite_gym, visitor)
    assert (found.allowed, found.until_ms) == (True, NOW + DAY)


def test_a_duress_code_is_no_reason_to_say_yes(sqlite_gym: Gym, alice: Joined) -> None:
    """With the ordinary PIN given up, the desk does not answer by the one that calls for help."""
    with sqlite_gym.db.write() as conn:
        made = issue_pin(
            conn,
            sqlite_gym.keyring,
            organisation_id=sqlite_gym.organisation_id,
            member_id=alice.member_id,
            duress=True,
            now_ms=NOW,
            by="Ana",
        )
    assert ask(sqlite_gym, alice).allowed
    lose(sqlite_gym, made.id)
    assert not ask(sqlite_gym, alice).has_card


def test_the_answer_says_what_it_rests_on(sqlite_gym: Gym, alice: Joined) -> None:
    """Rule and row as the gateway's `explain` and journal have them, for a yes and for a no."""
    give(sqlite_gym, alice, "em4100:01", valid_until_ms=NOW + DAY)
    assert (ask(sqlite_gym, alice).evidence.rule, ask(sqlite_gym, alice).evidence.row) == ("entitlement", "entitlement")
    refused = ask(sqlite_gym, alice, NOW + DAY)
    assert (refused.evidence.rule, refused.evidence.row) == ("entitlement", "entitlement")


def test_the_revision_is_the_one_of_the_sites_only_gateway(sqlite_gym: Gym, alice: Joined) -> None:
    """With no gateway there is none to name; with one, the last revision that was issued to it; with two, neither's."""
    give(sqlite_gym, alice, "em4100:01")
    assert ask(sqlite_gym, alice).evidence.revision is None
    enrol(sqlite_gym, "front")
    with sqlite_gym.db.write() as conn:
        conn.execute(update(feed_state).values(revision=214))
    assert ask(sqlite_gym, alice).evidence.revision == 214
    enrol(sqlite_gym, "back")
    assert ask(sqlite_gym, alice).evidence.revision is None


def test_a_minor_may_pass_but_not_alone(sqlite_gym: Gym, alice: Joined) -> None:
    """The desk cannot see who is inside: it is told what would open in company, and why alone nothing does."""
    give(sqlite_gym, alice, "em4100:01")
    mother = sqlite_gym.join("Anne Roy", starts_on=date(2025, 12, 31)).member_id
    with sqlite_gym.db.write() as conn:
        needed = NeededCompany(guardians=(mother,))
        set_company(conn, organisation_id=sqlite_gym.organisation_id, member_id=alice.member_id, needed=needed)
    answer = ask(sqlite_gym, alice)
    assert (answer.allowed, answer.reason, answer.not_alone) == (False, DenyReason.GUARDIAN_ABSENT, True)
    assert (answer.zones, str(answer.evidence)) == (("gym",), "company entitlement")
    late = ask(sqlite_gym, alice, NOW + 400 * DAY)
    assert (late.reason, late.not_alone, late.zones) == (DenyReason.CONTRACT_ENDED, False, ())
