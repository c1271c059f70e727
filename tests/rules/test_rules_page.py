"""docs/rules.md is held to the code: every reason, every flag, every rule, in the order in which they are asked."""

import re
from pathlib import Path

import pytest
from portillon_rules import decision
from portillon_rules.reason import DenyReason, GrantFlag

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
RULES = re.findall(r"^## \d+\. (\w+)$", PAGE, re.MULTILINE)
BESIDE = {"reader", "once"}
ROWS = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (.+) \|$", PAGE, re.MULTILINE)
FLAGS_FROM = PAGE.index("## Every flag of a grant")


def in_table(*, flags: bool) -> list[str]:
    part = PAGE[FLAGS_FROM:] if flags else PAGE[:FLAGS_FROM]
    return re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)


@pytest.mark.parametrize(("flags", "kind"), [(False, DenyReason), (True, GrantFlag)])
def test_each_member_of_the_enum_stands_in_the_table_once(flags: bool, kind: type[DenyReason | GrantFlag]) -> None:
    """A reason that somebody can be given can be looked up, and the page invents none."""
    assert sorted(in_table(flags=flags)) == sorted(kind)


def test_each_reason_and_flag_is_given_by_a_rule_of_the_page() -> None:
    """The rule that evidence names has its own section."""
    assert len(ROWS) == len(DenyReason) + len(GrantFlag)
    for name, rules, _ in ROWS:
        assert set(rules.split(", ")) <= {*RULES, *BESIDE}, name


def test_the_page_follows_the_order_of_the_decision() -> None:
    """The numbered list at the head of decision.py is the order; the page's sections are the same."""
    assert re.findall(r"^ ?\d+\. (\w+) ", decision.__doc__ or "", re.MULTILINE) == RULES


def test_every_rule_has_an_example() -> None:
    """In the words of an owner: a quotation under each rule."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    rules = [section for section in sections if section[:1].isdigit()]
    assert len(rules) == len(RULES)
    assert all('> "' in section for section in rules)
