"""Somebody who holds codes to a simulated scanner; serial and keyboard scanners differ in how they send them."""

from typing import NoReturn

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.simulated_reader import CannotPresentError

AIM_IDENTIFIER = "]Q1"
"""A QR code of model 2 (ISO/IEC 15424), which is what phones show."""


class SimulatedCodes:
    """What every simulated scanner's SimulatedReader has in common; `scan` is its own."""

    samples = (Credential(CredentialKind.BARCODE, "M-000123"), Credential(CredentialKind.BARCODE, "M-000456"))

    def scan(self, text: str) -> None:
        """Hold a printed or shown code to it; raises TransientDeviceError or CannotPresentError."""
        raise NotImplementedError

    def present(self, what: Credential) -> None:
        """Hold a member's barcode to it."""
        if what.kind is not CredentialKind.BARCODE:
            raise CannotPresentError("a scanner reads codes: barcode:…, or scan the text of a pass or day code")
        self.scan(what.value)

    def press(self, keys: str) -> NoReturn:
        """It has no keys."""
        raise CannotPresentError("this scanner has no PIN pad")
