"""A command opens once, now, by the right key, or not at all; each defence with what happens without it."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edge.feed_maker import GATEWAY, KEY, KEYS, NOON_MS, SECRET, FeedMaker
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.errors import StoreBusy
from portillon_edge.store.counter_file import CounterFile
from portillon_edge.sync.command_runner import CommandRunner
from portillon_edge.sync.commands import AHEAD_MS_MAX, CommandDesk
from portillon_edge.sync.effects import Record
from portillon_edge.sync.inputs import Received
from portillon_wire.commands import LIFE_MS_MAX, Action, Command, CommandResult
from portillon_wire.messages import decode
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, sign
from portillon_wire.topics import Down, Up

S = 1_000_000_000


def command(counter: int = 1, **fields: Any) -> Command:
    given_at_ms = fields.pop("issued_ms", NOON_MS)
    base: dict[str, Any] = {
        "gateway": GATEWAY, "action": Action.OPEN_DOOR, "door": "lane-1", "by": "staff:3", "counter": counter,
        "issued_ms": given_at_ms, "expires_ms": given_at_ms + LIFE_MS_MAX,
    }  # fmt: skip
    return Command(**{**base, **fields})


class Gate:
    """A gateway's command desk on a real counter file, with everything it did, in order."""

    def __init__(self, folder: Path, *, certain: bool = True, keys: PublicKeys = KEYS) -> None:
        self.now_ns = 10 * S
        self.done: list[Any] = []
        self.refuse: str | None = None
        self.keeper = TimeKeeper(mode="live", boot_id="boot-a", boot_ns=0)
        if certain:
            assert self.keeper.adopt(FeedMaker().lease(), self.now_ns) is None
        self.counters = CounterFile(folder / "commands.counters", SECRET)
        self.runner = CommandRunner(
            CommandDesk(gateway=GATEWAY, keys=keys, keeper=self.keeper, counters=self.counters.counters),
            counters=self.counters,
            take=self._take,
            publish=self._publish,
            record=self.done.append,
            clock_ns=lambda: self.now_ns,
        )

    def give(self, message: Command | bytes, *, key: SigningKey = KEY, retained: bool = False) -> list[Any]:
        start = len(self.done)
        payload = message if isinstance(message, bytes) else sign(message, key)
        self.runner.receive(Received(Down.COMMAND, payload, retained))
        return self.done[start:]

    def opened(self) -> list[Command]:
        return [one for one in self.done if isinstance(one, Command)]

    def _take(self, taken: Command) -> str | None:
        assert self.counters.counters[KEY.kid] == taken.counter, "acted before the counter was on the disk"
        self.done.append(taken)
        return self.refuse

    def _publish(self, name: Up, payload: bytes) -> None:
        assert name is Up.RESULT
        self.done.append(decode(CommandResult, payload))


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def reasons(done: list[Any]) -> list[str]:
    return [one.reason for one in done if isinstance(one, Record)]


def test_a_command_is_written_down_given_to_the_doors_and_answered(gate: Gate) -> None:
    """In this order; what the doors say against it is what the cloud hears."""
    taken, answer = gate.give(command(7))
    assert (taken.door, taken.by) == ("lane-1", "staff:3")
    assert answer == CommandResult(kid=KEY.kid, counter=7, outcome="taken")
    gate.refuse = "no_such_door"
    assert gate.give(command(8))[-1] == CommandResult(kid=KEY.kid, counter=8, outcome="refused", reason="no_such_door")


def test_a_repeated_command_opens_nothing_and_is_not_answered(gate: Gate, tmp_path: Path) -> None:
    """Neither at once, nor after a restart, nor one that was overtaken."""
    first = sign(command(7), KEY)
    gate.give(first)
    again = Gate(tmp_path)
    for one, token in ((gate, first), (again, first), (gate, sign(command(6), KEY))):
        assert reasons(done := one.give(token)) == ["repeated"] and len(done) == 1


