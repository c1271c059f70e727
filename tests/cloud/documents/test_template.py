"""A contract's wording: what it must name by law, how it is filled, and that no value of it is read as a sign."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.documents.errors import WordingError
from portillon_cloud.documents.phrases import TEXTS
from portillon_cloud.documents.template import BOXED, PLACES, REQUIRED, Block, BlockKind, check_wording, fill
from portillon_cloud.documents.wording import default_wording, dictated

ALL = [(law, language) for law in REQUIRED for language in ("en", "fr")]


@pytest.mark.parametrize(("law", "language"), ALL)
def test_our_own_wordings_are_whole(law: str, language: str) -> None:
    """Each comes with every place that its law wants, in both languages."""
    check_wording(law, default_wording(law, language))


@pytest.mark.parametrize(("law", "place"), [(law, place) for law in REQUIRED for place in REQUIRED[law]])
def test_what_the_law_wants_cannot_be_left_out(law: str, place: str) -> None:
    """A wording without one of those places is refused, and the clause is named."""
    without = default_wording(law, "fr").replace(f"{{{place}}}", "…")
    with pytest.raises(WordingError, match=re.escape(f"{{{place}}} is missing ({REQUIRED[law][place]})")):
        check_wording(law, without)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ("{prize}", "{prize} is no place"),
        ("a { brace", "no partner"),
        ("see {cancellation_form} here", "must be a paragraph of its own"),
    ],
)
def test_what_is_wrong_is_named(spoilt: str, said: str) -> None:
    """Unknown places, stray braces, and what the law dictates inside a sentence."""
    body = default_wording("ca-qc", "fr").replace("{cancellation_form}", "") if "form" in spoilt else None
    with pytest.raises(WordingError, match=re.escape(said)):
        check_wording("ca-qc", f"{body or default_wording('ca-qc', 'fr')}\n\n{spoilt}")


def test_a_wording_begins_with_its_title() -> None:
    """Without a title nobody knows what they sign; an endless one is not looked at."""
    with pytest.raises(WordingError, match="title"):
        check_wording("none", "Dear {seller_name} {plan} {price} {starts_on}")
    with pytest.raises(WordingError, match="at most"):
        check_wording("none", "# " + "x" * 60_001)


@given(st.text(max_size=60).filter(lambda text: "\n\n" not in text))
def test_a_value_is_text_and_nothing_else(value: str) -> None:
    """Whatever a person is called, no brace, sign or new line of it makes a block or opens a place."""
    values = dict.fromkeys(PLACES, "known") | {"member_name": value}
    blocks = fill("# Contract of {member_name}\n\n- for {member_name}", values)
    assert blocks == (
        Block(BlockKind.TITLE, f"Contract of {value}"),
        Block(BlockKind.ITEM, f"for {value}"),
    )


def test_a_place_alone_takes_what_there_is() -> None:
    """Nothing to say is no paragraph, and what the law dictates is as many as it has, set apart."""
    values = dict.fromkeys(PLACES, "") | {"cancellation_form": "one\n\ntwo"}
    assert fill("{discounts}\n\n{cancellation_form}", values) == (
        Block(BlockKind.BOXED, "one"),
        Block(BlockKind.BOXED, "two"),
    )


def test_both_languages_say_the_same_things() -> None:
    """Every sentence is there in both, with the same facts in it; so is what the laws dictate."""
    assert TEXTS["en"].keys() == TEXTS["fr"].keys()
    for name in TEXTS["en"]:
        assert set(re.findall(r"\{\w+\}", TEXTS["en"][name])) == set(re.findall(r"\{\w+\}", TEXTS["fr"][name])), name
    assert all(dictated(name, language) for name in BOXED for language in ("en", "fr"))
