"""What billing refuses."""

from collections.abc import Sequence

from portillon_cloud.errors import NotFoundError, PermanentError, RefusedError, TransientError


class UnlawfulContractError(RefusedError):
    """Consumer law forbids these terms; `violations` says which rule and why."""

    def __init__(self, violations: Sequence[str]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(self.violations))


class UnknownPlanError(NotFoundError):
    """No plan with this code, or no price to sell it at."""


class CatalogueError(PermanentError):
    """A plan, price or contract that makes no sense: another currency than its book's, a term of no whole periods."""


class NumberingError(PermanentError):
    """A number would be out of order: the series has one issued on a later day."""


class RunConflictError(TransientError):
    """Another run billed the same period first; nothing was written, and the next run skips it."""


class TimelineError(PermanentError):
    """Recorded events that make no life of a subscription: two starts, a resumption of what is not frozen."""
