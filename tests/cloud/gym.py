"""A gym to test on, made with the public operations alone."""

import datetime
from dataclasses import dataclass
from typing import Protocol

from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.operations import create_plan, create_price, subscribe
from portillon_cloud.database import Database
from portillon_cloud.members.operations import (
    add_account,
    add_member,
    create_legal_entity,
    create_organisation,
    create_site,
)
from portillon_cloud.secrets import Keyring

MONTHLY = Interval(IntervalUnit.MONTH, 1)


class Clock(Protocol):
    """Real time."""

    def real_ms(self) -> int: ...


@dataclass(frozen=True)
class Gym:
    """The ids of what there is."""

    db: Database
    keyring: Keyring
    clock: Clock
    organisation_id: int
    legal_entity_id: int
    site_id: int
    plan_id: int
    price_id: int

    def join(
        self,
        name: str = "Alice Tremblay",
        *,
        starts_on: datetime.date,
        account_id: int | None = None,
        price_id: int | None = None,
        language: str = "fr",
    ) -> "Joined":
        """A new member with a contract from `starts_on`, on a new account unless one is given."""
        first_name, _, last_name = name.partition(" ")
        with self.db.write() as conn:
            payer = account_id or add_account(
                conn,
                organisation_id=self.organisation_id,
                legal_entity_id=self.legal_entity_id,
                name=name,
                email=f"{first_name.lower()}@example.org",
                language=language,
            )
            member_id = add_member(
                conn,
                organisation_id=self.organisation_id,
                account_id=payer,
                site_id=self.site_id,
                first_name=first_name,
                last_name=last_name or "X",
                joined_on=starts_on,
            )
            made = subscribe(
                conn,
                organisation_id=self.organisation_id,
                account_id=payer,
                member_id=member_id,
                price_id=price_id or self.price_id,
                starts_on=starts_on,
                now_ms=self.clock.real_ms(),
            )
        return Joined(payer, member_id, made.contract_id, made.subscription_id)


@dataclass(frozen=True)
class Joined:
    """One member's ids."""

    account_id: int
    member_id: int
    contract_id: int
    subscription_id: int


def open_gym(db: Database, keyring: Keyring, clock: Clock, *, mode: str = "test", amount_minor: int = 100_00) -> Gym:
    """A gym in Quebec with one plan "gym" at `amount_minor` a month for 12 months, taxes on top."""
    with db.write() as conn:
        organisation_id = create_organisation(
            conn,
            mode=mode,
            name="Gym Mont-Royal",
            country="CA",
            province="QC",
            language="fr",
            time_zone="America/Toronto",
            real_ms=clock.real_ms(),
        )
        legal_entity_id = create_legal_entity(
            conn,
            organisation_id=organisation_id,
            name="Gym Mont-Royal inc.",
            currency="CAD",
            tax_regime="ca-qc",
            tax_numbers={"TPS": "123456789 RT0001", "TVQ": "1234567890 TQ0001"},
        )
        site_id = create_site(
            conn,
            keyring,
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            name="Mont-Royal",
            time_zone="America/Toronto",
            language="fr",
        )
        plan_id = create_plan(
            conn, organisation_id=organisation_id, legal_entity_id=legal_entity_id, code="gym", name="Abonnement"
        )
        price_id = create_price(conn, plan_id=plan_id, amount_minor=amount_minor, interval=MONTHLY, term_months=12)
    return Gym(db, keyring, clock, organisation_id, legal_entity_id, site_id, plan_id, price_id)
