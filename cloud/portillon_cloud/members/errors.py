"""What the members' part refuses."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError


class UnknownMemberError(NotFoundError):
    """No such member, account or site in this organisation."""


class UnknownCredentialError(NotFoundError):
    """No such credential in this organisation."""


class CredentialTakenError(ConflictError):
    """The credential is somebody's already; mark it lost there first."""


class CredentialStateError(ConflictError):
    """The credential is in a state in which this cannot be done; the message says what can."""


class CredentialRefusedError(PermanentError):
    """Such a credential cannot be given to a member; the message says what to write or do instead."""


class CompanyRefusedError(PermanentError):
    """Such company cannot be asked of a member; the message says why."""


class PersonErasedError(RefusedError):
    """The person was erased; what is left of them does not change."""


class StillNeededError(RefusedError):
    """Somebody cannot be erased yet; the message says what to end or pay first."""


class GroupRefusedError(PermanentError):
    """Such a group is none; the message says why."""


class NoPinLeftError(PermanentError):
    """So many PINs are issued that none is left that would be hard enough to guess."""


class OrganisationError(PermanentError):
    """The organisation, legal entity or site cannot be made like this; the message says why."""
