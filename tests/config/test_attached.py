"""Inputs and outputs that are part of a reader, and inputs by which people get out."""

from pathlib import Path

import portillon_config
import pytest
from portillon_config import ConfigError, load

EXAMPLE = Path(portillon_config.__file__).parents[1] / "examples" / "osdp-glass-door.toml"
FIRE = """
[[inputs]]
name = "fire-loop"
type = "gpio"
pin = 5
active = "open"

[[watches]]
name = "fire-panel"
kind = "fire"
input = "fire-loop"
"""


def changed(folder: Path, old: str, new: str) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    path = folder / "site.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize("section", ["outputs", "inputs"])
def test_a_terminal_of_a_reader_that_is_not_there_is_a_mistake(tmp_path: Path, section: str) -> None:
    """The name is told with the readers there are, in the words of the file."""
    name = {"outputs": "glass-maglock", "inputs": "glass-contact"}[section]
    place = f'name = "{name}"\ntype = "osdp"\nreader = "glass-reader"'
    with pytest.raises(ConfigError) as error:
        load(changed(tmp_path, place, place.replace("glass-reader", "glas-reader")))
    assert f'{section} ("{name}").reader: "glas-reader" is no reader of type osdp; there are glass-reader' in str(
        error.value
    )


def test_the_readers_own_terminals_are_told_apart(tmp_path: Path) -> None:
    """Two inputs on one terminal of one reader are a mistake, like two on one pin."""
    second = '\n[[inputs]]\nname = "again"\ntype = "osdp"\nreader = "glass-reader"\nnumber = 0\nactive = "open"\n'
    with pytest.raises(ConfigError, match='"glass-contact" and "again" are both on input 0 of reader glass-reader'):
        load(changed(tmp_path, "\n[[doors]]", second + "\n[[doors]]"))


def test_exit_buttons_and_fire_are_egress_whatever_their_sections_say(tmp_path: Path) -> None:
    """A technician who forgets `egress` keeps nobody in: what frees people is known by what it is used for."""
    path = changed(tmp_path, "egress = true ", "egress = false ")
    path.write_text(path.read_text(encoding="utf-8") + FIRE, encoding="utf-8")
    egress = {line.name: line.egress for line in load(path).inputs}
    assert egress == {"glass-contact": False, "glass-exit": True, "fire-loop": True}
