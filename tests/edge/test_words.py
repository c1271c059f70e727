"""The gateway's words: every reason is said, in both languages, and the catalogues are the ones that people edited."""

import io
import re
from pathlib import Path

import portillon_edge
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from portillon_edge.words import FLAGS, LOCALES, QUALITIES, REASONS, Language, Words
from portillon_rules.decision import TimeQuality
from portillon_rules.reason import DenyReason, GrantFlag

PACKAGE = Path(portillon_edge.__file__).parent
FRENCH = PACKAGE / "locale" / "fr_CA" / "LC_MESSAGES" / "portillon_edge.po"
PLACEHOLDER = re.compile(r"\{\w+\}")


def texts_in_code() -> set[str]:
    found = extract_from_dir(PACKAGE, keywords={"mark": None, "_": None})
    return {text for _, _, text, _, _ in found if isinstance(text, str)}


@pytest.mark.parametrize("language", LOCALES)
def test_every_reason_and_flag_is_said(language: Language) -> None:
    """No enum member is left without words, in either language."""
    words = Words(language)
    assert set(REASONS) == set(DenyReason) and set(FLAGS) == set(GrantFlag) and set(QUALITIES) == set(TimeQuality)
    assert all(words.reason(reason).endswith(".") for reason in DenyReason)
    assert all(words.flag(flag) for flag in GrantFlag)


def test_french_says_everything_that_english_says() -> None:
    """Each text of the code is translated, and no translation outlives its text."""
    with FRENCH.open("rb") as file:
        catalogue = read_po(file)
    translated = {message.id: message.string for message in catalogue if message.id}
    assert set(translated) == texts_in_code()
    assert all(translated.values())
    assert not [message.id for message in catalogue if message.id and message.fuzzy]


def test_no_placeholder_is_lost_in_translation() -> None:
    """A name or a time that English shows, French shows too."""
    with FRENCH.open("rb") as file:
        for message in read_po(file):
            assert sorted(PLACEHOLDER.findall(message.id)) == sorted(PLACEHOLDER.findall(str(message.string)))


def test_what_runs_is_what_was_edited() -> None:
    """The compiled catalogue belongs to the .po beside it (`pybabel compile`)."""
    with FRENCH.open("rb") as file:
        compiled = io.BytesIO()
        write_mo(compiled, read_po(file, locale="fr_CA"))
    assert FRENCH.with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_languages_differ_and_values_are_filled_in() -> None:
    """French is not English, and values land in their places."""
    assert Words("fr").reason(DenyReason.FROZEN) != Words("en").reason(DenyReason.FROZEN)
    assert Words("en")("{door} is {state}", door="lane1", state="idle") == "lane1 is idle"


@pytest.mark.parametrize(
    ("ms", "said"),
    [(5_000, "5 s"), (-59_999, "59 s"), (60_000, "1 min"), (-3_600_000, "1 h 00 min"), (259_140_000, "71 h 59 min")],
)
def test_durations(ms: int, said: str) -> None:
    """To the minute, whichever sign."""
    assert Words("fr").duration(ms) == said
