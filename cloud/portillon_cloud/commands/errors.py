"""What a command refuses."""

from portillon_cloud.errors import NotFoundError, PermanentError, RefusedError


class WorkRefusedError(RefusedError):
    """A second process would work on a database that one process owns."""


class PortInUseError(PermanentError):
    """Nothing can listen at this address and port."""


class WhichOneError(NotFoundError):
    """There is none of it, or there are several and none was named."""


class FileUnreadableError(PermanentError):
    """The file to import cannot be read."""
