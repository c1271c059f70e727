"""The examples in docs/readers.md are what a technician copies."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.registry import READERS, options_model

PAGE = Path(__file__).parents[2] / "docs" / "readers.md"
SECTIONS: list[dict[str, Any]] = [
    section
    for block in re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for section in tomllib.loads(block)["readers"]
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section["name"])
def test_the_section_is_right(section: dict[str, Any]) -> None:
    """Each example is a section that its driver takes."""
    assert options_model(READERS, section["type"]).model_validate(section).name == section["name"]


def test_every_type_has_an_example() -> None:
    """A reader type that the page does not show could not be found by a technician."""
    assert {section["type"] for section in SECTIONS} == set(READERS)
