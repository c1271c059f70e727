"""What can be wrong with a message. Nothing here heals by trying again: the same bytes stay wrong.

WireError
├── MessageError               the payload is not what its topic or type promises
│   └── UnknownVersionError    a newer or older peer: one side must be updated
├── SignatureError             the token proves nothing
│   ├── MalformedError         no JWS of the expected type at all
│   ├── ForgedError            the signature does not fit, or its key is unknown or not meant for this use
│   └── ForeignError           rightly signed, but for another gateway
└── ScannedTextError           a scanned text that is not what it claims to be; never quotes the text
    ├── PassMalformedError     no phone pass that this version can read
    ├── PassForgedError        a phone pass whose signature does not fit, or whose key anybody could sign for
    └── DayCodeMalformedError  no day code: misread, mistyped or cut off
"""


class WireError(Exception):
    """Any message that must not be acted on."""


class MessageError(WireError):
    """The payload is not what its topic or type promises."""


class UnknownVersionError(MessageError):
    """The peer speaks another major version."""


class SignatureError(WireError):
    """The token proves nothing."""


class MalformedError(SignatureError):
    """No JWS of the expected type."""


class ForgedError(SignatureError):
    """The signature does not fit, or its key is unknown or not meant for this use."""


class ForeignError(SignatureError):
    """Rightly signed, but for another gateway."""


class ScannedTextError(WireError):
    """A scanned text that is not what it claims to be."""


class PassMalformedError(ScannedTextError):
    """No phone pass that this version can read."""


class PassForgedError(ScannedTextError):
    """A phone pass whose signature does not fit, or whose key anybody could sign for."""


class DayCodeMalformedError(ScannedTextError):
    """No day code: misread, mistyped or cut off."""
