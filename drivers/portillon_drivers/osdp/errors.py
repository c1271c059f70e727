"""What can go wrong with OSDP, drawn before the code.

DriverError
└── PermanentDeviceError
    ├── WeakKeyError         a key that anybody would try: all bytes equal, counting up or down, SCBK-D
    ├── KeyFileError         the file of reader keys cannot be used as it is
    └── CommandError         a command that cannot be put on the wire: a number out of range, a text too long
MalformedError               inside the core only: a body that is not what its code says; becomes a fault, never leaves
ChannelError                 inside the core only: a MAC, cryptogram or padding is wrong; the channel is torn down
"""

from portillon_drivers.errors import PermanentDeviceError


class WeakKeyError(PermanentDeviceError):
    """The key is one that anybody would try."""


class KeyFileError(PermanentDeviceError):
    """The file of reader keys cannot be used as it is."""


class CommandError(PermanentDeviceError):
    """The command cannot be put on the wire."""


class MalformedError(Exception):
    """A body that is not what its code says; the message never quotes its bytes."""


class ChannelError(Exception):
    """A MAC, cryptogram or padding is wrong; the message never quotes keys."""
