"""Our simulated reader under the control panels of others: what it says is understood by code that is not ours."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from peers.process import Peer, missing
from portillon_drivers.osdp.commands import Blink, Colour, Led, Output, OutputControl
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.osdp.wire_simulator import Wire, WireSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers.osdp_simulator import SimulatedBus

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

BITS = "10100001100000011111010001"
MASTER_KEY = bytes.fromhex("0b8e62d9f1a347c85d20e6b7941f3ac2")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[SimulatedBus]:
    made = SimulatedBus(tmp_path / "bus")
    made.plug()
    yield made
    made.close()


def reader_key(reader: OsdpReaderSimulator) -> bytes:
    """How PyPI's osdp makes a reader's key from its master key (annex D.7)."""
    uid = reader.client_uid
    encryptor = Cipher(algorithms.AES(MASTER_KEY), modes.ECB()).encryptor()
    return encryptor.update(uid + bytes(byte ^ 0xFF for byte in uid))


@pytest.mark.parametrize("crc", [True, False])
def test_pypi_osdp_takes_it_into_its_secure_channel(bus: SimulatedBus, crc: bool) -> None:
    """An independent panel opens the channel and understands cards, keys and states, with CRC and with checksum."""
    reader = OsdpReaderSimulator(1, baud=115_200)
    reader.scbk = reader_key(reader)
    bus.readers.append(reader)
    options = {"path": str(bus.link), "address": 1, "master_key": MASTER_KEY.hex(), "crc": crc}
    with Peer("osdp", "osdp_panel.py", options) as panel:
        panel.wait_for(lambda told: "secure" in told)
        assert reader.secure
        panel.do("ask", what="id")
        answer = panel.wait_for(lambda told: "answer" in told)["answer"]
        assert answer["vendor_code"] == "00a1b2" and answer["serial_number"] == reader.identity.serial
        reader.card(BITS)
        assert panel.wait_for(lambda told: "card" in told)["card"] == BITS
        reader.keys("12#")
        assert panel.wait_for(lambda told: "keys" in told)["keys"] == "12\r"
        reader.status(tampered=True)
        assert panel.wait_for(lambda told: "tamper" in told)["tamper"] is True
        panel.do("output", number=1)
        panel.wait_for(lambda told: told.get("answer") is True)
        assert reader.display.outputs[1] == Output(1, OutputControl.ON_ABORT_TIMER)


def test_libosdp_takes_it_into_its_secure_channel(tmp_path: Path, bus: SimulatedBus) -> None:
    """libosdp's panel opens the channel with the reader's own key, hears its card and turns its LED."""
    key = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590")
    reader = OsdpReaderSimulator(3, key, baud=38_400)  # the speed that a pty has if nobody sets one
    bus.readers.append(reader)
    options = {"path": str(bus.link), "refresh_ms": 1, "readers": [{"address": 3, "scbk": key.hex()}]}
    with Peer("libosdp-built", "libosdp_panel.py", options) as panel:
        panel.wait_for(lambda told: told.get("secure") == [0])
        reader.card(BITS)
        card = panel.wait_for(lambda told: "card" in told)["card"]
        assert card == int(BITS.ljust(32, "0"), 2).to_bytes(4, "big").hex()
        panel.do("led", reader=0, colour=2)
        panel.wait_for(lambda told: "done" in told)
        assert reader.display.leds[0] == Led(permanent=Blink(Colour.GREEN, Colour.GREEN, 1, 0))


def test_the_built_reader_reads_what_the_stock_wheel_drops(tmp_path: Path) -> None:
    """Built with our flags, libosdp takes frames that come byte by byte: the peers' environment is what it claims."""
    near, far = PtyLine(tmp_path / "near"), PtyLine(tmp_path / "far")
    reader = {"path": str(far.link), "address": 1, "scbk": MASTER_KEY.hex()}
    panel = {"path": str(near.link), "refresh_ms": 1, "readers": [reader]}
    with (
        WireSimulator(near, [far], time.monotonic_ns) as wire,
        Peer("libosdp-built", "libosdp_reader.py", {"readers": [reader]}),
        Peer("libosdp-built", "libosdp_panel.py", panel) as other,
    ):
        wire.wire = Wire(byte_ns=1_000_000)
        other.wait_for(lambda told: told.get("secure") == [0])
