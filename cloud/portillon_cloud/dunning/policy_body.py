"""A dunning policy as programs send and read it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.policy import (
    BEFORE_DUE_DAYS_MAX,
    DAYS_MAX,
    PROMISE_DAYS_MAX,
    PROMISES_MAX,
    DunningPolicy,
    Household,
)

Day = Annotated[int, Field(ge=0, le=DAYS_MAX)]
Minor = Annotated[int, Field(ge=1, le=1_000_000_000, description="Minor units (cents)")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class RungBody(BaseModel):
    """From this day of the ladder, if at least so much is that old."""

    model_config = ConfigDict(extra="forbid")

    day: Day
    owed_minor_min: Minor = 1
    owed_minor_in: dict[Currency, Minor] = Field(
        default_factory=dict, max_length=20, description="Where a currency asks for another amount"
    )


class RestrictionBody(RungBody):
    """From then on these switches are off."""

    switches: list[Switch] = Field(min_length=1)


class LadderBody(BaseModel):
    """Days count from the first charge that failed."""

    model_config = ConfigDict(extra="forbid")

    retry_days: list[Day] = Field(description="The charge is tried again; a debit at most twice")
    reminder_days: list[Day]
    restrictions: list[RestrictionBody]
    hand_over: RungBody | None = Field(default=None, description="Put on the collectors' list")
    cancellation: RungBody | None = Field(default=None, description="The memberships that the invoice bills end")
    write_off: RungBody | None = Field(default=None, description="The debt becomes a loss; the last of all")


class PolicyBody(LadderBody):
    """Its own ladder is that of every failure but those in `by_failure`."""

    by_failure: dict[FailureClass, LadderBody] = Field(default_factory=dict)
    before_due_days: list[Annotated[int, Field(ge=1, le=BEFORE_DUE_DAYS_MAX)]] = Field(
        default_factory=list, description="Reminders so many days before an invoice or instalment falls due"
    )
    promise_days: int = Field(default=14, ge=0, le=PROMISE_DAYS_MAX, description="How far off a promised day may be")
    promises: int = Field(default=1, ge=0, le=PROMISES_MAX, description="How many of them one debt is given")
    household: Household = Household.ACCOUNT

    @classmethod
    def of(cls, policy: DunningPolicy) -> "PolicyBody":
        """As it is kept."""
        return cls.model_validate(policy.to_body())

    def policy(self) -> DunningPolicy:
        """What it says. Raises PolicyInvalidError."""
        return DunningPolicy.from_body(self.model_dump())
