"""What billing refuses."""

import datetime
from collections.abc import Mapping, Sequence

from portillon_cloud.billing.law.terms import Violation
from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError, TransientError


class UnlawfulContractError(RefusedError):
    """Consumer law forbids these terms; `violations` says which clause and why."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(str(violation) for violation in self.violations))


class UnknownPlanError(NotFoundError):
    """No plan with this code, or no price to sell it at."""


class CatalogueError(PermanentError):
    """A plan, price or contract that makes no sense: another currency than its book's, a term of no whole periods."""


class CouponRefusedError(RefusedError):
    """The coupon is not for this: unknown, over, used up, or for other plans."""


class UnknownCouponError(NotFoundError):
    """No such coupon in this organisation."""


class ReferralRefusedError(RefusedError):
    """Who was brought or rewarded cannot have been: `why` is a member of `referrals.ReferralWhy`."""

    def __init__(self, why: str, told: str) -> None:
        self.why = why
        super().__init__(told)


class UnknownReferralError(NotFoundError):
    """No such referral, or no such members, in this organisation."""


class SaleRefusedError(RefusedError):
    """A sale or a return that cannot be: more brought back than was sold, a request key of another sale."""


class UnknownSaleError(NotFoundError):
    """No such sale, or no such account to sell to, in this organisation."""


class NumberingError(PermanentError):
    """A number would be out of order: the series has one issued on a later day."""


class RunConflictError(TransientError):
    """Another run billed the same period first; nothing was written, and the next run skips it."""


class SubscriptionRefusedError(RefusedError):
    """What was asked is not possible now: `why`, and the first day on which it would be (None: there is none)."""

    def __init__(self, why: str, possible_on: datetime.date | None) -> None:
        self.why = why
        self.possible_on = possible_on
        when = "" if possible_on is None else f"; possible from {possible_on}"
        super().__init__(f"not possible: {why.replace('_', ' ')}{when}")


class SamePlanTwiceError(ConflictError):
    """The member has this plan at that time already: a second one is seldom meant, and billed all the same."""


class UnknownSubscriptionError(NotFoundError):
    """No such subscription in this organisation."""


class UnknownPayerError(NotFoundError):
    """No such account that could pay a part."""


class BillsInDoubtError(RefusedError):
    """A change would write more than any life of a subscription explains; the message says how much."""


class UnknownDoubtError(NotFoundError):
    """No such open doubt in this organisation: it never was, or somebody settled it."""


class TimelineError(PermanentError):
    """Recorded events that make no life of a subscription: two starts, a resumption of what is not frozen."""


class RunStoppedError(RefusedError):
    """A batch of an invoice run leaves its forecast in these ways; nothing of it was written."""

    def __init__(self, figures: Mapping[str, int], leavings: Sequence[str]) -> None:
        self.figures, self.leavings = dict(figures), tuple(leavings)
        told = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        super().__init__(f"the run leaves its forecast ({', '.join(self.leavings)}): {told}")


class UnknownStopError(NotFoundError):
    """No run of this organisation stands still under that id."""


class UnknownPriceChangeError(NotFoundError):
    """No such announced price in this organisation."""


class PriceChangeBegunError(RefusedError):
    """An announced price holds for somebody already; it is not taken back but followed by another."""


class TransferRefusedError(RefusedError):
    """A subscription cannot be handed on so; the message begins with the field that is wrong."""
