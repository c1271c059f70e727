"""What can go wrong in dunning."""

from datetime import date
from enum import StrEnum

from portillon_cloud.errors import PermanentError, RefusedError


class PolicyInvalidError(PermanentError, ValueError):
    """A dunning policy that makes no sense; the message names the value and what would be accepted."""


class WhyNoPromise(StrEnum):
    """Why nobody takes a promise to pay."""

    NOT_TAKEN = "not_taken"  # the policy takes none
    DAY = "day"  # over already, or too far off
    NOTHING_OVERDUE = "nothing_overdue"
    GIVEN_BEFORE = "given_before"  # as often as the policy allows


class PromiseRefusedError(RefusedError):
    """A promise to pay is not taken: `why`; `last_on`, the last day that would be."""

    def __init__(self, why: WhyNoPromise, *, last_on: date | None = None) -> None:
        self.why = why
        self.last_on = last_on
        text = {
            WhyNoPromise.NOT_TAKEN: "the dunning policy takes no promises",
            WhyNoPromise.DAY: f"promise a day from today up to {last_on}",
            WhyNoPromise.NOTHING_OVERDUE: "nothing of this account is overdue",
            WhyNoPromise.GIVEN_BEFORE: "this debt was promised before, as often as the policy allows",
        }
        super().__init__(text[why])
