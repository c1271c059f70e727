"""A credential as people write it: its canonical form, or the name of a Wiegand format and the numbers on the card."""

import re
from collections.abc import Mapping

from portillon_rules.credential import Credential, CredentialError
from portillon_rules.wiegand import STANDARD, WiegandFormat, encode

_NUMBERS = re.compile(r"(?:([0-9]{1,10})-)?([0-9]{1,25})")
"""Facility and number, or the number alone: as many digits as the widest field can need."""


def parse_presented(text: str, formats: Mapping[str, WiegandFormat] = STANDARD) -> Credential:
    """`em4100:0F0027A46B`, or `h10301:67-1000` (facility-number), or `h10302:12345` (number). Raises CredentialError.

    Numbers are decimal, as printed on the card; leading zeros change nothing, since the format gives every bit.
    """
    name, colon, numbers = text.strip().partition(":")
    card_format = formats.get(name.strip().lower())
    if not colon or card_format is None:
        return Credential.parse(text)
    matched = _NUMBERS.fullmatch(numbers.strip())
    if matched is None:
        example = "12345" if card_format.facility is None else "67-1000"
        raise CredentialError(
            f"this is no card of format {card_format.name}: write decimal numbers, {card_format.name}:{example}"
        )
    facility, number = matched.groups()
    return encode(card_format, facility=None if facility is None else int(facility), number=int(number))
