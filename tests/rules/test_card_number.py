"""Credentials as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.card_number import parse_presented
from portillon_rules.credential import Credential, CredentialError
from portillon_rules.wiegand import Field, WiegandFormat


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("h10301:67-1000", "wiegand:26.28607D1"),
        (" H10301: 067-01000 ", "wiegand:26.28607D1"),
        ("h10302:98765", "wiegand:37.000003039B"),
        ("c1000_35:235-39248", "wiegand:35.61D6132A1"),
        ("uid34:182345502", "nfca:0ADE5F1E"),
        ("em4100:0F0027A46B", "em4100:0F0027A46B"),
        ("wiegand:26.28607d1", "wiegand:26.28607D1"),
    ],
)
def test_what_people_write(text: str, canonical: str) -> None:
    """The canonical form, and the numbers printed on a card, name the same credential."""
    assert str(parse_presented(text)) == canonical


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("h10301:1000", "facility-number"),
        ("h10302:1-2", "no facility"),
        ("h10301:300-1", "0 to 255"),
        ("h10301:a-b", "h10301:67-1000"),
        ("h10302:", "h10302:12345"),
        ("h10399:1-2", "no kind of credential"),
        ("12345", "kind:value"),
    ],
)
def test_what_is_none(text: str, what: str) -> None:
    """Everything else is refused with how to write it."""
    with pytest.raises(CredentialError, match=what):
        parse_presented(text)


def test_a_site_adds_its_own_formats() -> None:
    """The names are those of the formats that are given."""
    own = WiegandFormat(name="gym40", bits=40, facility=Field(1, 12), number=Field(13, 27))
    assert str(parse_presented("gym40:1-2", {"gym40": own})) == "wiegand:40.0008000002"


@given(text=st.text(max_size=60) | st.from_regex(r"[hcuw][0-9_]{1,8}:[0-9-]{0,30}", fullmatch=True))
def test_any_text_is_a_credential_or_refused(text: str) -> None:
    """Any text gives a credential or a CredentialError."""
    with suppress(CredentialError):
        assert isinstance(parse_presented(text), Credential)
