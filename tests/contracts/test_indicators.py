"""The Indicator port: what every indicator must do, run over every implementation, each beside its simulator."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contracts.rigs.indicators import RIGS, WAIT_S
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.indicators.pattern import Beeps, Colour, Page, Pattern, Rhythm
from portillon_drivers.indicators.phase import PAGE_MS
from portillon_drivers.indicators.simulated_indicators import Seen
from portillon_drivers.ports import Indicator
from portillon_drivers.registry import INDICATORS, build_indicators

READY = Pattern(colour=Colour.GREEN, rhythm=Rhythm(1_000), pages=(Page(("Ready:", "please badge")),))
REFUSED = Pattern(
    colour=Colour.RED,
    rhythm=Rhythm(200, 200),
    beeps=Beeps(3, 200),
    pages=(Page(("Paiement dû", "Voir l’accueil")), Page(("Payment due",))),
    for_ms=4_000,
)
ALARM = Pattern(colour=Colour.AMBER, rhythm=Rhythm(400, 200), beeps=Beeps(0, 300, 200), pages=(Page(("Alarm",)),))


@pytest.fixture(params=sorted(RIGS))
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    rig = RIGS[request.param](tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def indicator(rig: Any) -> Iterator[Indicator]:
    (indicator,) = build_indicators([rig.options], rig.readers)
    yield indicator
    indicator.close()


def wait_seen(rig: Any, light: Colour | None, sounding: bool, *lines: str) -> None:
    """Until a person at the door perceives that much of it as this kind of indicator can show."""
    expected = Seen(
        light if rig.light else None,
        sounding if rig.sound else None,
        (*lines, "", "")[:2] if rig.text else None,
    )
    until = time.monotonic() + WAIT_S
    while rig.seen() != expected:
        assert time.monotonic() < until, (rig.seen(), expected)
        time.sleep(0.001)


def test_suite_covers_every_indicator() -> None:
    """An indicator without a rig here would be an indicator without this suite."""
    assert RIGS.keys() == INDICATORS.keys()


def test_opened_it_is_dark_and_silent(rig: Any, indicator: Indicator) -> None:
    """Nobody is told anything before the gateway says so; opening twice is harmless."""
    indicator.open()
    indicator.open()
    wait_seen(rig, None, False)


def test_each_pattern_takes_the_place_of_the_last(rig: Any, indicator: Indicator) -> None:
    """Colour, sound and words of the newest, nothing left of the one before; accents become plain letters."""
    indicator.open()
    indicator.show(READY)
    wait_seen(rig, Colour.GREEN, False, "Ready:", "please badge")
    indicator.show(REFUSED)
    wait_seen(rig, Colour.RED, True, "Paiement du", "Voir l'accueil")
    indicator.show(ALARM)
    wait_seen(rig, Colour.AMBER, True, "Alarm")
    indicator.show(READY)
    wait_seen(rig, Colour.GREEN, False, "Ready:", "please badge")


def test_it_says_when_it_must_go_on(rig: Any, indicator: Indicator) -> None:
    """It asks for its next turn within a page, and with its turns both languages are shown."""
    indicator.open()
    again_ms = indicator.show(REFUSED)
    assert again_ms is None or 0 < again_ms <= PAGE_MS
    elapsed_ms = 0
    while again_ms is not None and elapsed_ms < PAGE_MS:
        elapsed_ms += again_ms
        again_ms = indicator.play(elapsed_ms)
        assert again_ms is None or 0 < again_ms <= PAGE_MS
    if rig.text:
        wait_seen(rig, Colour.RED, True, "Payment due")


def test_a_steady_silent_pattern_needs_no_turns(indicator: Indicator) -> None:
    """What does not change costs nothing."""
    indicator.open()
    assert indicator.show(READY) is None


def test_closed_it_is_silent(rig: Any, indicator: Indicator) -> None:
    """An alarm does not go on when nobody can end it; closing twice is harmless."""
    indicator.open()
    indicator.show(ALARM)
    indicator.close()
    indicator.close()
    until = time.monotonic() + WAIT_S
    while rig.seen().sounding:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_not_shown_is_said(indicator: Indicator) -> None:
    """Going on with nothing is a passing failure, not a silent success."""
    with pytest.raises(TransientDeviceError, match="not open"):
        indicator.play(0)


def test_lost_and_back(rig: Any, indicator: Indicator) -> None:
    """A lost device fails until it is back; opened again it shows what it is told; closing a lost one never raises."""
    if not hasattr(rig, "lose"):
        pytest.skip("a pin cannot be unplugged")
    indicator.open()
    indicator.show(READY)
    rig.lose()
    with pytest.raises(TransientDeviceError):
        for _ in range(3):  # a line takes a while to be known as lost
            indicator.show(ALARM)
    indicator.close()
    rig.restore()
    indicator.open()
    indicator.show(ALARM)
    wait_seen(rig, Colour.AMBER, True, "Alarm")
