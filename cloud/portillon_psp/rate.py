"""How many requests of an account are taken in a second. Machine time: it is the caller's haste that is measured."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Limiter:
    """Counts by whole seconds, as a service does that keeps no queue."""

    _second: dict[str, tuple[int, int]] = field(default_factory=dict)

    def allows(self, account: str, per_s: int, now_s: float) -> bool:
        """Whether one more of this account is taken at this instant; 0: any number."""
        second, taken = self._second.get(account, (0, 0))
        taken = taken + 1 if second == int(now_s) else 1
        self._second[account] = (int(now_s), taken)
        return per_s == 0 or taken <= per_s
