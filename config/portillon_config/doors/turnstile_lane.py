"""The section `[[doors]]` of `kind = "turnstile_lane"`."""

from typing import Any, Literal, Self

from portillon_drivers.options import Name
from pydantic import Field, field_validator, model_validator

from portillon_config.doors.base import Door
from portillon_config.lane_profile import LaneProfile, lane_profiles


class TurnstileLane(Door):
    """A lane that passes one person at a time and says so by a contact; with two ways it is still one lane."""

    kind: Literal["turnstile_lane"]
    profile: str | None = Field(default=None, description="the make of the lane: gives the figures left out here")
    passage_input: Name = Field(description="the name of the input that the lane closes when somebody went through")
    passage_out_input: Name | None = Field(
        default=None, description="the same for the way out, where the lane tells the two ways apart"
    )
    rex_input: Name | None = Field(default=None, description="the input of a request-to-exit button")
    lane_busy_input: Name | None = Field(default=None, description="the input by which the lane says it is occupied")
    lane_fault_input: Name | None = Field(default=None, description="the input by which it says it is out of order")
    exit_output: Name | None = Field(
        default=None, description="the output that releases the way out, if it has its own"
    )
    ready_output: Name | None = Field(default=None, description="the output of the lamp that invites the next person")
    drive: Literal["pulse", "level"] = Field(
        default="pulse",
        description='"pulse": the lane waits for the person by itself; "level": open while the output releases',
    )
    passage_wait_ms: int | None = Field(
        default=None, ge=500, le=60_000, description="how long the lane itself waits after a pulse"
    )
    long_access_factor: int = Field(
        default=3, ge=1, le=10, description="the passage window of who needs longer, as a multiple"
    )
    second_badge: Literal["refuse", "queue", "ignore"] = Field(
        default="refuse", description="what becomes of a card while another person is let through"
    )
    free_exit: bool = Field(default=False, description="true if the way out stands released: nobody badges to leave")

    @field_validator("profile")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in lane_profiles():
            raise ValueError(f"there is none of this name; there are: {', '.join(lane_profiles())}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _take_defaults(cls, data: Any) -> Any:
        profile = lane_profiles().get(str(data.get("profile"))) if isinstance(data, dict) else None
        if profile is None:
            return data
        if data.get("drive", profile.drive) != profile.drive:
            return {
                **profile.defaults,
                "passage_wait_ms": None,
                **data,
            }  # how long a pulse lasts says nothing of a level
        return {**profile.defaults, **data}

    @model_validator(mode="after")
    def _fits_the_lane(self) -> Self:
        if self.drive == "pulse" and self.passage_wait_ms and self.passage_window_ms <= self.passage_wait_ms:
            raise ValueError(
                f"passage_window_ms = {self.passage_window_ms} ends before the lane itself locks, passage_wait_ms = "
                f"{self.passage_wait_ms}: who passes in between would count as forced; raise passage_window_ms"
            )
        made = self.made
        if made and self.drive == "pulse" and self.pulse_ms < made.pulse_ms_min:
            raise ValueError(
                f"pulse_ms = {self.pulse_ms} is too short for {made.title}: at least {made.pulse_ms_min}; raise it"
            )
        if made and made.level_ms_max and self.drive == "level" and self.release_ms_max > made.level_ms_max:
            raise ValueError(
                f"a release of {self.release_ms_max} ms (passage_window_ms times long_access_factor) means something "
                f"else to {made.title}: at most {made.level_ms_max}; lower the one or the other"
            )
        if self.exit_output and not (self.exit_readers or self.free_exit or self.rex_input):
            raise ValueError(
                "exit_output would never be released: name exit_readers or a rex_input, or write free_exit = true"
            )
        return self

    @property
    def made(self) -> LaneProfile | None:
        """The profile it names."""
        return None if self.profile is None else lane_profiles()[self.profile]

    @property
    def release_ms_max(self) -> int:
        """The longest that one release may last; its outputs' `max_on_ms` must allow it."""
        return self.pulse_ms if self.drive == "pulse" else self.passage_window_ms * self.long_access_factor
