"""A gym with everything a page can show, and an application over it. Rows are written directly: pages only read."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from cloud.web.browser_window import address, axe, chromium, visitor  # noqa: F401 - fixtures
from fastapi import FastAPI
from one_app import app_over
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.billing import event_store
from portillon_cloud.billing import tables as billing
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.numbers import take_numbers
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Decided
from portillon_cloud.billing.timeline import Ended, Started, Tariff
from portillon_cloud.database import Database
from portillon_cloud.dunning.tables import dunning_case, dunning_step
from portillon_cloud.gateways.tables import feed_state, gateway, gateway_status
from portillon_cloud.identity import passwords
from portillon_cloud.identity.operations import add_staff, create_api_key
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.operations import (
    add_account,
    add_credential,
    add_member,
    create_legal_entity,
    create_organisation,
    create_site,
)
from portillon_cloud.payments.tables import payment_intent, payment_method
from portillon_cloud.secrets import Keyring
from portillon_rules.credential import Credential
from sqlalchemy import Connection, Table, insert

with warnings.catch_warnings():
    # starlette 1.10 would rather have httpx2; the lock holds httpx, which its test client still speaks.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

ZONE = "America/Toronto"
BUSINESS_MS = int(datetime(2025, 3, 12, 18, 42, 7, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)
TODAY = date(2025, 3, 12)
PASSWORD = "correct horse battery"
MINUTE_MS = 60_000

PEOPLE = (
    ("Amélie", "Tremblay"), ("Olivier", "Gagnon"), ("Zoë", "Roy"), ("Mathis", "Côté"), ("Léa", "Bouchard"),
    ("Noah", "Gauthier"), ("Florence", "Morin"), ("William", "Lavoie"), ("Rosalie", "Fortin"), ("Łukasz", "Żak"),
    ("Jade", "<script>alert(1)</script>"), ("Émile", "Pelletier"),
)  # fmt: skip


@dataclass
class StubServices:
    """What the composition root gives to the web."""

    db: Database
    clock: Any
    keyring: Keyring


@dataclass
class Gym:
    """Ids of what was made."""

    services: StubServices
    organisation_id: int
    legal_entity_id: int
    site_id: int
    price_id: int
    members: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    invoices: list[int] = field(default_factory=list)
    keys: dict[Role, str] = field(default_factory=dict)
    sequence: int = 0

    def event(self, kind: str, **values: Any) -> None:
        """One journal event, in a transaction of its own."""
        with self.services.db.write() as conn:
            self.write_event(conn, kind, **values)

    def write_event(self, conn: Connection, kind: str, **values: Any) -> None:
        """One journal event."""
        conn.execute(insert(journal_event), [self.event_row(kind, **values)])

    def event_row(
        self, kind: str, *, at_ms: int, door: str = "lane-1", member: int | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        self.sequence += 1
        who = None if member is None else str(member)
        return {
            "organisation_id": self.organisation_id, "site_id": self.site_id,
            "gateway_id": f"gw-{self.organisation_id}", "journal_id": "j1", "sequence": self.sequence,
            "content_sha256": "0" * 64, "kind": kind, "door": door, "member": who, "reason": reason, "flags": "",
            "at_ms": at_ms, "real_ms": at_ms, "quality": "certain", "dated_by": "gateway", "boot_id": "b1",
            "boot_ns": self.sequence, "received_at_ms": at_ms,
        }  # fmt: skip


def make_gym(services: StubServices, *, name: str, mode: str = "test") -> Gym:
    """A gym in Quebec: 12 members, invoices paid and unpaid, a day of passages, two lanes on one gateway."""
    real_ms = services.clock.real_ms()
    with services.db.write() as conn:
        organisation_id = create_organisation(
            conn, mode=mode, name=name, country="CA", province="QC", language="fr", time_zone=ZONE, real_ms=real_ms,
            business_ms=BUSINESS_MS if mode == "test" else None,
        )  # fmt: skip
        entity_id = create_legal_entity(
            conn, organisation_id=organisation_id, name=f"{name} inc.", currency="CAD", tax_regime="ca-qc",
            tax_numbers={"TPS": "123456789 RT0001", "TVQ": "1234567890 TQ0001"},
        )  # fmt: skip
        site_id = create_site(
            conn, services.keyring, organisation_id=organisation_id, legal_entity_id=entity_id,
            name=f"{name} Mile-End", time_zone=ZONE, language="fr",
        )  # fmt: skip
        plan_id = _fill(
            conn, billing.plan, organisation_id=organisation_id, legal_entity_id=entity_id, code="full",
            name="Tout accès", zones=["gym"], schedule="always",
        )  # fmt: skip
        price_id = _fill(
            conn, billing.price, organisation_id=organisation_id, plan_id=plan_id, amount_minor=5999, currency="CAD",
            interval_unit="month", interval_count=1, tax_inclusive=False, taxable=True, term_months=12, active=True,
        )  # fmt: skip
        gym = Gym(services, organisation_id, entity_id, site_id, price_id)
        _make_gateway(conn, gym, mode=mode, real_ms=real_ms)
        for number, (first, last) in enumerate(PEOPLE):
            _make_member(conn, gym, number=number, first=first, last=last, mode=mode)
        # The invoices above were numbered by hand.
        take_numbers(
            conn, organisation_id=organisation_id, legal_entity_id=entity_id, series="TEST",
            count=len(gym.invoices), issued_on=TODAY,
        )  # fmt: skip
        _make_day(conn, gym)
        for role in Role:
            add_staff(
                conn, organisation_id=organisation_id, email=f"{role}@{organisation_id}.example",
                name=f"Camille {role}", password=PASSWORD, role=role, language="en", now_ms=real_ms,
            )  # fmt: skip
            gym.keys[role] = create_api_key(
                conn, organisation_id=organisation_id, name=f"{role} key", role=role, now_ms=real_ms
            )
    return gym


def _make_gateway(conn: Connection, gym: Gym, *, mode: str, real_ms: int) -> None:
    gateway_id = f"gw-{gym.organisation_id}"
    same = {"organisation_id": gym.organisation_id}
    _fill(
        conn,
        gateway,
        **same,
        id=gateway_id,
        site_id=gym.site_id,
        name="Front desk Pi",
        mode=mode,
        enrolled_at_ms=real_ms,
    )
    _fill(
        conn, feed_state, **same, gateway_id=gateway_id, epoch=1, revision=214, acked_epoch=1, acked_revision=214,
        ready=True,
        lease_until_ms=real_ms + 71 * 60 * MINUTE_MS,
    )  # fmt: skip
    reported = {
        "doors": [{"name": name, "kind": "turnstile_lane", "state": "idle"} for name in ("lane-1", "lane-2")],
        "devices": [{"name": "lane-1-reader", "kind": "rdm6300", "state": "up"}],
        "journal_pending": 0,
    }
    _fill(
        conn,
        gateway_status,
        **same,
        gateway_id=gateway_id,
        online=True,
        boot_id="b1",
        connection=1,
        software="portillon 0.1.0",
        changed_at_ms=real_ms,
        seen_at_ms=real_ms,
        reported=reported,
        reported_at_ms=real_ms,
    )


def _fill(conn: Connection, table: Table, **values: Any) -> Any:
    """Insert a row and give the first column of its key; what the caller leaves out is empty or zero."""
    empty = {
        column.name: column.type.python_type()
        for column in table.c
        if not column.nullable
        and column.server_default is None
        and column.default is None
        and column.name != "id"
        and column.name not in values
        and column.type.python_type in (int, str, bool, bytes)
    }
    return conn.execute(insert(table).values({**empty, **values}).returning(*table.primary_key)).one()[0]


def _make_member(conn: Connection, gym: Gym, *, number: int, first: str, last: str, mode: str) -> None:
    same = {"organisation_id": gym.organisation_id}
    started = date(2025, 2, 1) + timedelta(days=number)
    account_id = add_account(
        conn,
        **same,
        legal_entity_id=gym.legal_entity_id,
        name=f"{first} {last}",
        language="fr",
        email=f"m{number}@a.example",
    )
    member_id = add_member(
        conn, **same, account_id=account_id, site_id=gym.site_id, first_name=first, last_name=last, joined_on=started
    )
    gym.accounts.append(account_id)
    gym.members.append(member_id)
    if number != 11:
        add_credential(
            conn, gym.services.keyring, **same, member_id=member_id,
            presented=Credential.parse(f"em4100:0F0027{number:04X}"),
        )  # fmt: skip
    contract_id = _fill(
        conn, billing.contract, **same, account_id=account_id, law="ca-qc", law_version="1", signed_on=started,
        starts_on=started, ends_on=date(2026, 2, 1) + timedelta(days=number), total_minor=71988, instalments=12,
        state="active",
    )  # fmt: skip
    subscription_id = _fill(
        conn, billing.subscription, **same, legal_entity_id=gym.legal_entity_id, account_id=account_id,
        member_id=member_id, contract_id=contract_id, price_id=gym.price_id, anchor_on=started,
        next_invoice_on=date(2025, 4, 1), state="active",
    )  # fmt: skip
    tariff = Tariff(price_id=gym.price_id, unit_minor=5999, interval=Interval(IntervalUnit.MONTH, 1))
    begun = Started(at=Moment(started), tariff=tariff, anchor_on=started)
    term = Ended(at=Moment(date(2026, 2, 1) + timedelta(days=number)), of_term=True)
    event_store.record(
        conn, **same, subscription_id=subscription_id, decided=Decided(record=(begun, term)),
        author=event_store.Author(name="contract", at_ms=BUSINESS_MS),
    )  # fmt: skip
    _fill(
        conn,
        payment_method,
        **same,
        mode=mode,
        account_id=account_id,
        provider="simulator" if mode == "test" else "stripe",
        token=f"tok_{gym.organisation_id}_{number}",
        label="•••• 4242",
        state="active",
        added_at_ms=BUSINESS_MS,
    )
    late = number < 3
    if number < 4:
        gym.invoices.append(_make_invoice(conn, gym, number, account_id, subscription_id, late=late))


def _make_invoice(conn: Connection, gym: Gym, number: int, account_id: int, subscription_id: int, *, late: bool) -> int:
    same = {"organisation_id": gym.organisation_id}
    due = TODAY - timedelta(days=(11, 5, 1, 2)[number])
    buyer = f"{PEOPLE[number][0]} {PEOPLE[number][1]}"
    invoice_id = _fill(
        conn, billing.invoice, **same, legal_entity_id=gym.legal_entity_id, account_id=account_id, series="TEST",
        number=number + 1, issued_on=due, due_on=due, issued_at_ms=BUSINESS_MS, currency="CAD", net_minor=5999,
        tax_minor=898, total_minor=6897, buyer={"name": buyer, "email": None},
        seller={"name": "Vélo inc.", "tax_numbers": {"TPS": "123456789 RT0001"}}, engine="1",
    )  # fmt: skip
    _fill(
        conn, billing.invoice_line, **same, invoice_id=invoice_id, position=1, description=f"Tout accès, {buyer}",
        subscription_id=subscription_id, component="membership", period_start=due, period_end=due + timedelta(days=31),
        cycle_start=due, cycle_end=due + timedelta(days=31), price_id=gym.price_id, generation=1, quantity=1,
        unit_minor=5999, priced_minor=5999, net_minor=5999, taxable=True,
    )  # fmt: skip
    for tax, rate, amount in (("TPS", 50_000, 300), ("TVQ", 99_750, 598)):
        _fill(
            conn,
            billing.invoice_tax,
            **same,
            invoice_id=invoice_id,
            tax=tax,
            rate_ppm=rate,
            base_minor=5999,
            amount_minor=amount,
        )
    _fill(
        conn, payment_intent, **same, legal_entity_id=gym.legal_entity_id, account_id=account_id,
        invoice_id=invoice_id, amount_minor=6897, currency="CAD", state="open", opened_at_ms=BUSINESS_MS,
    )  # fmt: skip
    if late:
        case_id = _fill(
            conn, dunning_case, **same, account_id=account_id, invoice_id=invoice_id, generation=1, starts_on=due,
            cause="insufficient_funds", failure="soft", retries=True, opened_at_ms=BUSINESS_MS,
        )  # fmt: skip
        steps = (("reminder", 0), ("retry", 3), ("retry", 5), ("reminder", 7), ("restriction", 10))
        for step, (kind, day) in enumerate(steps, start=1):
            done = due + timedelta(days=day) <= TODAY
            _fill(
                conn, dunning_step, **same, case_id=case_id, number=step, kind=kind,
                letter="reminder" if kind == "reminder" else None, planned_on=due + timedelta(days=day),
                timer_key=f"inv-{invoice_id}:{step}", done_at_ms=BUSINESS_MS if done else None,
            )  # fmt: skip
    return invoice_id


def _make_day(conn: Connection, gym: Gym) -> None:
    per_hour = {6: 4, 7: 11, 8: 9, 9: 5, 11: 4, 12: 14, 13: 6, 15: 3, 16: 9, 17: 19, 18: 12}
    midnight = int(datetime(2025, 3, 12, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)
    rows = []
    for hour, count in per_hour.items():
        for one in range(count):
            at_ms = midnight + hour * 60 * MINUTE_MS + one * 2 * MINUTE_MS
            who, door = gym.members[(hour + one) % len(gym.members)], f"lane-{1 + one % 2}"
            rows.append(gym.event_row("granted", at_ms=at_ms, door=door, member=who))
            rows.append(gym.event_row("passage", at_ms=at_ms + 900, door=door, member=who))
    late = BUSINESS_MS - 4 * MINUTE_MS
    rows += [
        gym.event_row("denied", at_ms=late, door="lane-2", reason="unknown_credential"),
        gym.event_row("granted", at_ms=late + 31_000, door="lane-2", member=gym.members[4]),
        gym.event_row("grant_not_used", at_ms=late + 36_000, door="lane-2", member=gym.members[4]),
        gym.event_row("denied", at_ms=late + 72_000, member=gym.members[0], reason="dues_unpaid"),
        gym.event_row("granted", at_ms=late + 110_000, door="lane-2", member=gym.members[9]),
        gym.event_row("passage", at_ms=late + 111_000, door="lane-2", member=gym.members[9]),
    ]
    conn.execute(insert(journal_event), rows)


@pytest.fixture(autouse=True)
def cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The true parameters take 64 MiB and a tenth of a second each; identity's own tests use them."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    monkeypatch.setattr(passwords, "_NOBODY", hasher.hash("nobody"))


@pytest.fixture
def services(sqlite_db: Database, clock: Any) -> StubServices:
    return StubServices(sqlite_db, clock, Keyring.generate())


@pytest.fixture
def gym(services: StubServices) -> Gym:
    """A test organisation's gym."""
    return make_gym(services, name="Vélo")


@pytest.fixture
def other_gym(services: StubServices, gym: Gym) -> Gym:
    """Another tenant in the same database, made after `gym`; a live one."""
    return make_gym(services, name="Autre", mode="live")


@pytest.fixture
def app(services: StubServices) -> FastAPI:
    return app_over(services)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A visitor who is not signed in and follows no redirect."""
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as found:
        yield found


SignIn = Callable[..., TestClient]


@pytest.fixture
def signed_in(app: FastAPI, gym: Gym) -> SignIn:
    """`signed_in(Role.DESK)` is a client with that person's session."""

    def sign_in(role: Role, of: Gym = gym) -> TestClient:
        found = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
        answer = found.post(
            "/sign-in",
            data={
                "email": f"{role}@{of.organisation_id}.example",
                "password": PASSWORD,
                "csrf": csrf_of(found.get("/sign-in").text),
            },
        )
        assert answer.status_code == 303, answer.text
        return found

    return sign_in


def csrf_of(html: str) -> str:
    """The form token in a page."""
    return html.split('name="csrf" value="')[1].split('"')[0]


@pytest.fixture
def csrf() -> Callable[[str], str]:
    return csrf_of
