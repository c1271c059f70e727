"""The cloud of a story: its members, plans, hours and rules set by the cloud's own operations, read as feed rows."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from portillon_cloud.access.operations import rows_for_accounts, set_site_policy, site_policy, site_rows
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.operations import create_plan, create_price, subscribe
from portillon_cloud.billing.tables import subscription
from portillon_cloud.database import Database
from portillon_cloud.doors.rules import AskedAtDoor, set_asked
from portillon_cloud.gateways.operations import enrol_gateway
from portillon_cloud.gateways.tables import gateway_status
from portillon_cloud.hours.operations import put_calendar, put_schedule
from portillon_cloud.hours.spelling import read_spans
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.bond import Bond
from portillon_cloud.members.company import bind
from portillon_cloud.members.credentials import add_credential
from portillon_cloud.members.operations import (
    add_account,
    add_member,
    create_legal_entity,
    create_organisation,
    create_site,
)
from portillon_cloud.members.tables import member
from portillon_cloud.secrets import Keyring
from portillon_cloud.zones.operations import put_zone_rule
from portillon_rules.credential import Credential
from portillon_rules.policy import SitePolicy
from portillon_wire.rows import RowChange
from sqlalchemy import Connection, insert, select, update
from stories.rule_story import DAYS, TIME_ZONE, DoorSpec, PersonSpec, RuleStory

HERE, ELSEWHERE = "front", "side"
"""The site's gateways: the story's doors are the first one's."""


@dataclass(slots=True)
class Person:
    """One member; `cards` by their ids, the newest last."""

    member_id: int
    account_id: int
    cards: list[int] = field(default_factory=list)


