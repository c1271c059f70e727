"""`portillon-edge capture`, in a process of its own where a terminal's far end matters."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge.gym_process import MEMBER_CARD, Gym
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers.rdm6300_simulator import frame
from portillon_drivers.readers.wiegand.wiegand_simulator import WiegandSimulator
from portillon_edge.cli import app
from portillon_edge.instance_lock import InstanceLock
from portillon_rules.wiegand import STANDARD, encode_bits
from typer.testing import CliRunner

CARD = encode_bits(STANDARD["h10301"], facility=67, number=1_000)
UNKNOWN = encode_bits(STANDARD["c1000_35"], facility=235, number=39_248)
WAIT_S = 30.0


class Terminal:
    """A technician's terminal: one command, and what it says."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "portillon_edge.cli", *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said: list[str] = []

    def until(self, text: str) -> str:
        """The first line from now on that has it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))
            if text in line:
                return line
        raise AssertionError(f"it never said {text!r}: {self.said}")

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        rest, _ = self._process.communicate(timeout=WAIT_S)
        self.said += rest.splitlines()
        return self._process.returncode

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def gym(tmp_path: Path) -> Gym:
    """A gateway that does not run; its first lane has a Wiegand reader, its second an RDM6300."""
    made = Gym(tmp_path)
    text = made.config_path.read_text()
    wiegand = 'type = "wiegand"\nchip = "site/chip"\nd0 = 23\nd1 = 24'
    text = text.replace('type = "rdm6300"\npath = "site/lane1-reader"', wiegand)
    made.config_path.write_text(text.replace('type = "id12la"', 'type = "rdm6300"'))
    return made


@pytest.fixture
def simulator(gym: Gym) -> Iterator[WiegandSimulator]:
    simulator = WiegandSimulator(gym.folder / "site" / "chip", d0=23, d1=24)
    simulator.plug()
    yield simulator
    simulator.unplug()


def capture(gym: Gym, *words: str) -> Iterator[Terminal]:
    terminal = Terminal("capture", *words, "--config", str(gym.config_path))
    yield terminal
    terminal.close()


def refused(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["capture", *words])
    return result.exit_code, re.sub(r"\s+", " ", result.output)


def test_an_unknown_card_shows_its_bits_and_formats(gym: Gym, simulator: WiegandSimulator) -> None:
    """Through the real driver: raw bits, timing, every format, what the gateway would be told; the count ends it."""
    for terminal in capture(gym, "lane1-reader", "--cards", "3"):
        terminal.until("line is open")
        simulator.present(UNKNOWN)
        simulator.present(CARD)
        simulator.present(CARD)
        assert terminal.end() == 0
        text = "\n".join(terminal.said)
        assert "lane1-reader (wiegand, " in text and "site/chip lines 23 and 24" in text
        assert f"  1: 35 bits  {UNKNOWN}" in text
        assert "c1000_35: facility 235, number 39248 = wiegand:35.61D6132A1  (not among" in text
        assert "refused: unknown_format: 35 bits, as c1000_35 has them" in text
        assert f"  3: 26 bits  {CARD}" in text
        assert "told: wiegand:26.28607D1 (whoever has read it once can copy it)" in text
        assert "1.000 ms apart" in text
        assert terminal.said[-2:] == [
            "     told: wiegand:26.28607D1 (whoever has read it once can copy it)",
            "3 readings.",
        ]


def test_ctrl_c_ends_it_well(gym: Gym, simulator: WiegandSimulator) -> None:
    """Ctrl-C is how it is meant to end: exit status 0, and the lines are free again."""
    for terminal in capture(gym, "lane1-reader"):
        terminal.until("line is open")
        terminal.interrupt()
        assert terminal.end() == 0
        assert terminal.said[-1] == "0 readings."
    for terminal in capture(gym, "lane1-reader"):
        terminal.until("line is open")


def test_other_readers_show_what_they_tell(gym: Gym) -> None:
    """A reader without raw bits shows its credentials and faults."""
    line = PtyLine(gym.folder / "site" / "lane2-reader")
    line.plug()
    for terminal in capture(gym, "lane2-reader", "--cards", "1"):
        terminal.until("line is open")
        line.send(b"junk" + frame(MEMBER_CARD) * 2)
        assert "told: em4100:0F0027A46B (whoever" in terminal.until("told")
        assert terminal.end() == 0
        assert "refused: junk" in "\n".join(terminal.said)
    line.unplug()


def test_a_reader_that_is_not_there(gym: Gym) -> None:
    """The chip is named; nothing read within the time is exit status 1."""
    status, output = refused("lane1-reader", "--seconds", "0.3", "--config", str(gym.config_path))
    assert status == 1
    assert "cannot be used" in output and "no such GPIO chip" in output and "0 readings." in output


def test_a_running_gateway_holds_the_reader(gym: Gym) -> None:
    """While a gateway runs nothing is opened: exit status 75, and what to type."""
    with InstanceLock(gym.data_dir):
        status, output = refused("lane1-reader", "--config", str(gym.config_path))
    assert status == 75
    assert "systemctl stop portillon-gateway" in output and "site/chip lines 23 and 24" in output


def test_mistyped(gym: Gym) -> None:
    """An unknown reader lists those there are; a wrong configuration is exit status 78; the help shows examples."""
    status, output = refused("cellar", "--config", str(gym.config_path))
    assert status == 2 and "lane1-reader, lane2-reader" in output
    status, output = refused("lane1-reader", "--config", str(gym.folder / "nothing.toml"))
    assert status == 78 and "nothing.toml" in output
    status, output = refused("--help")
    assert status == 0 and "Examples: portillon-edge capture lane1-reader" in output
