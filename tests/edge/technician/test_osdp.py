"""`portillon-edge osdp`, on a simulated line."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from edge.gym_process import Gym
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp import update
from portillon_drivers.osdp.clear_text_waiver import read
from portillon_drivers.osdp.key_file import ReaderFiles
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.readers.osdp_simulator import SimulatedBus
from portillon_drivers.serial_port import SerialPort
from portillon_edge.cli import app
from portillon_edge.instance_lock import InstanceLock
from portillon_edge.technician.commissioning_log import FILE
from typer.testing import CliRunner

KEY = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590")


def said(*words: str | Path) -> tuple[int, str]:
    """Exit status and all output, line breaks of the terminal undone."""
    result = CliRunner().invoke(app, ["osdp", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, re.sub(r"[\s│]+", " ", result.output)


@dataclass
class Line:
    """A gateway that does not run, and a line with one new reader at address 1."""

    folder: Path
    gym: Gym = field(init=False)
    bus: SimulatedBus = field(init=False)
    reader: OsdpReaderSimulator = field(init=False)

    def __post_init__(self) -> None:
        self.gym = Gym(self.folder)
        self.describe('key_file = "lane1.key"')
        self.bus = SimulatedBus(self.folder / "bus")
        self.bus.plug()
        self.reader = OsdpReaderSimulator(1, None, baud=115_200)
        self.bus.readers.append(self.reader)

    def describe(self, how: str) -> None:
        """Make lane 1's reader an OSDP reader."""
        text = self.gym.config_path.read_text()
        mine = f'name = "lane1-reader"\ntype = "osdp"\npath = "bus"\nbaud = 115200\naddress = 1\n{how}\n'
        text = re.sub(r'name = "lane1-reader"\ntype = .*?(?=hold_off_ms)', mine, text, count=1, flags=re.S)
        self.gym.config_path.write_text(text)

    @property
    def files(self) -> ReaderFiles:
        return ReaderFiles(self.folder / "lane1.key")

    def on_reader(self, command: str, *words: str | Path) -> tuple[int, str]:
        return said(command, "lane1-reader", *words, "--config", self.gym.config_path)

    def commission(self) -> None:
        """Its key is on both sides."""
        self.files.prepare(KEY)
        self.files.promote()
        self.reader.scbk = KEY

    def log(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in (self.gym.data_dir / FILE).read_text().splitlines()]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.bus.close()


@pytest.mark.parametrize("command", ["scan", "commission", "update", "waive"])
def test_help_teaches_by_example(command: str) -> None:
    """Each command shows how it is typed."""
    status, output = said(command, "--help")
    assert status == 0
    assert f"Examples: portillon-edge osdp {command}" in output


def test_a_scan_lists_who_answers(line: Line) -> None:
    """Readers are found at their addresses and their speed, with who they are and whether they can encrypt."""
    second = OsdpReaderSimulator(3, KEY, baud=115_200)
    second.misbehaviour.denies_encryption = True
    line.bus.readers.append(second)
    status, output = said("scan", line.bus.link, "--last-address", "4", "--baud", "9600", "--baud", "115200")
    assert status == 0
    assert "1 115200 00A1B2 3 v1 01020304 2.1.0 yes" in output
    assert "3 115200 00A1B2 3 v1 01020304 2.1.0 NO" in output
    assert not line.reader.secure and second.scbk == KEY


def test_nobody_on_the_line(line: Line) -> None:
    """Silence at every address is exit status 1, and what to look at."""
    line.bus.readers.clear()
    status, output = said("scan", line.bus.link, "--last-address", "2", "--baud", "9600")
    assert status == 1
    assert "Nobody answered" in output and "exchange A and B" in output


def test_a_line_that_somebody_holds(line: Line) -> None:
    """The gateway, or any other process, holds the line: that is said, and nothing is sent."""
    port = SerialPort(SerialOptions(path=line.bus.link), baud=115_200, read_timeout_s=0)
    port.open()
    status, output = said("scan", line.bus.link, "--last-address", "1")
    port.close()
    assert status == 1
    assert "another process holds it" in output


def test_no_such_line_and_no_such_speed(line: Line) -> None:
    """A wrong path and a wrong speed are told apart from silence."""
    assert "nothing is plugged in there" in said("scan", line.folder / "nothing")[1]
    status, output = said("scan", line.bus.link, "--baud", "1200")
    assert status == 2 and "1200 is no speed of OSDP" in output


def test_commissioning_a_new_reader(line: Line) -> None:
    """It gets a random key that only the owner may read; the key is on neither screen nor log; the window is logged."""
    status, output = line.on_reader("commission")
    assert status == 0
    assert line.reader.scbk == line.files.load().scbk != KEY
    assert line.files.load().identity == line.reader.identity
    assert line.files.key_file.stat().st_mode & 0o777 == 0o600
    assert "vendor 00A1B2, model 3, serial number 01020304" in output and "may use the default key" in output
    logged = line.log()
    assert [entry["what"].partition(":")[0] for entry in logged] == [
        "the window opens for 60 s",
        "the default key opened the channel",
        "the window is closed",
    ]
    assert {entry["place"] for entry in logged} == {f"{line.bus.link} address 1"}
    key = line.files.load().scbk.hex()
    assert key not in output.lower() and key not in (line.gym.data_dir / FILE).read_text().lower()


