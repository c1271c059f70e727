"""What the visit book asks of the durable memory (store/credential_memory.py). One thread uses it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from portillon_rules.visits import Visit

from portillon_edge.domain.visit_facts import VisitFact


class VisitMemory(Protocol):
    """Reading and `commit` raise MemoryUnwritable; nothing waits for more than one flush of the disk."""

    def visits(self, member: str) -> Mapping[Visit, int]:
        """How often each visit of this member was spent or is reserved."""
        ...

    def may_have_forgotten(self, since_ms: int) -> bool:
        """Whether something that was counted since this business time may be lost; never raises."""
        ...

    def commit(self, facts: Sequence[VisitFact]) -> None:
        """Write all of them down durably, or raise MemoryUnwritable and none."""
        ...

    def hold(self, facts: Sequence[VisitFact]) -> None:
        """Know them until the process ends; the next commit that succeeds takes them along."""
        ...
