"""The examples in docs/doors.md are what a technician copies."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from portillon_config.doors import AnyDoor
from portillon_config.interlocks import Interlock
from portillon_drivers.registry import OUTPUTS, options_model
from pydantic import TypeAdapter

PAGE = Path(__file__).parents[2] / "docs" / "doors.md"
BLOCKS = [
    tomllib.loads(block)
    for block in re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
]


def sections(of: str) -> list[Any]:
    return [section for block in BLOCKS for section in block.get(of, [])]


@pytest.mark.parametrize("section", sections("doors"), ids=lambda section: section["name"])
def test_the_door_is_right(section: dict[str, Any]) -> None:
    """Each example of a door is a section that the configuration takes."""
    door: Any = TypeAdapter(AnyDoor).validate_python(section)
    assert door.name == section["name"]


@pytest.mark.parametrize("section", sections("outputs"), ids=lambda section: section["name"])
def test_the_output_is_right(section: dict[str, Any]) -> None:
    """Each example of an output is a section that its driver takes."""
    assert options_model(OUTPUTS, section["type"]).model_validate(section).name == section["name"]


def test_the_interlock_is_right() -> None:
    """The example of a mantrap is a section that the configuration takes."""
    assert [Interlock.model_validate(section).name for section in sections("interlocks")] == ["vestibule"]
