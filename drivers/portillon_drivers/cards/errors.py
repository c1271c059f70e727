"""What can go wrong between a reader and a card.

CardError
├── CardProtocolError   the answer does not fit the conversation: torn, another type of card, a refused command
│   └── CardRefused     the card answered with a status word that says no
├── NotGenuine          the card did not prove what it claims: wrong key, wrong MAC, wrong signature, unknown keys
└── ProvisioningError   this card cannot be written as asked; the message says what to do with it

No message quotes what a card holds, nor a key, nor a UID.
"""

STATUS_MEANINGS = {
    0x6700: "wrong length",
    0x6982: "security status not satisfied",
    0x6985: "conditions not satisfied",
    0x6A82: "file or application not found",
    0x6A86: "wrong parameters",
    0x6D00: "unknown instruction",
    0x6E00: "unknown class",
    0x910E: "no memory left",
    0x911C: "unknown command",
    0x911E: "integrity error (MAC, CRC or padding)",
    0x9140: "no such key",
    0x917E: "wrong length",
    0x919D: "permission denied",
    0x919E: "wrong parameter",
    0x91A0: "application not found",
    0x91AE: "authentication error: another key",
    0x91AF: "more frames were to come",
    0x91BE: "outside the file",
    0x91CA: "the command before was not finished",
    0x91DE: "exists already",
    0x91EE: "memory error in the card",
    0x91F0: "file not found",
}
"""Status words of ISO 7816-4 and of DESFire (NT4H2421Gx, tables of response APDU codes)."""


class CardError(Exception):
    """Anything that went wrong with a card."""


class CardProtocolError(CardError):
    """The card's answer does not fit the conversation."""


class CardRefused(CardProtocolError):
    """The card said no; `status` is its status word."""

    def __init__(self, step: str, status: int) -> None:
        meaning = STATUS_MEANINGS.get(status, "a status without a meaning here")
        super().__init__(f"{step}: the card answered {status:04X}, {meaning}")
        self.status = status


class NotGenuine(CardError):
    """The card did not prove what it claims."""


class ProvisioningError(CardError):
    """The card cannot be written as asked; the message says what to do with it."""
