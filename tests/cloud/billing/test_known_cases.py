"""Published cases and known complaints of others: each is held by a test that exists, or is put off with its reason."""

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[2]
KNOWN: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("known_cases.toml").read_text(encoding="utf-8")
)
# The reference's own numbers; it left some out itself.
CASES = {
    *(1, 2, 4, 5, 7, 9, 10, 12),  # calendar
    *(13, 15, 17, 18, 22, 25, 26, 29),  # parts of a period
    *(30, 34),  # changes of clocks
    *(35, 37, 38, 39, 43, 44, 45, 48),  # money, tax, rounding
    *(49, 50, 51, 54, 55, 56, 57, 58),  # dunning and access
    *range(59, 68),  # law
}
# What is doubled, out of order, at the wrong time, chased wrongly, without a number, badly prorated, slow, or shuts the
# wrong door.
COMPLAINTS = {*range(1, 62), 65, 66}
ENTRIES = [(kind, number) for kind in KNOWN for number in KNOWN[kind]]


@cache
def named_in(file: Path) -> frozenset[str]:
    """The functions of a file."""
    return frozenset(one.name for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, ast.FunctionDef))


def test_none_is_missing() -> None:
    """Every number of the reference that belongs here, and none that it has not."""
    assert {int(number) for number in KNOWN["case"]} == CASES
    assert {int(number) for number in KNOWN["complaint"]} == COMPLAINTS


@pytest.mark.parametrize(("kind", "number"), ENTRIES, ids=lambda part: str(part))
def test_it_is_held(kind: str, number: str) -> None:
    """By tests that are there under these names; or it says what it waits for."""
    entry = KNOWN[kind][number]
    assert entry.keys() == {"what", "held_by"} or entry.keys() == {"what", "later"}
    for name in entry.get("held_by", ()):
        file, _, test = name.partition("::")
        assert test in named_in(TESTS / file), f"{name} is gone: name the test that holds this now"
    assert entry.get("later", "issue 7: ").startswith("issue ")
