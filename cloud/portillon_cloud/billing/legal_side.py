"""What consumer law says to a change of a subscription: what it forbids, and what it gives whoever leaves."""

import datetime
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.billing.errors import UnknownSubscriptionError, UnlawfulContractError
from portillon_cloud.billing.law import LAWS, Leaving, Renewal, Violation, WayOut
from portillon_cloud.billing.tables import contract, price, subscription
from portillon_cloud.billing.tax import rates_on, tax
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.members.tables import legal_entity, organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A running contract as laws look at it. `instalment_minor`: one payment, with tax; `ends_on` as signed."""

    law: str
    law_version: str
    time_zone: str
    signed_on: datetime.date
    starts_on: datetime.date
    ends_on: datetime.date | None
    renewed_until_on: datetime.date | None
    instalment_minor: int
    instalment_months: int
    at_distance: bool

    def way_out(self, *, told_on: datetime.date, on: datetime.date) -> WayOut | None:
        """What the law gives whoever says on `told_on` that they leave with `on`; None: what the contract says holds.

        A term that was prolonged is a contract of its own, from the end of the first.
        """
        starts_on, ends_on = self.starts_on, self.ends_on
        if ends_on is not None and self.renewed_until_on is not None and ends_on <= told_on < self.renewed_until_on:
            starts_on, ends_on = ends_on, self.renewed_until_on
        return LAWS[self.law].way_out(
            Leaving(
                signed_on=self.signed_on,
                starts_on=starts_on,
                ends_on=ends_on,
                price_minor=self._price_minor(starts_on, ends_on),
                told_on=told_on,
                on=on,
                at_distance=self.at_distance,
            )
        )

    def require_way_out(self, *, told_on: datetime.date, on: datetime.date) -> None:
        """Raises UnlawfulContractError: the law this contract is under gives no such right."""
        if self.way_out(told_on=told_on, on=on) is None:
            clause = f"law {self.law}, version {self.law_version}"
            raise UnlawfulContractError(
                [Violation(clause, "the law gives no right to leave here; cancel as the contract says")]
            )

    def require_renewal(self, *, agreed_on: datetime.date, months: int) -> None:
        """Raises UnlawfulContractError with every rule that prolonging by `months` breaks."""
        ends_on = self.renewed_until_on or self.ends_on
        if ends_on is None:
            return
        broken = LAWS[self.law].renewal_violations(Renewal(agreed_on=agreed_on, ends_on=ends_on, months=months))
        if broken:
            raise UnlawfulContractError(broken)

    def _price_minor(self, starts_on: datetime.date, ends_on: datetime.date | None) -> int:
        if ends_on is None:
            return self.instalment_minor
        months = (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month
        return self.instalment_minor * months // self.instalment_months


def signed(conn: Connection, organisation_id: int, subscription_id: int) -> Signed:
    """The contract of a subscription. Raises UnknownSubscriptionError."""
    row = conn.execute(
        select(
            contract,
            subscription.c.ends_on.label("ends_now_on"),
            price.c.amount_minor,
            price.c.taxable,
            price.c.tax_category,
            price.c.tax_inclusive,
            price.c.interval_unit,
            price.c.interval_count,
            legal_entity.c.tax_regime,
            organisation.c.time_zone,
        )
        .join(subscription, subscription.c.contract_id == contract.c.id)
        .join(price, price.c.id == subscription.c.price_id)
        .join(legal_entity, legal_entity.c.id == subscription.c.legal_entity_id)
        .join(organisation, organisation.c.id == subscription.c.organisation_id)
        .where(subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
    agreed_minor = row.total_minor // row.instalments if row.instalments else row.amount_minor
    taxed = tax(
        (agreed_minor,),
        (row.taxable,),
        inclusive=row.tax_inclusive,
        rates=rates_on(row.tax_regime, row.starts_on, TaxCategory(row.tax_category)),
    )
    renewed = row.ends_on is not None and row.ends_now_on is not None and row.ends_now_on > row.ends_on
    return Signed(
        law=row.law,
        law_version=row.law_version,
        time_zone=row.time_zone,
        signed_on=row.signed_on,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        renewed_until_on=row.ends_now_on if renewed else None,
        instalment_minor=taxed.total_minor,
        instalment_months=row.interval_count if row.interval_unit == "month" else 1,
        at_distance=row.at_distance,
    )
