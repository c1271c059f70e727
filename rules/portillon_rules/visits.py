"""Visit packs and quotas: how often somebody may still come."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VisitUse:
    """What this gateway counts for one member: spent and reserved visits, by the name of their pack or quota."""

    counted: tuple[tuple[str, int], ...] = ()
