"""What consumer law looks at in a contract."""

import datetime
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A contract before it is signed. Amounts in minor units with tax; `ends_on` is the first day without it."""

    signed_on: datetime.date
    starts_on: datetime.date
    ends_on: datetime.date | None
    renews: bool
    instalments_minor: tuple[int, ...]  # a fixed term's payments in order; of an open-ended contract the first
    first_payment_on: datetime.date
    tax_inclusive: bool
