"""Sections `[[indicators]]` are checked against the doors, readers and pins around them."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import portillon_config
import pytest
import tomli_w
from portillon_config import ConfigError, load
from portillon_drivers.registry import INDICATORS, options_model

EXAMPLE = Path(portillon_config.__file__).parents[1] / "examples" / "every-reader.toml"
LAMPS = {"type": "gpio", "door": "pool", "green_pin": 20, "red_pin": 21, "lit_level": "high"}


def problems(tmp_path: Path, section: Mapping[str, Any]) -> tuple[str, ...]:
    document = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    document["indicators"].append({"name": "more", **section})
    path = tmp_path / "gateway.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


def test_the_example_shows_every_kind_of_indicator() -> None:
    """A technician copies from it."""
    config = load(EXAMPLE)
    assert {section.type for section in config.indicators} == set(INDICATORS)
    assert config.indicators[0].answers == ("lane1-card", "lane1-qr")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({**LAMPS, "door": "poool"}, r'indicators \("more"\).door: there is no door "poool" among gym-floor, lane1'),
        ({**LAMPS, "readers": ["sauna-pad"]}, r'door "pool" has no reader "sauna-pad", it has pool-exit-tag, pool-tag'),
        ({**LAMPS, "red_pin": 5}, '"pool-lamps" and "more" are both on GPIO pin 5; correct'),
        ({**LAMPS, "languages": ["de"]}, r"languages\[0\]: .*'en' or 'fr'"),
        ({**LAMPS, "name": "lane1-led"}, 'indicators: 2 are named "lane1-led"; give each its own name'),
        ({"type": "lamp", "door": "pool"}, "no driver is called 'lamp'; there are: gpio, lcd, osdp"),
        ({"type": "lcd", "door": "pool", "address": 0x27}, '"lane1-display" and "more" are both on /dev/i2c-1 address'),
        (
            {"type": "osdp", "door": "lane1", "reader": "lane1-qr"},
            '"lane1-qr" is no reader of type osdp; door "lane1" has lane1-card: name one',
        ),
        (
            {"type": "osdp", "door": "lane1", "reader": "lane1-card"},
            '"lane1-led" and "more" are both on the indicators of reader lane1-card',
        ),
    ],
)
def test_a_wrong_section_is_refused(tmp_path: Path, section: Mapping[str, Any], told: str) -> None:
    """The key, what is wrong with it, and what there is instead."""
    assert re.search(told, "\n".join(problems(tmp_path, section)))


def test_the_page_for_technicians_shows_every_kind() -> None:
    """Each example on it is a section that its driver takes."""
    page = (EXAMPLE.parents[2] / "docs" / "indicators.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    sections = [section for block in blocks for section in tomllib.loads(block)["indicators"]]
    assert {options_model(INDICATORS, each["type"]).model_validate(each).type for each in sections} == set(INDICATORS)
