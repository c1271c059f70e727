"""The same property through the tables: whole organisations, made by the public operations, asked live and offline.

Live is what the cloud works out at that instant; offline what was on the feed when it was last heard. (What the answer
should be, reason for reason: tests/cloud/access/test_live_is_offline.py.)
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from cloud.gym import MONTHLY, Gym, open_gym
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.access import entitlement
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.facts import GivenRole
from portillon_cloud.access.given import give_right
from portillon_cloud.access.operations import plan_block, rows_for_accounts, set_site_policy, site_rows
from portillon_cloud.access.sites import ALL_SITES
from portillon_cloud.access.tables import schedule
from portillon_cloud.billing.operations import create_plan, create_price
from portillon_cloud.doors.tables import door_rule
from portillon_cloud.members.company import NeededCompany, set_company
from portillon_cloud.members.credentials import add_credential
from portillon_cloud.members.groups import set_groups
from portillon_cloud.members.operations import create_site
from portillon_cloud.members.tables import site
from portillon_cloud.reports.may_pass import may_pass
from portillon_cloud.visits.operations import give
from portillon_cloud.visits.rows import use_at_home
from portillon_cloud.zones.tables import zone_rule
from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.decision import DecisionTime, Denied, DoorView, Granted, SiteRules, TimeQuality, decide
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.local_facts import LocalFacts
from portillon_rules.policy import MAY_BE_LENIENT, SitePolicy
from portillon_rules.reserved import Reserved
from portillon_rules.schedule import Schedule, Window
from portillon_rules.zone_rule import ZoneRule
from portillon_wire.rows import RowKind
from portillon_wire.rule_rows import RULE_KINDS, read_rule, site_rules
from sqlalchemy import insert, update

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NOW_MS = 1_772_632_800_000  # 2026-03-04T14:00Z, a Wednesday, four days before clocks change
ZONES = ("gym", "pool")
MORNINGS = Schedule("mornings", tuple(Window(day, 6 * 60, 12 * 60) for day in range(7)))
DAYS = st.integers(-20, 30)
LATER = [0, 5 * HOUR_MS, *range(DAY_MS, 45 * DAY_MS, 101 * HOUR_MS)]
TIME_ZONE = "America/Toronto"


@dataclass(frozen=True)
class Organisation:
    """Two sites of one organisation, and its members with their accounts."""

    gym: Gym
    sites: tuple[int, int]
    members: tuple[tuple[int, int], ...]


def day(number: int) -> date:
    return date(2026, 3, 4) + timedelta(days=number)


def build(gym: Gym, data: st.DataObject) -> Organisation:
    """A random organisation on the database of `gym`: plans, sites, rules of zones and doors, and its members."""
    draw = data.draw
    mine = open_gym(gym.db, gym.keyring, gym.clock)
    owner: dict[str, Any] = {"organisation_id": mine.organisation_id}
    with mine.db.write() as conn:
        second = create_site(
            conn,
            mine.keyring,
            legal_entity_id=mine.legal_entity_id,
            name="2",
            time_zone=TIME_ZONE,
            language="en",
            **owner,
        )
        sites = (mine.site_id, second)
        conn.execute(update(site).where(site.c.id.in_(sites)).values(zones=list(ZONES)))
        for one in sites:
            conn.execute(insert(schedule).values(site_id=one, name="mornings", body=MORNINGS.to_body(), **owner))
            lenient = draw(st.dictionaries(st.sampled_from(MAY_BE_LENIENT), st.integers(1, 300), max_size=2))
            set_site_policy(conn, one, SitePolicy(time_zone=TIME_ZONE, lenient_hours=lenient))
            if draw(st.booleans()):
                reserved = ZoneRule(zone="pool", reserved=(Reserved("mornings", "women"),), capacity=5)
                conn.execute(insert(zone_rule).values(site_id=one, zone="pool", body=reserved.to_body(), **owner))
            conn.execute(
                insert(door_rule).values(
                    site_id=one, door="gym", pin_schedule=None, two_people=draw(st.sampled_from([False, False, True])),
                    supervised=False, minors_alone=False, within_s=30, **owner,
                )
            )  # fmt: skip
        prices = []
        for number in range(2):
            plan_id = create_plan(
                conn,
                legal_entity_id=mine.legal_entity_id,
                code=f"p{number}",
                name="P",
                zones=draw(st.lists(st.sampled_from(ZONES), min_size=1, unique=True)),
                schedule=draw(st.sampled_from([ALWAYS, "mornings"])),
                sites=draw(st.sampled_from([None, ALL_SITES, (second,)])),
                **owner,
            )
            prices.append(
                create_price(
                    conn, plan_id=plan_id, amount_minor=0, interval=MONTHLY, term_months=draw(st.sampled_from([1, 12]))
                )
            )
    members = tuple(befall(mine, data, prices, number) for number in range(2))
    return Organisation(mine, sites, members)


def befall(gym: Gym, data: st.DataObject, prices: list[int], number: int) -> tuple[int, int]:
    """One more member: contracts, a card, and whatever else."""
    draw, owner = data.draw, {"organisation_id": gym.organisation_id}
    joined = gym.join(f"M{number} X", starts_on=day(draw(DAYS)), price_id=draw(st.sampled_from(prices)))
    who: dict[str, Any] = {**owner, "member_id": joined.member_id}
    if draw(st.booleans()):
        gym.join(f"G{number} X", starts_on=day(0), account_id=joined.account_id)
    with gym.db.write() as conn:
        card = Credential(CredentialKind.EM4100, f"{joined.member_id:010X}")
        add_credential(conn, gym.keyring, presented=card, now_ms=NOW_MS, by="t", **who)
        for _ in range(draw(st.integers(0, 2))):
            from_ms = NOW_MS + draw(DAYS) * DAY_MS
            plan_block(
                conn,
                account_id=joined.account_id,
                reason=draw(st.sampled_from(BlockReason)),
                source=f"s{draw(st.integers(0, 99))}",
                from_ms=from_ms,
                until_ms=draw(st.sampled_from([None, from_ms + DAY_MS, from_ms + 12 * DAY_MS])),
                member_id=draw(st.sampled_from([None, joined.member_id])),
                **owner,
            )
        if draw(st.booleans()):
            from_ms = NOW_MS + draw(DAYS) * DAY_MS
            give_right(
                conn,
                role=draw(st.sampled_from(GivenRole)),
                zones=draw(st.lists(st.sampled_from(ZONES), min_size=1, unique=True)),
                schedule=draw(st.sampled_from([ALWAYS, "mornings"])),
                sites=draw(st.sampled_from([None, ALL_SITES])),
                from_ms=from_ms,
                until_ms=draw(st.none() | st.just(from_ms + 9 * DAY_MS)),
                given_by="t",
                reason="t",
                **who,
            )
        set_groups(conn, groups=draw(st.sampled_from([(), ("women",)])), **who)
        if draw(st.sampled_from([False, False, True])):
            give(conn, most=draw(st.integers(0, 1)), per=None, from_ms=0, until_ms=None, by="t", now_ms=NOW_MS, **who)
        if number and draw(st.sampled_from([False, False, True])):
            set_company(conn, needed=NeededCompany(hosts=(joined.member_id - 1,)), **who)
    return joined.member_id, joined.account_id


def read_feed(organisation: Organisation, site_id: int, now_ms: int) -> tuple[SiteRules, dict[str, Entitlement]]:
    """What the gateways of a site have on disk, if it was sent at that instant: rules, and rows by member."""
    gym = organisation.gym
    with gym.db.read() as conn:
        told = [(row.kind, row.key, row.body) for row in site_rows(conn, site_id) if row.body is not None]
        rules = site_rules([(kind, key, read_rule(kind, key, body)) for kind, key, body in told if kind in RULE_KINDS])
        accounts = [account_id for _, account_id in organisation.members]
        found = rows_for_accounts(conn, gym.keyring, site_id=site_id, account_ids=accounts, now_ms=now_ms)
    rows = [row for of_account in found.values() for row in of_account if row.kind == RowKind.ENTITLEMENT]
    read = [Entitlement.from_body(row.key, row.body or {}) for row in rows]
    return rules, {row.member: row for row in read}


def says(row: Entitlement | None, rules: SiteRules, zone: str, at_ms: int, local: LocalFacts) -> Granted | Denied:
    """The answer at the zone's door."""
    time = DecisionTime(at_ms, TimeQuality.CERTAIN, 1)
    return decide(lookup=row, door=DoorView(zone, zone), site=rules, time=time, local=local)


