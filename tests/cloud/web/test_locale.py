"""English and French: every text translated, every place kept."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.attendance.sharing import Sharing
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.catalogue import CATALOGUES, catalogue_path
from portillon_cloud.locale.update import collected, merged
from portillon_cloud.locale.words import Words
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.money import Money
from portillon_cloud.web import wording
from portillon_rules.credential import CredentialKind
from portillon_rules.reason import DenyReason, GrantFlag

PLACE = re.compile(r"%\((\w+)\)s")


def texts(message):
    return message.id if isinstance(message.id, tuple) else (message.id,)


def strings(message):
    return message.string if isinstance(message.string, tuple) else (message.string,)


@pytest.mark.parametrize("name", CATALOGUES.values())
def test_every_text_is_translated(name):
    """No page falls back to English half-way; run `python -m portillon_cloud.locale.update` and translate."""
    missing = [message.id for message in merged(name) if message.id and (message.fuzzy or not all(strings(message)))]
    assert not missing


@pytest.mark.parametrize("name", CATALOGUES.values())
def test_every_place_is_kept(name):
    """A translation fills the same places, so that no name or amount is lost."""
    for message in merged(name):
        if message.id:
            wanted = set().union(*(PLACE.findall(one) for one in texts(message)))
            for said in strings(message):
                assert set(PLACE.findall(said)) <= wanted, message.id
                assert wanted - set(PLACE.findall(said)) <= {"n"}, message.id


@pytest.mark.parametrize("name", CATALOGUES.values())
def test_the_committed_catalogue_holds_nothing_unused(name):
    """What no page says any more is gone."""
    used = {message.id for message in collected() if message.id}
    committed = re.findall(r'^msgid "(.+)"$', catalogue_path(name).read_text(encoding="utf-8"), re.MULTILINE)
    flat = {one for found in used for one in (found if isinstance(found, tuple) else (found,))}
    assert {one for one in committed if '\\"' not in one} <= flat


def test_every_reason_flag_and_role_has_words():
    """A new enum member without words fails here, not on a screen."""
    assert set(wording.REASONS) == set(DenyReason)
    assert set(wording.FLAGS) == set(GrantFlag)
    assert set(wording.ROLES) == set(Role)
    assert set(wording.KINDS) == set(CredentialKind)
    assert set(wording.SHARING) == set(Sharing)
    assert set(wording.CREDENTIAL_STATES) == set(CredentialState)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_remarks_of_readers_have_words(language):
    """Copyable kinds are said together by their names; a remark of a newer gateway is shown as it came."""
    said = wording.Wording(Words(language), sees_money=False).remarks(
        "lane-1-reader", ("copyable:em4100", "copyable:newer", "insecure_clear_text", "uid_only", "something_new")
    )
    assert len(said) == 4
    assert Words(language).say(wording.KINDS[CredentialKind.EM4100]) in said[0]
    assert said[0].endswith(", newer")
    assert said[-1] == "lane-1-reader: something_new"
    assert not any("insecure_clear_text" in one or "uid_only" in one for one in said)


def test_money_and_dates_are_written_as_people_write_them():
    """Quebec French, Canadian English, France."""
    amount, on = Money(114_98, "CAD"), date(2025, 3, 12)
    english, french = Words("en", "CA"), Words("fr", "CA")
    assert (english.money(amount), english.day(on)) == ("$114.98", "Mar 12, 2025")
    assert (french.money(amount), french.day(on)) == ("114,98\u00a0$", "12 mars 2025")
    assert french.day(date(2025, 3, 1)) == "1er mars 2025"
    assert french.long_day(date(2025, 4, 1)) == "mardi 1er avril 2025"
    assert french.day(date(2025, 3, 21)) == "21 mars 2025"
    assert Words("fr", "FR").money(Money(114_98, "EUR")) == "114,98\u00a0€"
    assert (english.rate(99_750), french.rate(99_750)) == ("9.975%", "9,975\u00a0%")


@given(st.integers(0, 10**13))
def test_a_duration_has_words_in_both_languages(length_ms):
    """Always something a person would say, never a raw number of milliseconds."""
    for language in ("en", "fr"):
        assert re.fullmatch(
            r"(less than a minute|moins d’une minute|[\d,.\s]+ \w+)", Words(language).duration(length_ms)
        )
