"""Converters on the Pi's SPI pins share them with each other, and with nothing else."""

from pathlib import Path

import portillon_config
import pytest
from portillon_config import ConfigError, load

EXAMPLE = Path(portillon_config.__file__).parents[1] / "examples" / "osdp-glass-door.toml"
LOOPS = "".join(
    f"""
[[inputs]]
name = "loop{number}"
type = "mcp3008"
chip_select = {number // 8}
channel = {number % 8}
active = "open"
pull_up_ohm = 1000

[[watches]]
name = "watch{number}"
kind = "tamper"
input = "loop{number}"
"""
    for number in range(16)
)
PIN = """
[[inputs]]
name = "cabinet"
type = "gpio"
pin = {pin}
active = "open"

[[watches]]
name = "cabinet-door"
kind = "tamper"
input = "cabinet"
"""


def written(folder: Path, more: str) -> Path:
    path = folder / "site.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8") + more, encoding="utf-8")
    return path


def test_two_chips_share_the_bus(tmp_path: Path) -> None:
    """Sixteen loops on two chips and a contact beside their pins are no contradiction."""
    assert len(load(written(tmp_path, LOOPS + PIN.format(pin=12))).inputs) > 16


@pytest.mark.parametrize("pin", [7, 8, 9, 10, 11])
def test_a_pin_of_the_bus_is_nobody_elses(tmp_path: Path, pin: int) -> None:
    """A contact on a pin that the converter needs would silence every loop: it is refused, with both names."""
    with pytest.raises(ConfigError, match=rf'"cabinet": GPIO pin {pin} belongs to the bus of "loop15" \(mcp3008\)'):
        load(written(tmp_path, LOOPS + PIN.format(pin=pin)))


def test_a_channel_is_one_loop(tmp_path: Path) -> None:
    """Two loops on one channel of one chip are refused."""
    with pytest.raises(ConfigError, match=r'"loop0" and "loop1" are both on SPI 0\.0 channel 0'):
        load(written(tmp_path, LOOPS.replace("channel = 1\n", "channel = 0\n", 1)))
