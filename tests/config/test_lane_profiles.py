"""Every profile of a lane is complete, and gives a section what it leaves out."""

from pathlib import Path
from typing import Any

import pytest
from portillon_config.doors import Barrier, TurnstileLane
from portillon_config.errors import ConfigError
from portillon_config.lane_profile import DEFAULTS, LaneProfile, lane_profiles, wrong_contacts
from portillon_config.load import load
from portillon_drivers.options import InputOptions
from pydantic import ValidationError

EXAMPLE = Path(__file__).parents[2] / "config/examples/every-door.toml"
LANE: dict[str, Any] = {
    "kind": "turnstile_lane",
    "name": "lane1",
    "zone": "gym",
    "readers": ["lane1-reader"],
    "output": "lane1-relay",
    "passage_input": "lane1-passage",
}
BARRIER: dict[str, Any] = {
    "kind": "barrier",
    "name": "gate",
    "zone": "car-park",
    "readers": ["gate-reader"],
    "output": "gate-open",
    "pulse_ms": 500,
}


def lane(**keys: Any) -> TurnstileLane:
    return TurnstileLane.model_validate({**LANE, **keys})


def contact(name: str, active: str) -> InputOptions:
    return InputOptions.model_validate({"name": name, "type": "gpio", "active": active})


@pytest.mark.parametrize("name", lane_profiles())
def test_each_profile_makes_a_lane(name: str) -> None:
    """A section that names the profile and its devices is complete, and the figures agree with each other."""
    made = lane(profile=name)
    assert {key: getattr(made, key) for key in lane_profiles()[name].defaults} == lane_profiles()[name].defaults
    assert made.release_ms_max <= 60_000


@pytest.mark.parametrize("profile", lane_profiles().values(), ids=lane_profiles())
def test_each_profile_names_its_source(profile: LaneProfile) -> None:
    """A figure without a source is a guess; contacts are keys that a section really has."""
    assert len(profile.source) > 10 and any(character.isdigit() for character in profile.source)
    assert profile.contacts.keys() <= TurnstileLane.model_fields.keys()
    assert set(DEFAULTS) <= TurnstileLane.model_fields.keys()


def test_figures_of_the_documents() -> None:
    """What the manuals say: PERCo waits 5 s and wants 100 ms; a long TiSO signal means free; Castle gives 200 ms."""
    profiles = lane_profiles()
    assert (profiles["perco-tripod"].passage_wait_ms, profiles["perco-tripod"].pulse_ms_min) == (5_000, 100)
    assert profiles["tiso-speedblade"].level_ms_max == 6_500
    assert (profiles["generic-pulse"].pulse_ms, profiles["generic-level"].passage_window_ms) == (200, 5_000)


def test_section_has_the_last_word() -> None:
    """What the section says itself, holds; the profile fills in the rest."""
    made = lane(profile="perco-tripod", passage_window_ms=9_000)
    assert (made.passage_window_ms, made.pulse_ms, made.drive) == (9_000, 300, "pulse")


def test_other_drive_than_the_profile_drops_the_wait_after_a_pulse() -> None:
    """A lane that was rewired for a level has no wait of its own any more."""
    assert lane(profile="perco-tripod", drive="level", passage_window_ms=4_000).passage_wait_ms is None


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"profile": "perko"}, "there are: generic-level, generic-pulse, perco-tripod"),
        ({"profile": "perco-tripod", "passage_window_ms": 5_000}, "ends before the lane itself locks"),
        ({"profile": "perco-tripod", "pulse_ms": 90}, "too short for PERCo"),
        ({"profile": "tiso-speedblade", "long_access_factor": 2}, "at most 6500"),
        ({"pulse_ms": 300, "exit_output": "out"}, "exit_output would never be released"),
        ({}, "pulse_ms"),
    ],
)
def test_what_does_not_fit_the_lane_is_told(keys: dict[str, Any], told: str) -> None:
    """With what to do, before anybody stands in front of it."""
    with pytest.raises(ValidationError, match=told):
        lane(**keys)


def test_contact_wired_the_other_way_round_is_told() -> None:
    """PERCo's PASS contact is closed at rest: taken as active when closed, everybody would be passing all the time."""
    profile = lane_profiles()["perco-tripod"]
    assert list(wrong_contacts(profile, {"passage_input": contact("lane1-passage", "open")})) == []
    (told,) = wrong_contacts(profile, {"passage_input": contact("lane1-passage", "closed")})
    assert 'input "lane1-passage"' in told and 'write active = "open"' in told
    assert list(wrong_contacts(profile, {"rex_input": contact("exit", "closed")})) == []


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        (
            'active = "open"                     # a PERCo',
            'active = "closed" # a PERCo',
            r'doors \("lane"\).passage_input',
        ),
        ('"perco-tripod"', '"perco-tripod-level"', "passage_window_ms times long_access_factor: 15000 is longer than"),
        (
            '"perco-tripod"',
            '"tiso-speedblade"',
            "max_on_ms = 10000, but a signal longer than 6500 means something else",
        ),
    ],
)
def test_whole_file_is_checked_against_the_make(tmp_path: Path, written: str, instead: str, told: str) -> None:
    """Contacts that are wired the other way round and outputs that may not last as long are told with their place."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(written) == 1
    changed = tmp_path / "gateway.toml"
    changed.write_text(text.replace(written, instead), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load(changed)


def test_longest_release_follows_the_drive() -> None:
    """A pulse is as long as it is; a level lasts for the window, and longer for who needs it."""
    assert lane(profile="perco-tripod").release_ms_max == 300
    assert lane(profile="perco-tripod-level").release_ms_max == 15_000


def test_barrier_closes_only_over_a_loop() -> None:
    """A closing output without a loop is refused; a barrier that closes by itself needs none."""
    assert Barrier.model_validate(BARRIER).inputs == {}
    with pytest.raises(ValidationError, match="nobody knows who stands under the boom"):
        Barrier.model_validate({**BARRIER, "close_output": "gate-close"})
    with pytest.raises(ValidationError, match="is over before the closing signal"):
        Barrier.model_validate({**BARRIER, "close_pulse_ms": 7_000})
