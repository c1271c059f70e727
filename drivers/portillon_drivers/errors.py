"""What can go wrong at a device, drawn before any driver was written.

DriverError
├── TransientDeviceError      try again soon: unplugged, not there yet, held by another process, no answer
└── PermanentDeviceError      trying again cannot help: the configuration or the installation must change
    ├── UnknownDriverError    no driver of that name: a typing mistake in `type = …`
    └── MissingLibraryError   the driver's library is not installed on this machine
"""


class DriverError(Exception):
    """Any failure of a device; the message names what, where, and what to do."""


class TransientDeviceError(DriverError):
    """The device cannot be used now; the same call may succeed later."""


class PermanentDeviceError(DriverError):
    """The device can never be used like this; a person must change something."""


class UnknownDriverError(PermanentDeviceError):
    """No driver of that name."""


class MissingLibraryError(PermanentDeviceError):
    """The library that the driver needs is not installed here."""