def test_ablation_without_the_counters_on_disk_a_restart_opens_again(gate: Gate, tmp_path: Path) -> None:
    """The file is what remembers: without it the same token opens a second time."""
    token = sign(command(7), KEY)
    gate.give(token)
    (tmp_path / "commands.counters").unlink()
    again = Gate(tmp_path)
    again.give(token)
    assert len(again.opened()) == 1


def test_nothing_is_done_whose_counter_cannot_be_saved(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: no door opens, and nobody is told that one did."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portillon_edge.store.counter_file.replace_file", full)
    assert gate.give(command(7)) == []
    with pytest.raises(StoreBusy, match="nothing is done"):
        gate.counters.save("k1", 8)


@pytest.mark.parametrize(
    ("age_ms", "reason"),
    [(LIFE_MS_MAX - 1, None), (LIFE_MS_MAX, "expired"), (-AHEAD_MS_MAX, None), (-AHEAD_MS_MAX - 1, "from_the_future")],
)
def test_a_command_lives_for_thirty_seconds_and_not_before(gate: Gate, age_ms: int, reason: str | None) -> None:
    """Too late or too early: refused, recorded, and the cloud is told why."""
    done = gate.give(command(7, issued_ms=NOON_MS - age_ms))
    assert len(gate.opened()) == (reason is None)
    assert reasons(done) == ([] if reason is None else [reason])
    assert (done[-1].outcome, done[-1].reason) == (("taken", "") if reason is None else ("refused", reason))


def test_a_gateway_that_is_not_certain_of_the_time_obeys_nobody(tmp_path: Path) -> None:
    """A command could be of any age; the counter is used up all the same."""
    gate = Gate(tmp_path, certain=False)
    token = sign(command(7), KEY)
    done = gate.give(token)
    assert reasons(done) == ["time_uncertain"] and done[-1].reason == "time_uncertain" and gate.opened() == []
    assert gate.keeper.adopt(FeedMaker().lease(), gate.now_ns) is None
    assert reasons(gate.give(token)) == ["repeated"]


def test_forged_foreign_retained_and_misused_do_nothing_but_get_recorded(gate: Gate, tmp_path: Path) -> None:
    """Each is one event and no answer; a feed key is no command key."""
    feed_only = PublicKeys({KEY.kid: PublicKey(KEY.public, frozenset({KeyUse.FEED, KeyUse.LEASE}))})
    tries: list[tuple[Callable[[], list[Any]], str]] = [
        (lambda: gate.give(command(7), key=SigningKey.generate(KEY.kid)), "forged"),
        (lambda: gate.give(command(7), key=SigningKey.generate("stranger")), "forged"),
        (lambda: gate.give(command(7, gateway="gw2")), "foreign"),
        (lambda: gate.give(command(7), retained=True), "retained"),
        (lambda: gate.give(sign(FeedMaker().lease(), KEY)), "malformed"),
        (lambda: gate.give(b"\xff junk"), "malformed"),
        (lambda: Gate(tmp_path, keys=feed_only).give(command(7)), "forged"),
    ]
    for act, reason in tries:
        assert reasons(done := act()) == [reason] and len(done) == 1
    assert gate.opened() == [] and gate.counters.counters == {}
    gate.give(command(7))
    assert len(gate.opened()) == 1  # none of them had used up its counter


@given(st.lists(st.integers(0, 20), max_size=30))
def test_in_any_order_each_counter_opens_at_most_once(
    tmp_path_factory: pytest.TempPathFactory, sent: list[int]
) -> None:
    """However a broker repeats and reorders: rising counters open, everything else does not."""
    gate = Gate(tmp_path_factory.mktemp("gate"))
    for counter in sent:
        gate.give(command(counter))
    opened = [one.counter for one in gate.opened()]
    assert opened == sorted(set(opened))


def test_a_damaged_counter_file_is_told_and_not_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who lowers the counter by hand gains nothing: without its MAC the file counts as lost."""
    CounterFile(tmp_path / "c", SECRET).save("k1", 7)
    text = (tmp_path / "c").read_text()
    (tmp_path / "c").write_text(text.replace("7", "1", 1))
    with caplog.at_level(logging.ERROR):
        assert CounterFile(tmp_path / "c", SECRET).counters == {}
    assert "not used" in caplog.text
