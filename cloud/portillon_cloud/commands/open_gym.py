"""portillon-cloud open-gym: organisation, legal entity, site, plan, price and the owner's login, or nothing."""

import datetime
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.operations import create_plan, create_price
from portillon_cloud.commands.session import out, services_of
from portillon_cloud.identity.operations import add_staff
from portillon_cloud.identity.roles import Role
from portillon_cloud.main import Services
from portillon_cloud.members.operations import create_legal_entity, create_organisation, create_site


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the owner said. `clock_starts`: local time at which a test organisation's clock starts (None: now)."""

    mode: str
    name: str
    country: str
    province: str | None
    language: str
    time_zone: str
    currency: str
    tax_regime: str
    tax_inclusive: bool
    plan_code: str
    plan_name: str
    amount_minor: int
    term_months: int | None
    owner_email: str
    owner_name: str
    owner_password: str
    clock_starts: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The ids of what was made."""

    organisation_id: int
    legal_entity_id: int
    site_id: int
    plan_id: int
    price_id: int


def open_a_gym(services: Services, opening: Opening) -> Opened:
    """Make it all, or nothing; raises OrganisationError, CatalogueError, StaffExists, WeakPassword."""
    real_ms = services.clock.real_ms()
    with services.db.write() as conn:
        organisation_id = create_organisation(
            conn,
            mode=opening.mode,
            name=opening.name,
            country=opening.country,
            province=opening.province,
            language=opening.language,
            time_zone=opening.time_zone,
            real_ms=real_ms,
            business_ms=_business_ms(opening),
        )
        legal_entity_id = create_legal_entity(
            conn,
            organisation_id=organisation_id,
            name=opening.name,
            currency=opening.currency,
            tax_regime=opening.tax_regime,
        )
        site_id = create_site(
            conn,
            services.keyring,
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            name=opening.name,
            time_zone=opening.time_zone,
            language=opening.language,
        )
        plan_id = create_plan(
            conn,
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            code=opening.plan_code,
            name=opening.plan_name,
        )
        price_id = create_price(
            conn,
            plan_id=plan_id,
            amount_minor=opening.amount_minor,
            interval=Interval(IntervalUnit.MONTH, 1),
            term_months=opening.term_months,
            tax_inclusive=opening.tax_inclusive,
        )
        add_staff(
            conn,
            organisation_id=organisation_id,
            email=opening.owner_email,
            name=opening.owner_name,
            password=opening.owner_password,
            role=Role.OWNER,
            language=opening.language,
            now_ms=real_ms,
        )
    return Opened(
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        site_id=site_id,
        plan_id=plan_id,
        price_id=price_id,
    )


def _business_ms(opening: Opening) -> int | None:
    if opening.clock_starts is None:
        return None
    return int(opening.clock_starts.replace(tzinfo=ZoneInfo(opening.time_zone)).timestamp() * 1000)


def open_gym(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="Of the gym.")],
    owner_email: Annotated[str, typer.Option()],
    owner_password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="PORTILLON_OWNER_PASSWORD")
    ],
    owner_name: Annotated[str, typer.Option()] = "Owner",
    live: Annotated[
        bool, typer.Option("--live", help="For real: no movable clock, no simulated payments. Fixed for ever.")
    ] = False,
    country: Annotated[str, typer.Option(help="CA, FR")] = "CA",
    province: Annotated[str | None, typer.Option(help="QC; it decides the consumer law.")] = "QC",
    language: Annotated[str, typer.Option(help="en, fr")] = "fr",
    time_zone: Annotated[str, typer.Option()] = "America/Toronto",
    currency: Annotated[str, typer.Option()] = "CAD",
    tax_regime: Annotated[str, typer.Option(help="ca-qc, fr, none")] = "ca-qc",
    tax_inclusive: Annotated[bool, typer.Option("--tax-inclusive", help="The price has its taxes inside.")] = False,
    plan_code: Annotated[str, typer.Option(help="What imports call the plan.")] = "gym",
    plan_name: Annotated[str, typer.Option()] = "Abonnement",
    amount_minor: Annotated[int, typer.Option(help="Price of a month in cents.")] = 50_00,
    term_months: Annotated[int, typer.Option(help="Contract term; 0: open-ended (not lawful in Quebec).")] = 12,
    clock_starts: Annotated[
        datetime.datetime | None, typer.Option(help="Local time at which a test gym's clock starts; now if unset.")
    ] = None,
) -> None:
    """Open a gym: organisation, legal entity, site, plan and price, and its owner's login."""
    services = services_of(ctx)
    made = open_a_gym(
        services,
        Opening(
            mode="live" if live else "test",
            name=name,
            country=country,
            province=province or None,
            language=language,
            time_zone=time_zone,
            currency=currency,
            tax_regime=tax_regime,
            tax_inclusive=tax_inclusive,
            plan_code=plan_code,
            plan_name=plan_name,
            amount_minor=amount_minor,
            term_months=term_months or None,
            owner_email=owner_email,
            owner_name=owner_name,
            owner_password=owner_password,
            clock_starts=clock_starts,
        ),
    )
    out.print(
        f"{name} is open: organisation {made.organisation_id}, site {made.site_id}, plan {plan_code!r}.\n"
        "Next:\n"
        f"  portillon-cloud import-members FILE.csv --organisation {made.organisation_id}\n"
        f"  portillon-cloud enrol-gateway GATEWAY DIRECTORY --organisation {made.organisation_id}\n"
        f"  portillon-cloud serve   then open {services.settings.base_url} and sign in as {owner_email}",
        highlight=False,
        soft_wrap=True,
    )
