"""Members who share a pass are refused where the organisation wants it: by a row at the gateway, until spoken with."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from cloud.gateways.pretend_gateway import PretendGateway
from cloud.gym import MONTHLY
from portillon_cloud.attendance.refusing import (
    NotRefusedError,
    let_in_again,
    refuse_from,
    refused_members,
    set_refuse_from,
)
from portillon_cloud.billing.operations import create_plan, create_price, subscribe
from portillon_cloud.clock.local import local_date
from portillon_cloud.database import Database
from portillon_rules.decision import TimeQuality
from portillon_rules.entitlement import Entitlement
from portillon_rules.reason import DenyReason
from portillon_wire.messages import EventKind, EventTime, JournalBatch, JournalEvent, Way, encode
from portillon_wire.topics import Up, up

MINUTE_MS = 60_000
Enter = Callable[..., None]


@pytest.fixture
def gym(db: Database, clock: Any) -> Gym:
    """A live gym with two members who may pass."""
    made = build_gym(db, clock)
    made.add_members(2)
    with db.write() as conn:
        plan_id = create_plan(
            conn, organisation_id=made.organisation_id, legal_entity_id=made.entity_id, code="gym", name="Abonnement"
        )
        price_id = create_price(conn, plan_id=plan_id, amount_minor=100_00, interval=MONTHLY, term_months=12)
        for account_id, member_id in zip(made.accounts, made.members, strict=True):
            subscribe(
                conn,
                organisation_id=made.organisation_id,
                account_id=account_id,
                member_id=member_id,
                price_id=price_id,
                starts_on=local_date(clock.real_ms(), "UTC") - timedelta(days=5),
                now_ms=clock.real_ms(),
            )
    return made


@pytest.fixture
def front(gym: Gym) -> PretendGateway:
    gateway = gym.enrol()
    gym.talk(gateway.birth(), gateway)
    return gateway


@pytest.fixture
def twice(gym: Gym, front: PretendGateway) -> Enter:
    """A member enters twice within half a minute, `minutes_ago`, and the journal is delivered."""
    sequence = 0

    def enter(member_id: int, *, minutes_ago: int) -> None:
        nonlocal sequence
        events = []
        for seconds in (0, 30):
            sequence += 1
            at_ms = gym.clock.real_ms() - minutes_ago * MINUTE_MS + seconds * 1_000
            at = EventTime(
                boot_id="b1", boot_ns=sequence, real_ms=at_ms, business_ms=at_ms, quality=TimeQuality.CERTAIN
            )
            events.append(
                JournalEvent(
                    sequence=sequence,
                    kind=EventKind.PASSAGE,
                    at=at,
                    door="lane-1",
                    member=str(member_id),
                    way=Way.ENTRY,
                )
            )
        batch = JournalBatch(journal_id="j1", events=tuple(events))
        gym.talk([(up("front", Up.JOURNAL), encode(batch))], front)

    return enter


def reasons_at(front: PretendGateway) -> list[DenyReason | None]:
    rows = [(key, body) for (kind, key), body in sorted(front.rows.items()) if kind == "entitlement"]
    found = [Entitlement.from_body(key, json.loads(body)) for key, body in rows]
    return [row.refusal for row in sorted(found, key=lambda row: int(row.member))]


def refuse_at(gym: Gym, number: int | None) -> None:
    with gym.db.write() as conn:
        set_refuse_from(conn, gym.organisation_id, number)


def refused(gym: Gym) -> list[int]:
    with gym.db.read() as conn:
        return [one.member_id for one in refused_members(conn, gym.organisation_id)]


def test_sharing_is_only_shown_unless_the_gym_wants_more(gym: Gym, front: PretendGateway, twice: Enter) -> None:
    """Without a word of the organisation nobody is refused, however often a pass is shared."""
    for minutes_ago in (50, 40, 30, 20):
        twice(gym.members[0], minutes_ago=minutes_ago)
    assert reasons_at(front) == [None, None] and refused(gym) == []


def test_whoever_reaches_the_number_is_refused_at_every_door(gym: Gym, front: PretendGateway, twice: Enter) -> None:
    """At the number, not before; by name of the reason in the row, so that the lane can say it; others go on."""
    refuse_at(gym, 2)
    twice(gym.members[0], minutes_ago=50)
    twice(gym.members[1], minutes_ago=45)
    assert reasons_at(front) == [None, None]
    twice(gym.members[0], minutes_ago=40)
    gym.talk([], front)
    assert reasons_at(front) == [DenyReason.PASS_SHARED, None]
    assert refused(gym) == [gym.members[0]]


def test_spoken_with_is_forgiven(gym: Gym, front: PretendGateway, twice: Enter) -> None:
    """Let in again, the row opens again; what was noticed before counts no more, and what comes after does."""
    refuse_at(gym, 2)
    member_id = gym.members[0]
    for minutes_ago in (50, 40):
        twice(member_id, minutes_ago=minutes_ago)
    with gym.db.write() as conn:
        let_in_again(conn, organisation_id=gym.organisation_id, member_id=member_id, at_ms=gym.clock.real_ms())
    gym.talk([], front)
    assert reasons_at(front) == [None, None] and refused(gym) == []
    gym.clock.forward(ms=60 * MINUTE_MS)
    twice(member_id, minutes_ago=30)
    assert refused(gym) == []
    twice(member_id, minutes_ago=10)
    assert refused(gym) == [member_id]


def test_a_journal_that_is_delivered_again_refuses_nobody_twice(gym: Gym, front: PretendGateway, twice: Enter) -> None:
    """One block, whatever comes after it."""
    refuse_at(gym, 1)
    for minutes_ago in (50, 40, 30):
        twice(gym.members[0], minutes_ago=minutes_ago)
    assert refused(gym) == [gym.members[0]]


def test_only_ones_own_refused_members_are_let_in(gym: Gym, front: PretendGateway, twice: Enter) -> None:
    """Somebody who is not refused, or of another gym, is not there; the policy is each gym's own."""
    refuse_at(gym, 1)
    twice(gym.members[0], minutes_ago=50)
    for organisation_id, member_id in (
        (gym.organisation_id, gym.members[1]),
        (gym.organisation_id + 1, gym.members[0]),
    ):
        with gym.db.write() as conn, pytest.raises(NotRefusedError):
            let_in_again(conn, organisation_id=organisation_id, member_id=member_id, at_ms=gym.clock.real_ms())
    refuse_at(gym, None)
    with gym.db.read() as conn:
        assert refuse_from(conn, gym.organisation_id) is None
    assert refused(gym) == [gym.members[0]]
