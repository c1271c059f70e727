"""How a membership stands in the system that it comes from: columns of an import, read and taken over.

`paid_until` is the last day that was paid there, `next_due` the first day of the next whole period; `frozen_until` the
first day back. What is written is what is had: no date is guessed from another.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Protocol

from sqlalchemy import Connection

from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.takeover import Running, take_over
from portillon_cloud.billing.timeline import Discounted
from portillon_cloud.money import PPM, minor_digits
from portillon_cloud.payments.receipts import Receipt, receive
from portillon_cloud.payments.tables import Means
from portillon_cloud.visits.before import note_visits_left
from portillon_cloud.visits.errors import AllowanceError

COLUMNS = (
    "paid_until", "next_due", "agreed_price", "discount", "discount_name", "discount_until", "frozen_from",
    "frozen_until", "visits_left", "credit",
)  # fmt: skip
AMOUNT_MAX = Decimal(1_000_000)
VISITS_MAX = 10_000
DISCOUNT_NAME = "IMPORT"
_DAY = datetime.timedelta(days=1)


class Fields(Protocol):
    """A line's fields, by name; what is wrong is kept, and reads as absent."""

    def text(self, name: str) -> str | None: ...

    def date(self, name: str) -> datetime.date | None: ...

    def wrong(self, name: str, message: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What a line says of the membership beside its plan and start; amounts in whole units, as written."""

    paid_until: datetime.date | None = None
    next_due: datetime.date | None = None
    agreed_price: Decimal | None = None
    discount_percent: Decimal | None = None
    discount_amount: Decimal | None = None
    discount_name: str = DISCOUNT_NAME
    discount_until: datetime.date | None = None
    frozen_from: datetime.date | None = None
    frozen_until: datetime.date | None = None
    visits_left: int | None = None
    credit: Decimal | None = None

    @property
    def runs(self) -> bool:
        """Whether anything is said of its periods, price or freeze."""
        said = (self.paid_until, self.next_due, self.agreed_price, self.frozen_until)
        return self.discounted or any(one is not None for one in said)

    @property
    def discounted(self) -> bool:
        """Whether it is had for less."""
        return self.discount_percent is not None or self.discount_amount is not None


class RunningError(CatalogueError):
    """What a line says of the membership cannot be; `column` names it."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def read_elsewhere(fields: Fields) -> Elsewhere:
    """Read the columns; what contradicts itself is named with its cure."""
    percent, amount = _discount(fields)
    read = Elsewhere(
        paid_until=fields.date("paid_until"),
        next_due=fields.date("next_due"),
        agreed_price=_amount(fields, "agreed_price"),
        discount_percent=percent,
        discount_amount=amount,
        discount_name=fields.text("discount_name") or DISCOUNT_NAME,
        discount_until=fields.date("discount_until"),
        frozen_from=fields.date("frozen_from"),
        frozen_until=fields.date("frozen_until"),
        visits_left=_visits(fields),
        credit=_amount(fields, "credit"),
    )
    if read.paid_until is not None and read.next_due is not None and read.next_due <= read.paid_until:
        fields.wrong("next_due", f"{read.next_due} is paid already: paid_until is the last day paid, {read.paid_until}")
    if read.frozen_from is not None and read.frozen_until is None:
        fields.wrong("frozen_until", f"is empty, and it is frozen from {read.frozen_from}: write the first day back")
    if read.frozen_from is not None and read.frozen_until is not None and read.frozen_until <= read.frozen_from:
        fields.wrong("frozen_until", f"{read.frozen_until} is not after frozen_from: write the first day back")
    if read.discount_until is not None and not read.discounted:
        fields.wrong("discount", f"is empty, and holds until {read.discount_until}: write it as 20% or as 10.00")
    return read


def bring_over(
    conn: Connection,
    elsewhere: Elsewhere,
    *,
    organisation_id: int,
    legal_entity_id: int,
    account_id: int,
    subscription_id: int,
    currency: str,
    list_minor: int,
    starts_on: datetime.date,
    today: datetime.date,
    by: str,
    now_ms: int,
) -> int:
    """Let the subscription go on from where it stood, with the visits and the credit that were left; that credit.

    Raises RunningError naming the column.
    """
    if elsewhere.runs:
        running = _running(elsewhere, currency, list_minor, starts_on, today)
        try:
            take_over(
                conn,
                organisation_id=organisation_id,
                subscription_id=subscription_id,
                running=running,
                by=by,
                now_ms=now_ms,
            )
        except CatalogueError as error:
            raise RunningError("next_due" if elsewhere.next_due else "paid_until", str(error)) from error
    if elsewhere.visits_left is not None:
        try:
            note_visits_left(
                conn,
                organisation_id=organisation_id,
                subscription_id=subscription_id,
                left=elsewhere.visits_left,
                now_ms=now_ms,
            )
        except AllowanceError as error:
            raise RunningError("visits_left", str(error)) from error
    credit_minor = 0 if elsewhere.credit is None else _minor("credit", elsewhere.credit, currency)
    if credit_minor:
        brought = Receipt(
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            account_id=account_id,
            amount_minor=credit_minor,
            currency=currency,
            means=Means.BROUGHT,
            taken_by=by,
        )
        receive(conn, brought, [], now_ms=now_ms)
    return credit_minor


def _running(
    elsewhere: Elsewhere, currency: str, list_minor: int, starts_on: datetime.date, today: datetime.date
) -> Running:
    if elsewhere.frozen_until is not None and elsewhere.frozen_until <= today:
        raise RunningError("frozen_until", f"{elsewhere.frozen_until} is over: leave the freeze out")
    agreed_minor = None
    if elsewhere.agreed_price is not None:
        agreed_minor = _minor("agreed_price", elsewhere.agreed_price, currency)
    discount = None
    if elsewhere.discounted:
        if elsewhere.discount_until is not None and elsewhere.discount_until <= today:
            raise RunningError("discount_until", f"{elsewhere.discount_until} is over: leave the discount out")
        percent, amount = elsewhere.discount_percent or Decimal(), elsewhere.discount_amount or Decimal()
        discount = Discounted(
            at=Moment(starts_on),
            code=elsewhere.discount_name,
            until=None if elsewhere.discount_until is None else Moment(elsewhere.discount_until),
            share_ppm=int(percent * PPM / 100),
            amount_minor=_minor("discount", amount, currency),
        )
    charged_from_on = None if elsewhere.paid_until is None else elsewhere.paid_until + _DAY
    if charged_from_on is None and elsewhere.next_due is None:
        charged_from_on = max(today, starts_on)  # as without these columns: what began before was billed there
    return Running(
        charged_from_on=charged_from_on,
        next_due_on=elsewhere.next_due,
        agreed_minor=None if agreed_minor == list_minor else agreed_minor,
        discount=discount,
        frozen_from_on=elsewhere.frozen_from,
        frozen_until_on=elsewhere.frozen_until,
    )


def _minor(column: str, amount: Decimal, currency: str) -> int:
    minor = amount.scaleb(minor_digits(currency))
    if minor != int(minor):
        raise RunningError(column, f"{amount} has more decimals than {currency} has: round it")
    return int(minor)


def _discount(fields: Fields) -> tuple[Decimal | None, Decimal | None]:
    """As a share in per cent, or as an amount of each period."""
    said = fields.text("discount")
    if said is None or not said.endswith("%"):
        return None, _amount(fields, "discount")
    percent = _decimal(said.removesuffix("%").strip())
    if percent is None or not 0 < percent <= 100 or percent * 10_000 != int(percent * 10_000):
        fields.wrong("discount", f"{said!r} is no share: write it as 20%, or as an amount such as 10.00")
        return None, None
    return percent, None


def _amount(fields: Fields, name: str) -> Decimal | None:
    said = fields.text(name)
    if said is None:
        return None
    amount = _decimal(said)
    if amount is None or not 0 <= amount <= AMOUNT_MAX:
        fields.wrong(name, f"{said!r} is no amount: write it as 49.90, without a currency or thousands separator")
        return None
    return amount


def _visits(fields: Fields) -> int | None:
    said = fields.text("visits_left")
    if said is None:
        return None
    if not said.isascii() or not said.isdigit() or int(said) > VISITS_MAX:
        fields.wrong("visits_left", f"{said!r} is no number of visits: write a whole number such as 7")
        return None
    return int(said)


def _decimal(said: str) -> Decimal | None:
    """With a point or a comma before the cents, and nothing else."""
    if len(said) > 20 or not set(said) <= set("0123456789.,"):
        return None
    try:
        return Decimal(said.replace(",", "."))
    except InvalidOperation:
        return None
