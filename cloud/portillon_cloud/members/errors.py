"""What the members' part refuses."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError


class UnknownMemberError(NotFoundError):
    """No such member, account or site in this organisation."""


class CredentialTakenError(ConflictError):
    """The credential opens for another member already; mark it lost there first."""


class OrganisationError(PermanentError):
    """The organisation, legal entity or site cannot be made like this; the message says why."""


class ImportRefusedError(PermanentError):
    """The file has bad lines and nothing was imported; `problems` names each."""