class RuleCloud:
    """One site of one organisation. Instants are given by the story."""

    def __init__(self, db: Database, story: RuleStory) -> None:
        self.db, self.keyring = db, Keyring.generate()
        self.people: dict[str, Person] = {}
        self.doors = doors_of(story)
        self._cards = 0
        now_ms = ms(story.begins)
        with db.write() as conn:
            self._open(conn, story, now_ms)
            for name, spec in story.people.items():
                self._join(conn, name, spec, story.begins.date(), now_ms)
            for name, spec in story.people.items():
                self._bind(conn, name, spec)
        self.desk = Principal(
            kind=PrincipalKind.STAFF,
            id=1,
            organisation_id=self.organisation_id,
            name="Camille",
            role=Role.OWNER,
            language="fr",
        )

    @property
    def whose(self) -> dict[str, int]:
        """What most operations ask first."""
        return {"organisation_id": self.organisation_id, "site_id": self.site_id}

    def rows(self, now_ms: int) -> list[RowChange]:
        """What the feed of the story's gateway would carry at that instant."""
        accounts = sorted({one.account_id for one in self.people.values()})
        with self.db.read() as conn:
            found = rows_for_accounts(conn, self.keyring, site_id=self.site_id, account_ids=accounts, now_ms=now_ms)
            return [*site_rows(conn, self.site_id), *(row for rows in found.values() for row in rows)]

    def card(self, conn: Connection, name: str, now_ms: int, **values: int) -> None:
        """One more card for somebody."""
        self._cards += 1
        made = add_credential(
            conn,
            self.keyring,
            organisation_id=self.organisation_id,
            member_id=self.people[name].member_id,
            presented=card_of(self._cards),
            now_ms=now_ms,
            by="Camille",
            **values,
        )
        self.people[name].cards.append(made)

    def next_card(self) -> Credential:
        """A card that nobody has yet."""
        self._cards += 1
        return card_of(self._cards)

    def _open(self, conn: Connection, story: RuleStory, now_ms: int) -> None:
        self.organisation_id = create_organisation(
            conn,
            mode="live",
            name="Gym",
            country="CA",
            province="QC",
            language="fr",
            time_zone=TIME_ZONE,
            real_ms=now_ms,
        )
        self.entity_id = create_legal_entity(
            conn,
            organisation_id=self.organisation_id,
            name="Gym inc.",
            currency="CAD",
            tax_regime="none",
            tax_numbers={},
        )
        plan_zones = {zone for plan in story.plans.values() for zone in plan.zones}
        zones = sorted(
            {"gym", *plan_zones, *(door.zone for door in self.doors.values())} | (story.zones.keys() - {"*"})
        )
        self.site_id = create_site(
            conn, self.keyring, organisation_id=self.organisation_id, legal_entity_id=self.entity_id, name="Gym",
            time_zone=TIME_ZONE, language="fr", zones=zones,
        )  # fmt: skip
        for gateway_id in (HERE, ELSEWHERE):
            enrol_gateway(conn, **self.whose, gateway_id=gateway_id, name=gateway_id, mode="live", now_ms=now_ms)
        self._rule(conn, story)
        self._doors(conn)
        self._sell(conn, story)

    def _rule(self, conn: Connection, story: RuleStory) -> None:
        for name, days in story.holidays.items():
            put_calendar(conn, **self.whose, name=name, days=frozenset(days))
        for name, hours in story.hours.items():
            put_schedule(conn, **self.whose, name=name, body=schedule_body(hours, story))
        # The outer zones first: what lies in another one names it.
        for zone, rule in sorted(story.zones.items(), key=lambda one: "within" in one[1]):
            put_zone_rule(conn, **self.whose, zone=zone, body=rule)
        if story.policy:
            before = site_policy(conn, self.site_id).to_body()
            set_site_policy(conn, self.site_id, SitePolicy.from_body({**before, **story.policy}))

    def _doors(self, conn: Connection) -> None:
        reported = {"doors": [{"name": name, "kind": "door", "state": "locked"} for name in self.doors]}
        if conn.execute(select(gateway_status).where(gateway_status.c.gateway_id == HERE)).one_or_none() is None:
            conn.execute(
                insert(gateway_status).values(
                    gateway_id=HERE, organisation_id=self.organisation_id, online=True, boot_id="b", connection=1,
                    software="story", changed_at_ms=0, seen_at_ms=0,
                )
            )  # fmt: skip
        conn.execute(update(gateway_status).where(gateway_status.c.gateway_id == HERE).values(reported=reported))
        for name, door in self.doors.items():
            asked = AskedAtDoor(
                pin_schedule=door.pin_hours,
                two_people=door.two_people,
                supervised=door.supervised,
                minors_alone=door.minors_alone,
            )
            if asked != AskedAtDoor():
                set_asked(conn, **self.whose, door=name, asked=asked)

    def _sell(self, conn: Connection, story: RuleStory) -> None:
        self._prices: dict[str, int] = {}
        for code, spec in story.plans.items():
            plan_id = create_plan(
                conn, organisation_id=self.organisation_id, legal_entity_id=self.entity_id, code=code, name=code,
                zones=spec.zones, schedule=spec.hours,
            )  # fmt: skip
            monthly = Interval(IntervalUnit.MONTH, 1)
            self._prices[code] = create_price(
                conn, plan_id=plan_id, amount_minor=50_00, interval=monthly, term_months=12, taxable=False
            )

    def _join(self, conn: Connection, name: str, spec: PersonSpec, today: date, now_ms: int) -> None:
        since = spec.since or today
        account_id = add_account(
            conn, organisation_id=self.organisation_id, legal_entity_id=self.entity_id, name=name, language="fr"
        )
        member_id = add_member(
            conn, organisation_id=self.organisation_id, account_id=account_id, site_id=self.site_id, first_name=name,
            last_name="X", joined_on=since,
        )  # fmt: skip
        self.people[name] = Person(member_id, account_id)
        conn.execute(
            update(member)
            .where(member.c.id == member_id)
            .values(
                groups=list(spec.groups),
                escort=spec.escort,
                escorted=spec.escorted,
                supervisor=spec.supervisor,
                lockdown_exempt=spec.lockdown_exempt,
            )
        )
        if spec.plan is not None:
            made = subscribe(
                conn, organisation_id=self.organisation_id, account_id=account_id, member_id=member_id,
                price_id=self._prices[spec.plan], starts_on=since, now_ms=now_ms,
            )  # fmt: skip
            # Paid for the whole year, unless the story says when the next bill is due.
            conn.execute(
                update(subscription).where(subscription.c.id == made.subscription_id).values(next_invoice_on=spec.owes)
            )
        self.card(conn, name, now_ms)

    def _bind(self, conn: Connection, name: str, spec: PersonSpec) -> None:
        for bond, other in ((Bond.GUARDIAN, spec.guardian), (Bond.HOST, spec.host)):
            if other is not None:
                bind(
                    conn, organisation_id=self.organisation_id, member_id=self.people[name].member_id,
                    with_id=self.people[other].member_id, bond=bond,
                )  # fmt: skip


def doors_of(story: RuleStory) -> dict[str, DoorSpec]:
    """One door for each zone, of its name, and those that the story adds."""
    zones = {"gym", *(zone for plan in story.plans.values() for zone in plan.zones)} | (story.zones.keys() - {"*"})
    return {**{zone: DoorSpec(zone=zone) for zone in sorted(zones)}, **story.doors}


def schedule_body(hours: dict[str, str], story: RuleStory) -> dict[str, object]:
    """A schedule as the cloud takes it, from days, dates and calendars with their hours."""
    windows: list[list[int]] = []
    dates: dict[str, object] = {}
    holidays: list[object] = []
    for when, text in hours.items():
        spans = read_spans(text)
        if when in story.holidays:
            holidays.append([when, spans])
        elif when[0].isdigit():
            dates[when] = spans
        else:
            first, _, last = when.partition("-")
            days = range(DAYS.index(first), DAYS.index(last or first) + 1)
            windows += [[day, begin, until] for day in days for begin, until in spans]
    return {"windows": windows, "closed_on": [], "dates": dates, "holidays": holidays}


def card_of(number: int) -> Credential:
    """The story's nth card."""
    return Credential.parse(f"em4100:{number:010X}")


def ms(local: datetime) -> int:
    """The instant at which the site's wall shows this."""
    return int(local.replace(tzinfo=ZoneInfo(TIME_ZONE)).timestamp()) * 1_000


def midnight_ms(day: date) -> int:
    """When the day begins."""
    return ms(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - the wall's clock