def compare(organisation: Organisation) -> int:
    """Live and offline agree for each member, site, zone and instant; how often somebody entered."""
    entered = 0
    sent = {one: read_feed(organisation, one, NOW_MS) for one in organisation.sites}
    for later_ms in LATER:
        at_ms = NOW_MS + later_ms
        for site_id in organisation.sites:
            rules, rows = sent[site_id]
            rules_now, rows_now = read_feed(organisation, site_id, at_ms)
            for member_id, _ in organisation.members:
                with organisation.gym.db.read() as conn:
                    local = LocalFacts(visits=use_at_home(conn, member_id))
                    desk = may_pass(
                        conn,
                        organisation.gym.keyring,
                        organisation_id=organisation.gym.organisation_id,
                        member_id=member_id,
                        business_ms=at_ms,
                    )
                row, row_now, opened = rows.get(str(member_id)), rows_now.get(str(member_id)), []
                for zone in ZONES:
                    offline = says(row, rules, zone, at_ms, local)
                    live = says(row_now, rules_now, zone, at_ms, local)
                    assert isinstance(offline, Granted) == isinstance(live, Granted), (member_id, site_id, zone, at_ms)
                    if isinstance(live, Granted) or later_ms == 0:
                        assert offline == live
                    opened += [zone] if isinstance(offline, Granted) else []
                entered += len(opened)
                if site_id == organisation.gym.site_id:
                    assert desk is not None
                    assert desk.allowed == bool(opened), (member_id, at_ms, desk)
                    assert not desk.allowed or list(desk.zones) == opened
    return entered


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_the_desk_and_a_gateway_cut_off_say_the_same_for_six_weeks(sqlite_gym: Gym, data: st.DataObject) -> None:
    """Random organisations: each example is one of its own on the same database."""
    compare(build(sqlite_gym, data))


def test_a_row_without_turns_would_be_seen(sqlite_gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: a freeze of three hours, and rows cut where it begins."""
    joined = sqlite_gym.join(starts_on=day(-5))
    with sqlite_gym.db.write() as conn:
        owner = {"organisation_id": sqlite_gym.organisation_id}
        card = Credential(CredentialKind.EM4100, "0000000001")
        add_credential(
            conn, sqlite_gym.keyring, presented=card, now_ms=NOW_MS, by="t", member_id=joined.member_id, **owner
        )
        plan_block(
            conn,
            account_id=joined.account_id,
            reason=BlockReason.FROZEN,
            source="t",
            from_ms=NOW_MS + HOUR_MS,
            until_ms=NOW_MS + 4 * HOUR_MS,
            **owner,
        )
    organisation = Organisation(sqlite_gym, (sqlite_gym.site_id,) * 2, ((joined.member_id, joined.account_id),))
    assert compare(organisation) > 0
    monkeypatch.setattr(entitlement, "_turns", lambda spans: ())
    with pytest.raises(AssertionError):
        compare(organisation)
