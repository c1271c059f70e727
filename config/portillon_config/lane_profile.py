"""Electrical profiles of lanes: what a make of turnstile wants to see and how it answers. One file for each.

`profile = "perco-tripod"` in a section gives that section the profile's figures as defaults; whatever the section says
itself, holds. A profile states where its figures come from; figures that are ours are marked so in its file.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

from portillon_drivers.options import InputOptions, Section
from pydantic import Field

FOLDER = "lane_profiles"
DEFAULTS = ("drive", "pulse_ms", "passage_window_ms", "passage_wait_ms", "long_access_factor")
"""The keys that a section may leave to its profile."""


class LaneProfile(Section):
    """One make of lane."""

    title: str = Field(description="the models it is for")
    source: str = Field(description="document and clause")
    drive: Literal["pulse", "level"]
    pulse_ms: int = Field(ge=50, le=60_000, description="what we give it")
    pulse_ms_min: int = Field(default=50, ge=1, description="a shorter signal it may not see")
    level_ms_max: int | None = Field(default=None, description="a longer signal means something else to it")
    passage_window_ms: int = Field(ge=500, le=60_000)
    passage_wait_ms: int | None = Field(default=None, description="how long it waits by itself after a pulse")
    long_access_factor: int = Field(default=3, ge=1, le=10)
    contacts: Mapping[str, Literal["closed", "open"]] = Field(
        default_factory=dict, description="the state in which each of its contacts tells, by the section's key for it"
    )

    @property
    def defaults(self) -> dict[str, Any]:
        """The section's keys that this profile gives."""
        return {key: value for key in DEFAULTS if (value := getattr(self, key)) is not None}


@cache
def lane_profiles() -> Mapping[str, LaneProfile]:
    """Every profile by its name, the name of its file."""
    files = sorted(resources.files("portillon_config").joinpath(FOLDER).iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): LaneProfile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        for file in files
        if file.name.endswith(".toml")
    }


def wrong_contacts(profile: LaneProfile, wired: Mapping[str, InputOptions]) -> Iterator[str]:
    """One line for each input whose `active` is not how that lane's contact tells; `wired`: by the section's key."""
    for key, line in wired.items():
        told = profile.contacts.get(key)
        if told is not None and line.active != told:
            yield (
                f'{key}: input "{line.name}" has active = "{line.active}", but {profile.title} tells by a contact that '
                f'is {told}; write active = "{told}", or leave the profile out if it is wired otherwise'
            )
