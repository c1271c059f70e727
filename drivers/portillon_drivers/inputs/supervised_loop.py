"""A contact with end-of-line resistors: what its loop measures says open, closed, cut, short or foreign. Pure.

The usual wiring (two resistors, EN 50131-1 "double end of line"): one of 1 kΩ in series at the contact, one of 1 kΩ
across it. Closed, the loop has 1 kΩ, open 2 kΩ; a wire cut or shorted anywhere before the resistors has neither.

    measured   below half of the smaller one            SHORT
               within the tolerance of `closed_ohm`     closed
               within the tolerance of `open_ohm`       open
               above twice the larger one               CUT
               anything else                            FOREIGN: water, a wrong resistor, a meddler
"""

from math import inf
from typing import Self

from pydantic import Field, model_validator

from portillon_drivers.events import LineTrouble
from portillon_drivers.inputs.line_watch import Found
from portillon_drivers.options import InputOptions

SHORT_SHARE = 0.5
CUT_TIMES = 2.0


class SupervisedOptions(InputOptions):
    """Any input that can measure its loop."""

    closed_ohm: int = Field(default=1_000, ge=100, le=100_000, description="the whole loop while the contact is closed")
    open_ohm: int = Field(default=2_000, ge=100, le=100_000, description="the whole loop while the contact is open")
    tolerance_percent: int = Field(
        default=20, ge=5, le=40, description="of either value, for the resistors, the wire and the supply together"
    )
    pull_up_ohm: int = Field(ge=100, le=100_000, description="the resistor from the supply to the measured terminal")

    @model_validator(mode="after")
    def _bands_are_apart(self) -> Self:
        low, high = sorted((self.closed_ohm, self.open_ohm))
        share = self.tolerance_percent / 100
        if low * (1 + share) >= high * (1 - share):
            raise ValueError(
                f"closed_ohm = {self.closed_ohm} and open_ohm = {self.open_ohm} cannot be told apart at "
                f"{self.tolerance_percent} % tolerance: take resistors that differ more, or a lower tolerance_percent"
            )
        return self

    def loop_ohm(self, share: float) -> float:
        """The loop's resistance, from the share of the supply's voltage that it has beside the pull-up resistor."""
        return inf if share >= 1 else self.pull_up_ohm * max(0.0, share) / (1 - share)

    def judge(self, share: float) -> Found:
        """What that share of the supply's voltage says of the contact."""
        ohm = self.loop_ohm(share)
        low, high = sorted((self.closed_ohm, self.open_ohm))
        if ohm < low * SHORT_SHARE:
            return Found(LineTrouble.SHORT, f"{self.place}: the wires touch ({_shown(ohm)}); look for a pinched cable")
        if ohm > high * CUT_TIMES:
            return Found(LineTrouble.CUT, f"{self.place}: the loop is cut ({_shown(ohm)}); look for a loose wire")
        for closed, expected in ((True, self.closed_ohm), (False, self.open_ohm)):
            if abs(ohm - expected) * 100 <= expected * self.tolerance_percent:
                return Found(closed)
        expected_text = f"{self.closed_ohm} Ω closed or {self.open_ohm} Ω open"
        return Found(
            LineTrouble.FOREIGN,
            f"{self.place}: the loop has {_shown(ohm)} instead of {expected_text}; look for water or a wrong resistor",
        )


def _shown(ohm: float) -> str:
    return "no current" if ohm > 10_000_000 else f"{ohm:.0f} Ω"
