"""OSDP readers behind the Reader port, on a simulated bus; the contract suite holds what every reader must do."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import (
    CredentialRead,
    Key,
    KeyPressed,
    ReaderDown,
    ReaderEvent,
    ReaderFault,
    ReaderFaultKind,
    ReaderUp,
)
from portillon_drivers.osdp.clear_text_waiver import DAY_S, ClearTextWaiver, sign
from portillon_drivers.osdp.commands import Blink, Colour, Led
from portillon_drivers.osdp.key_file import ReaderFiles
from portillon_drivers.osdp.panel_events import CommandDone, Outcome
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.readers.osdp import DRIVER, OsdpOptions, OsdpReader
from portillon_drivers.readers.osdp_simulator import SimulatedBus, simulate
from portillon_drivers.simulated_reader import CannotPresentError
from portillon_rules.credential import Credential, CredentialKind
from pydantic import ValidationError

WAIT_S = 15.0
"""Nothing waits for this long but a test that fails."""
KEY, OTHER = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590"), bytes.fromhex("0b8e62d9f1a347c85d20e6b7941f3ac2")
WAIVING = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
E = TypeVar("E", bound=ReaderEvent)


class Ear:
    """Hears all readers."""

    def __init__(self) -> None:
        self.events: list[ReaderEvent] = []
        self._news = threading.Condition()

    def emit(self, event: ReaderEvent) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_for(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True, after: int = 0) -> E:
        def found() -> E | None:
            return next((event for event in self.events[after:] if isinstance(event, kind) and fits(event)), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, WAIT_S), self.events
            event = found()
            assert event is not None
            return event


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[SimulatedBus]:
    made = SimulatedBus(tmp_path / "bus")
    made.plug()
    yield made
    made.close()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def start(ear: Ear) -> Iterator[Callable[[list[OsdpOptions]], list[OsdpReader]]]:
    """Runs the readers of these sections as a gateway does, each in a thread."""
    stop, threads = threading.Event(), []

    def run(sections: list[OsdpOptions]) -> list[OsdpReader]:
        readers: list[Any] = list(DRIVER.build(sections, time.monotonic_ns))
        for reader in readers:
            threads.append(threading.Thread(target=reader.run, args=(ear.emit, stop)))
            threads[-1].start()
        return readers

    yield run
    stop.set()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive(), "a driver must obey `stop`"


def section(bus: SimulatedBus, address: int = 1, **more: Any) -> OsdpOptions:
    what: Mapping[str, Any] = {"name": f"lane{address}", "type": "osdp", "path": bus.link, "baud": 115_200}
    how = more or {"key_file": key_file(bus, address, KEY)}
    return OsdpOptions.model_validate({**what, "address": address, **how})


def key_file(bus: SimulatedBus, address: int, key: bytes) -> Path:
    path = bus.link.with_name(f"lane{address}.key")
    path.write_text(key.hex())
    path.chmod(0o600)
    return path


def waived(bus: SimulatedBus, **wrong: Any) -> OsdpOptions:
    file = bus.link.with_name("lane1.waiver")
    options = section(
        bus,
        insecure_clear_text=True,
        waiver_file=file,
        waiver_key=WAIVING.public_key().public_bytes_raw().hex(),
    )
    now_s = int(time.time())
    claims = {"reader": "lane1", "place": options.place, "iat": now_s, "exp": now_s + 30 * DAY_S, **wrong}
    file.write_text(sign(ClearTextWaiver(**claims), WAIVING))
    return options


def test_readers_of_one_line_share_it(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """Two readers on one path are both in service, each telling its own cards and keys; the line is opened once."""
    first, second = OsdpReaderSimulator(1, KEY, baud=115_200), OsdpReaderSimulator(2, KEY, baud=115_200)
    bus.readers += [first, second]
    start([section(bus, 1), section(bus, 2)])
    for name in ("lane1", "lane2"):
        ear.wait_for(ReaderUp, lambda event, name=name: event.reader == name)
    first.card("10100001100000011111010001")
    second.keys("5#")
    card = ear.wait_for(CredentialRead)
    assert (card.reader, card.credential) == ("lane1", Credential.parse("wiegand:26.28607D1"))
    keys = [ear.wait_for(KeyPressed, lambda event, key=key: event.key is key) for key in (Key.K5, Key.HASH)]
    assert {event.reader for event in keys} == {"lane2"}
    assert not [event for event in ear.events if isinstance(event, ReaderDown | ReaderFault)]


def test_an_led_is_turned_from_another_thread(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """Whoever holds the reader can ask it for a command, and hears how it ended."""
    electronics = OsdpReaderSimulator(1, KEY, baud=115_200)
    bus.readers.append(electronics)
    [reader] = start([section(bus)])
    ear.wait_for(ReaderUp)
    done: list[CommandDone] = []
    ended = threading.Event()
    green = Led(permanent=Blink(Colour.GREEN))
    reader.ask(green, lambda told: (done.append(told), ended.set()))
    assert ended.wait(WAIT_S)
    assert done[0].outcome is Outcome.DONE and electronics.display.leds[0] == green


def test_a_line_that_is_not_open_takes_no_command(bus: SimulatedBus) -> None:
    """Before it runs, asking fails in words."""
    [reader] = DRIVER.build([section(bus)], time.monotonic_ns)
    assert isinstance(reader, OsdpReader)
    with pytest.raises(TransientDeviceError, match="is not open"):
        reader.ask(Led())


def test_a_reader_without_its_key_stays_out_alone(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """A missing key file is told with what to do, and its neighbour is in service all the same."""
    bus.readers += [OsdpReaderSimulator(1, KEY, baud=115_200), OsdpReaderSimulator(2, KEY, baud=115_200)]
    lonely = section(bus, 1)
    assert lonely.key_file is not None
    lonely.key_file.unlink()
    start([lonely, section(bus, 2)])
    down = ear.wait_for(ReaderDown)
    assert down.reader == "lane1" and "osdp commission" in down.detail
    ear.wait_for(ReaderUp, lambda event: event.reader == "lane2")


def test_a_key_that_appears_is_used(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """The only reader of a line needs no restart of the gateway when its key is put right."""
    bus.readers.append(OsdpReaderSimulator(1, KEY, baud=115_200))
    options = section(bus)
    assert options.key_file is not None
    options.key_file.chmod(0o644)
    start([options])
    assert "chmod 600" in ear.wait_for(ReaderDown).detail
    options.key_file.chmod(0o600)
    ear.wait_for(ReaderUp)
    assert len([event for event in ear.events if isinstance(event, ReaderDown)]) == 1


def test_a_wrong_key_is_a_refusal(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """A reader that cannot prove our key is told as refused, never as up, and its cards are not taken."""
    electronics = OsdpReaderSimulator(1, OTHER, baud=115_200)
    bus.readers.append(electronics)
    start([section(bus)])
    electronics.card("10100001100000011111010001")
    refused = ear.wait_for(ReaderFault)
    assert refused.fault is ReaderFaultKind.REFUSED and "address 1" in refused.detail
    ear.wait_for(ReaderDown)
    assert not [event for event in ear.events if isinstance(event, ReaderUp | CredentialRead)]


def test_a_change_of_keys_that_broke_off_is_finished(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """The reader took the next key before the power went: it is recognised, and that key becomes its own."""
    bus.readers.append(OsdpReaderSimulator(1, OTHER, baud=115_200))
    options = section(bus)
    assert options.key_file is not None
    ReaderFiles(options.key_file).prepare(OTHER)
    start([options])
    ear.wait_for(ReaderUp)
    known = ReaderFiles(options.key_file).load()
    assert (known.scbk, known.other_scbk) == (OTHER, None)


def test_tamper_and_its_end(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """Opening the reader is a fault, closing it is told too."""
    electronics = OsdpReaderSimulator(1, KEY, baud=115_200)
    bus.readers.append(electronics)
    start([section(bus)])
    ear.wait_for(ReaderUp)
    electronics.status(tampered=True)
    ear.wait_for(ReaderFault, lambda event: event.fault is ReaderFaultKind.TAMPER)
    electronics.status(tampered=False)
    ear.wait_for(ReaderFault, lambda event: event.fault is ReaderFaultKind.RESTORED)


def test_clear_text_under_a_waiver(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """A reader that cannot encrypt reads cards under a good waiver, and the health report is told."""
    electronics = OsdpReaderSimulator(1, None, insists_on_channel=False, baud=115_200)
    electronics.misbehaviour.denies_encryption = True
    bus.readers.append(electronics)
    [reader] = start([waived(bus)])
    assert reader.remarks == ("insecure_clear_text",)
    ear.wait_for(ReaderUp)
    electronics.formatted_card("0067001000")
    assert ear.wait_for(CredentialRead).credential == Credential.parse("number:0067001000")


@pytest.mark.parametrize(
    ("wrong", "why"), [({"reader": "lane9"}, "was signed for"), ({"exp": 1}, "expired"), (None, "cannot be read")]
)
def test_a_bad_waiver_keeps_a_reader_out(
    bus: SimulatedBus, ear: Ear, start: Any, wrong: dict[str, Any] | None, why: str
) -> None:
    """Somebody else's, an expired or a broken waiver: the reader is told as refused and down, and sends nothing in."""
    electronics = OsdpReaderSimulator(1, None, insists_on_channel=False, baud=115_200)
    bus.readers.append(electronics)
    options = waived(bus, **(wrong or {}))
    if wrong is None and options.waiver_file is not None:
        options.waiver_file.write_text("yes please")
    start([options])
    assert why in ear.wait_for(ReaderDown).detail
    refused = ear.wait_for(ReaderFault)
    assert refused.fault is ReaderFaultKind.REFUSED and why in refused.detail
    assert not electronics.done and not [event for event in ear.events if isinstance(event, ReaderUp)]


