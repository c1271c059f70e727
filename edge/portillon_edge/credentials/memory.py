"""What the checks ask of the durable memory (store/credential_memory.py). One thread uses it, that of the doors."""

from collections.abc import Sequence
from typing import Protocol

from portillon_edge.domain.credential_facts import Fact, Tries
from portillon_edge.domain.events import EventTime


class CredentialMemory(Protocol):
    """Reading and `commit` raise MemoryUnwritable; nothing waits for more than one flush of the disk."""

    def counter(self, name: str) -> int | None:
        """The last counter of this credential."""
        ...

    def issued_ms(self, name: str) -> int | None:
        """When the last pass of this phone that let somebody in was issued."""
        ...

    def has_pass(self, name: str, nonce: str, issued_ms: int) -> bool:
        """Whether this pass let somebody in, or may have: it was issued before a memory that is lost."""
        ...

    def is_used(self, name: str, valid_from_ms: int) -> bool:
        """Whether this single-use credential is spent or reserved, or may be: valid before a memory that is lost."""
        ...

    def tries(self, name: str) -> Tries | None:
        """The wrong PINs in a row there; never raises."""
        ...

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write all of them down durably, or raise MemoryUnwritable and none."""
        ...

    def hold(self, facts: Sequence[Fact]) -> None:
        """Know them until the process ends; the next commit that succeeds takes them along."""
        ...

    def tidy(self, now: EventTime) -> None:
        """In a quiet moment: forget what has run out, and mend what is broken."""
        ...

    def take_alarms(self) -> list[str]:
        """What happened to the memory itself since the last call, for the journal."""
        ...