def test_commissioning_again_is_asked_for(line: Line) -> None:
    """A reader that has a key is not given another by mistake; with --again it is, over its own key."""
    line.commission()
    status, output = line.on_reader("commission")
    assert status == 2 and "--again" in output
    status, _ = line.on_reader("commission", "--again")
    assert status == 0
    assert line.reader.scbk == line.files.load().scbk != KEY
    assert "default key" not in line.log()[1]["what"]


def test_a_reader_that_was_exchanged_gets_the_new_key(line: Line) -> None:
    """The file is an old reader's, the new one is as it left the factory: --again gives it a key of its own."""
    line.commission()
    line.reader.scbk = None
    status, _ = line.on_reader("commission", "--again")
    assert status == 0 and line.reader.scbk == line.files.load().scbk != KEY


def test_a_reader_with_somebody_elses_key(line: Line) -> None:
    """It takes no key until somebody puts it into installation mode; the window ends, is logged, leaves nothing."""
    line.reader.scbk = KEY
    status, output = line.on_reader("commission", "--window", "5")
    assert status == 1
    assert "the window ended and no key was set" in output and "installation mode" in output
    assert not line.files.has_key and line.reader.scbk == KEY
    assert line.log()[-1]["what"].startswith("the window is closed: the window ended")


def test_a_reader_that_refuses_the_key(line: Line) -> None:
    """A NAK to the new key leaves the old state on both sides."""
    line.reader.misbehaviour.refuses_keys = True
    status, output = line.on_reader("commission")
    assert status == 1
    assert "refuses a new key" in output
    assert not list(line.folder.glob("lane1.key*"))


def test_the_gateway_runs(line: Line) -> None:
    """While a gateway holds its line, neither keys nor firmware are touched, and it is said what to do first."""
    firmware = line.folder / "firmware.bin"
    firmware.write_bytes(b"new")
    with InstanceLock(line.gym.data_dir):
        for words in (("commission",), ("update", firmware)):
            status, output = line.on_reader(*words)  # type: ignore[arg-type]
            assert status == 75
            assert "maintenance" in output and "systemctl stop portillon-gateway" in output


def test_an_update_arrives(line: Line) -> None:
    """The file is in the reader, byte for byte, and the progress went to its end."""
    line.commission()
    firmware = line.folder / "firmware.bin"
    firmware.write_bytes(bytes(range(256)) * 20)
    status, output = line.on_reader("update", firmware)
    assert status == 0, output
    assert line.reader.file.files == [(1, firmware.read_bytes())]
    assert "lane1-reader has taken firmware.bin" in output and "5.1/5.1 kB" in output


def test_an_update_that_the_reader_refuses(line: Line) -> None:
    """A refused file is said to be refused."""
    line.commission()
    line.reader.file.refuses = -2
    firmware = line.folder / "firmware.bin"
    firmware.write_bytes(b"new")
    status, output = line.on_reader("update", firmware)
    assert status == 1
    assert "the reader refuses the file" in output


def test_an_update_without_a_file_or_a_key(line: Line) -> None:
    """What is missing is named."""
    status, output = line.on_reader("update", line.folder / "nothing.bin")
    assert status == 2 and "nothing.bin cannot be read" in output
    empty = line.folder / "empty.bin"
    empty.touch()
    assert "has 0 bytes" in line.on_reader("update", empty)[1]
    empty.write_bytes(b"x")
    status, output = line.on_reader("update", empty)
    assert status == 1 and "osdp commission" in output


def test_a_silent_reader_is_not_waited_for_for_ever(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: both commands end, and say where to look."""
    monkeypatch.setattr(update, "ONLINE_WAIT_NS", 300_000_000)
    line.commission()
    line.reader.misbehaviour.silent = True
    firmware = line.folder / "firmware.bin"
    firmware.write_bytes(b"new")
    status, output = line.on_reader("update", firmware)
    assert status == 1 and "did not come into service: nobody answers" in output


def test_no_such_reader(line: Line) -> None:
    """Only OSDP readers can be meant."""
    status, output = said("commission", "lane2-reader", "--config", line.gym.config_path)
    assert status == 2 and "there are: lane1-reader" in output


def test_a_waiver_is_signed(line: Line) -> None:
    """The signed file lies where the reader looks for it; another key than the configured one signs nothing."""
    signer = Ed25519PrivateKey.generate()
    pem = line.folder / "waivers.pem"
    pem.write_bytes(signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = signer.public_key()
    line.describe(
        f'insecure_clear_text = true\nwaiver_file = "lane1.waiver"\nwaiver_key = "{public.public_bytes_raw().hex()}"'
    )
    status, output = line.on_reader("waive", "--key", pem, "--days", "30")
    assert status == 0, output
    waiver = read((line.folder / "lane1.waiver").read_text(), public)
    assert (waiver.reader, waiver.place) == ("lane1-reader", f"{line.bus.link} address 1")
    other = Ed25519PrivateKey.generate()
    pem.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    status, output = line.on_reader("waive", "--key", pem, "--days", "30")
    assert status == 2 and "not the private half" in output
    assert "clear text" in line.on_reader("commission")[1]
