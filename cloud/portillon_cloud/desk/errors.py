"""What the desk is refused."""

from portillon_cloud.errors import NotFoundError, PermanentError, RefusedError


class DeskLimitError(RefusedError):
    """More than the organisation lets the desk do alone; the message says how much that is. An owner may."""


class PlanInvalidError(PermanentError):
    """Instalments that make no sense: too many, too late, or more than is owed; the message says what would be."""


class PlanAlreadyAgreedError(RefusedError):
    """The account pays by a plan already: that one is kept, or broken, first."""


class DeskPolicyInvalidError(PermanentError):
    """A limit that makes no sense; the message names it."""


class UnknownPlanError(NotFoundError):
    """No such plan of payment in this organisation."""


class NoChequeError(RefusedError):
    """Only a cheque that was taken here can bounce."""
