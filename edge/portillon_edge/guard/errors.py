"""What can go wrong between gateway and guard.

GuardError
├── GuardUnavailableError   try again soon: no guard answers now; nothing was released
├── GuardRefusedError       another client holds the guard, or it runs another configuration
└── ProtocolError           bytes that are no message of ours: the peer is not what it should be
"""


class GuardError(Exception):
    """Anything between gateway and guard."""


class GuardUnavailableError(GuardError):
    """No guard answers now; nothing was released."""


class GuardRefusedError(GuardError):
    """The guard does not serve this client."""


class ProtocolError(GuardError):
    """Bytes that are no message of the guard's protocol."""
