"""Gyms under each law, on a clock that is turned to a day with everything due on the way done in order."""

import datetime
from dataclasses import dataclass

from cloud.gym import MONTHLY, Clock, Gym, Joined
from portillon_cloud.billing import agreed_change
from portillon_cloud.billing.calendar import Interval
from portillon_cloud.billing.change_request import Change
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.exit_link import ExitLinks
from portillon_cloud.billing.operations import create_plan, create_price, subscribe
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.tables import subscription
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.clock.operations import advance
from portillon_cloud.database import Database
from portillon_cloud.main import handlers
from portillon_cloud.members.operations import (
    add_account,
    add_member,
    create_legal_entity,
    create_organisation,
    create_site,
)
from portillon_cloud.messages.notice_store import Told, told_of_subscription
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.secrets import Keyring
from portillon_cloud.worker import Worker
from sqlalchemy import Connection, select, update

BASE_URL = "https://gym.example"
_PLACES = {
    "ca-qc": ("CA", "QC", "America/Toronto", "CAD", "ca-qc"),
    "fr": ("FR", None, "Europe/Paris", "EUR", "fr"),
    "none": ("CA", "ON", "America/Toronto", "CAD", "none"),
}


@dataclass(frozen=True)
class LawfulGym:
    """A gym with its worker; `inclusive` as its law wants prices shown."""

    gym: Gym
    law: str
    zone: str
    worker: Worker
    links: ExitLinks

    @property
    def inclusive(self) -> bool:
        return self.law == "fr"

    def at(self, day: datetime.date, hour: int = 12) -> int:
        return start_of_day_ms(day, self.zone) + hour * 3_600_000

    def now_ms(self) -> int:
        with self.gym.db.read() as conn:
            return business_now_ms(conn, self.gym.organisation_id, self.gym.clock.real_ms())

    def turn_to(self, day: datetime.date, hour: int = 12) -> None:
        """Everything due up to noon of `day`, in order."""
        with self.gym.db.write() as conn:
            advance(conn, self.gym.organisation_id, target_ms=self.at(day, hour), real_ms=self.gym.clock.real_ms())
        self.worker.run_until_idle()

    def sell(self, amount_minor: int = 35_00, *, interval: Interval = MONTHLY, term_months: int | None = 12) -> int:
        with self.gym.db.write() as conn:
            return create_price(
                conn,
                plan_id=self.gym.plan_id,
                amount_minor=amount_minor,
                interval=interval,
                term_months=term_months,
                tax_inclusive=self.inclusive,
            )

    def join(
        self,
        price_id: int,
        starts_on: datetime.date,
        *,
        renews: bool = False,
        at_distance: bool = False,
        email: str | None = "nadia@example.org",
        language: str = "en",
        proration: Proration = Proration.REAL_DAYS,
    ) -> Joined:
        gym = self.gym
        with gym.db.write() as conn:
            account_id = add_account(
                conn,
                organisation_id=gym.organisation_id,
                legal_entity_id=gym.legal_entity_id,
                name="Nadia Roy",
                email=email,
                language=language,
            )
            member_id = add_member(
                conn,
                organisation_id=gym.organisation_id,
                account_id=account_id,
                site_id=gym.site_id,
                first_name="Nadia",
                last_name="Roy",
                joined_on=starts_on,
            )
            made = subscribe(
                conn,
                organisation_id=gym.organisation_id,
                account_id=account_id,
                member_id=member_id,
                price_id=price_id,
                starts_on=starts_on,
                now_ms=business_now_ms(conn, gym.organisation_id, gym.clock.real_ms()),
                renews=renews,
                at_distance=at_distance,
            )
            conn.execute(
                update(subscription)
                .where(subscription.c.id == made.subscription_id)
                .values(proration=proration.value, plain=proration is Proration.REAL_DAYS)
            )
        return Joined(account_id, member_id, made.contract_id, made.subscription_id)

    def ask(self, joined: Joined, new: Change, *, by: str = "desk") -> agreed_change.Agreed:
        with self.gym.db.write() as conn:
            return agreed_change.carry_out(
                conn,
                organisation_id=self.gym.organisation_id,
                subscription_id=joined.subscription_id,
                new=new,
                author=Author(name=by, at_ms=self.now_ms_on(conn)),
            )

    def show(self, joined: Joined, new: Change) -> agreed_change.Agreed:
        with self.gym.db.read() as conn:
            return agreed_change.show(
                conn,
                organisation_id=self.gym.organisation_id,
                subscription_id=joined.subscription_id,
                new=new,
                now_ms=self.now_ms_on(conn),
            )

    def now_ms_on(self, conn: Connection) -> int:
        return business_now_ms(conn, self.gym.organisation_id, self.gym.clock.real_ms())

    def told(self, joined: Joined) -> list[Told]:
        with self.gym.db.read() as conn:
            return list(told_of_subscription(conn, joined.subscription_id))

    def ends_on(self, joined: Joined) -> datetime.date | None:
        with self.gym.db.read() as conn:
            return conn.execute(
                select(subscription.c.ends_on).where(subscription.c.id == joined.subscription_id)
            ).scalar_one()


def open_lawful_gym(db: Database, keyring: Keyring, clock: Clock, law: str) -> LawfulGym:
    """A test organisation under this law; its clock stands at the 2026-01-01."""
    country, province, zone, currency, regime = _PLACES[law]
    with db.write() as conn:
        organisation_id = create_organisation(
            conn,
            mode="test",
            name="Gym Mont-Royal",
            country=country,
            province=province,
            language="fr",
            time_zone=zone,
            real_ms=clock.real_ms(),
        )
        entity_id = create_legal_entity(
            conn, organisation_id=organisation_id, name="Gym inc.", currency=currency, tax_regime=regime
        )
        site_id = create_site(
            conn,
            keyring,
            organisation_id=organisation_id,
            legal_entity_id=entity_id,
            name="Mont-Royal",
            time_zone=zone,
            language="fr",
        )
        plan_id = create_plan(
            conn, organisation_id=organisation_id, legal_entity_id=entity_id, code="gym", name="Basic"
        )
    gym = Gym(db, keyring, clock, organisation_id, entity_id, site_id, plan_id, 0)
    links = ExitLinks.of(keyring, BASE_URL)
    worker = Worker(db=db, clock=gym.clock, handlers=handlers(PaymentSimulator(db), links), name="w")
    return LawfulGym(gym, law, zone, worker, links)
