"""Tax registration numbers as their owners write them: read, checked, and given back in one form. Pure."""

import re
from enum import StrEnum

from stdnum.ca import bn
from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siret


class TaxNumber(StrEnum):
    """Which register a number is of; the value is what an invoice prints before it."""

    GST = "TPS"
    QST = "TVQ"
    VAT = "TVA"
    SIRET = "SIRET"


_QST = re.compile(r"(?P<digits>[0-9]{9})(?P<check>[0-9])TQ[0-9]{4}")
_QST_WEIGHTS = (4, 3, 2, 7, 6, 5, 4, 3, 2)
"""Modulo 11, from general knowledge: no source in reach gives the rule. The published 1227494057 obeys it.

Nor does any say what stands for a remainder of 0 or 1, so those pass with either digit that could.
"""


def read_tax_number(kind: TaxNumber, text: str) -> str | None:
    """The number in the form of its register, without spaces; None: it is none of that register."""
    bare = re.sub(r"[\s.\-]", "", text).upper()
    if kind is TaxNumber.QST:
        return bare if _is_qst(bare) else None
    try:
        if kind is TaxNumber.GST:
            found: str = bn.validate(bare)
            return found if found[9:11] in ("", "RT") else None  # RC, RP, …: the same firm's other accounts
        found = vat.validate(bare) if kind is TaxNumber.VAT else siret.validate(bare)
    except ValidationError:
        return None
    return found


def _is_qst(bare: str) -> bool:
    match = _QST.fullmatch(bare)
    if match is None:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(match["digits"], _QST_WEIGHTS, strict=True))
    remainder = total % 11
    right = "01" if remainder <= 1 else str(11 - remainder)
    return match["check"] in right