def test_without_the_waiver_check_clear_text_would_run(
    bus: SimulatedBus, ear: Ear, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ablation: it is this check alone that keeps a reader with an expired waiver out."""
    monkeypatch.setattr(ClearTextWaiver, "refusal", lambda *_, **__: None)
    bus.readers.append(OsdpReaderSimulator(1, None, insists_on_channel=False, baud=115_200))
    start([waived(bus, exp=1)])
    ear.wait_for(ReaderUp)


@pytest.mark.parametrize(
    "how",
    [
        {"waiver_file": "w"},
        {"insecure_clear_text": True, "waiver_file": "w"},
        {"insecure_clear_text": True, "key_file": "k", "waiver_file": "w", "waiver_key": "00" * 32},
        {"key_file": "k", "waiver_key": "00" * 32},
        {"key_file": "k", "address": 127},
        {"key_file": "k", "baud": 4_800},
    ],
)
def test_contradictions_are_mistakes(how: dict[str, Any]) -> None:
    """Neither a key nor a waiver, both of them, an address or a speed that OSDP does not have."""
    with pytest.raises(ValidationError):
        OsdpOptions.model_validate({"name": "lane1", "type": "osdp", "path": "/dev/bus", "address": 1, **how})


def test_places_and_kinds(bus: SimulatedBus) -> None:
    """Readers share the line and differ in their address; they tell bits, UIDs where a format has them, and numbers."""
    first, second = section(bus, 1), section(bus, 2)
    assert first.port == second.port and first.place != second.place
    assert first.tells == {CredentialKind.WIEGAND, CredentialKind.NUMBER}
    assert first.remarks == ()


def test_practice_readers_share_an_adapter(tmp_path: Path) -> None:
    """Two simulated readers of one path sit on one adapter; each has a key, and says what it cannot read."""
    options = [
        OsdpOptions.model_validate(
            {
                "name": f"lane{address}",
                "type": "osdp",
                "path": "/dev/bus",
                "address": address,
                "key_file": "k",
                "formats": ["h10301", "uid32"],
            }
        )
        for address in (1, 2)
    ]
    first, second = (simulate(section, tmp_path) for section in options)
    assert first.section["path"] == second.section["path"]
    with pytest.raises(TransientDeviceError, match="plug it in first"):
        first.present(first.samples[0])
    first.plug()
    for text in ("wiegand:26.28607D1", "nfca:04DE5F1E", "number:0067001000"):
        first.present(Credential.parse(text))
    with pytest.raises(CannotPresentError):
        first.present(Credential.parse("barcode:M-000123"))
    with pytest.raises(CannotPresentError):
        first.press("A")
    first.close()
    second.close()


def test_a_lost_adapter_is_everybodys_loss_and_return(bus: SimulatedBus, ear: Ear, start: Any) -> None:
    """Pulled out, every reader of the line is told as down, with the path; put back, all return by themselves."""
    bus.readers += [OsdpReaderSimulator(1, KEY, baud=115_200), OsdpReaderSimulator(2, KEY, baud=115_200)]
    start([section(bus, 1), section(bus, 2)])
    names = ("lane1", "lane2")
    for name in names:
        ear.wait_for(ReaderUp, lambda event, name=name: event.reader == name)
    bus.unplug()
    for name in names:
        assert str(bus.link) in ear.wait_for(ReaderDown, lambda event, name=name: event.reader == name).detail
    after = len(ear.events)
    bus.plug()
    for name in names:
        ear.wait_for(ReaderUp, lambda event, name=name: event.reader == name, after=after)
