"""What can be wrong with a message. Nothing here heals by trying again: the same bytes stay wrong.

WireError
├── MessageError            the payload is not what its topic or type promises
│   └── UnknownVersionError a newer or older peer: one side must be updated
└── SignatureError          the token proves nothing
    ├── MalformedError      no JWS of the expected type at all
    ├── ForgedError         the signature does not fit, or its key is unknown or not meant for this use
    └── ForeignError        rightly signed, but for another gateway
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
