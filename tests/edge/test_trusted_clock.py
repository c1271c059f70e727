"""Only a declared RTC, or a clock that the kernel holds for synchronised, says what time it is after a cold boot."""

import ctypes
import time
from pathlib import Path

import pytest
from portillon_edge import trusted_clock
from portillon_edge.trusted_clock import trusted_real_ms


def test_a_declared_rtc_is_asked_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own seconds count, whatever the system's clock says and whoever has set it."""
    monkeypatch.setattr(trusted_clock, "_is_synchronised", lambda: True)
    (tmp_path / "since_epoch").write_text("1790000000\n")
    assert trusted_real_ms(tmp_path) == 1_790_000_000_000


@pytest.mark.parametrize("content", [None, "", "soon\n"])
def test_an_rtc_that_cannot_be_read_says_nothing(
    tmp_path: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Declared and gone, or its battery empty: the hour of the cold boot is charged, and the log says why."""
    if content is not None:
        (tmp_path / "since_epoch").write_text(content)
    assert trusted_real_ms(tmp_path) is None
    assert "an hour is charged" in caplog.text


@pytest.mark.parametrize(("state", "worth"), [(0, True), (1, True), (5, False), (-1, False)])
def test_the_system_s_clock_counts_while_the_kernel_holds_it_for_synchronised(
    monkeypatch: pytest.MonkeyPatch, state: int, worth: bool
) -> None:
    """A leap second announced (1) is no reason for doubt; TIME_ERROR (5) and a call that fails are."""

    class Library:
        def adjtimex(self, _state: object) -> int:
            return state

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library())
    found = trusted_real_ms(None)
    assert (found is not None) is worth
    assert found is None or abs(found - time.time_ns() // 1_000_000) < 10_000


def test_this_kernel_answers() -> None:
    """The call is made as the kernel wants it: it neither fails nor writes past its buffer."""
    adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    buffer = ctypes.create_string_buffer(trusted_clock._TIMEX_BYTES)
    assert 0 <= adjtimex(buffer) <= 5
    assert buffer.raw[208:] == bytes(48)
