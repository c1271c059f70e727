"""What can be wrong with a contract document."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError


class WordingError(PermanentError):
    """A wording that cannot be used; the message names every place in it that is unknown, missing or unfinished."""


class FactMissingError(RefusedError):
    """The law wants something in writing that nobody has entered yet; the message says what, and where to enter it."""


class UnknownDocumentError(NotFoundError):
    """No such contract document in this organisation, or its file was erased with the person."""


class AcceptanceError(RefusedError):
    """This document cannot be accepted so: it is accepted already, a later version exists, or another must sign."""


class LinkError(RefusedError):
    """The link is over, or was never ours."""


class SealError(ConflictError):
    """A file that this installation has not sealed, or that is not what it sealed."""
