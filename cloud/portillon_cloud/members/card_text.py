"""A credential as people write it down: on a card, in a file, in a form. Pure.

Accepted: bare hex digits (a 125 kHz tag's, as its reader prints them), `kind:value`, the numbers on a Wiegand card with
their format (`h10301:67-1000`), and the text of a printed day code.
"""

from portillon_rules.card_number import parse_presented
from portillon_rules.credential import Credential, CredentialError, CredentialKind
from portillon_wire import day_code
from portillon_wire.errors import DayCodeMalformedError
from portillon_wire.scanned import Barcode, classify


def read_card(text: str) -> Credential:
    """The credential that `text` names; raises CredentialError, which says what to write."""
    text = text.strip()
    if text.upper().startswith(day_code.CLAIM):
        try:
            return day_code.read_typed_day_code(text).credential
        except DayCodeMalformedError as error:
            raise CredentialError(f"this is no day code: {error}; type it as it is printed") from None
    if ":" not in text:
        return Credential(CredentialKind.EM4100, text.upper())
    found = parse_presented(text)
    if found.kind.secret:
        raise CredentialError("a PIN is drawn by lot and shown once: issue one instead of writing it down")
    if found.kind is CredentialKind.BARCODE and not isinstance(classify(found.value), Barcode):
        raise CredentialError("readers take this text for a phone pass or a day code and never for a barcode")
    return found
