"""A gateway's SD card is copied: an old copy put back, or a copy that runs beside its original."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from portillon_rules.visits import Visit
from simulation.finding import Finding
from simulation.gateway_side import GatewaySide
from simulation.schedule import Schedule

MINUTE_MS = 60_000


class CardFaults:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    finding: Finding
    folder: Path
    gateways: list[GatewaySide]
    clones: list[GatewaySide]
    spent: Counter[Visit]
    spent_again: Counter[Visit]
    off_ms: dict[str, list[tuple[int, int]]]
    boots_at_ms: dict[str, list[int]]
    _healed: bool
    _chosen: Callable[[], GatewaySide | None]
    _connect: Callable[[GatewaySide], None]
    _disconnect: Callable[[GatewaySide], None]
    _make_gateway: Callable[[str, str, Path], GatewaySide]
    darken: Callable[..., None]

    def clone_card(self) -> None:
        """A copy of its card starts in another machine: two gateways of one name; the broker keeps the newer one."""
        gateway = self._chosen()
        if gateway is None or self.clones:
            return
        self.finding.counts["cards cloned"] += 1
        card = f"{gateway.card}-clone{self.finding.counts['cards cloned']}"
        folder = self.folder / card
        folder.mkdir()
        for name, content in card_of(gateway).items():
            (folder / name).write_bytes(content)
        # What holds of the original's past holds of its copy; its first boot is one more, and charged as such.
        self.off_ms[card] = list(self.off_ms[gateway.card])
        self.boots_at_ms[card] = [*self.boots_at_ms[gateway.card], self.schedule.now_ms]
        clone = self._make_gateway(gateway.name, card, folder)
        clone.clone_of(gateway)
        clone.promised.update(gateway.promised)
        clone.lines.latched = gateway.lines.latched
        self.clones.append(clone)
        self._connect(clone)
        minutes = self.random.choice([2, 30, 6 * 60])
        self.schedule.after(minutes * MINUTE_MS, lambda: self.throw_away(clone))

    def throw_away(self, clone: GatewaySide) -> None:
        """Somebody notices, and the copy is destroyed. What it alone knew of what happened at its door is lost."""
        if clone not in self.clones:
            return
        self.clones.remove(clone)
        self._disconnect(clone)
        clone.power_off()
        clone.discard()
        self.finding.counts += clone.counts + clone.disk.counts

    def restore_gateway(self) -> None:
        """Copy its card now; some minutes later the card breaks and the copy is all there is."""
        gateway = self._chosen()
        if gateway is None:
            return
        copied_ms, spent, promised = self.schedule.now_ms, self.spent.copy(), dict(gateway.promised)
        copy, latched = card_of(gateway), gateway.lines.latched

        def restore() -> None:
            if gateway.alive and not self._healed:
                self.darken(gateway, put_back)

        def put_back() -> None:
            gateway.disk.replace_all(copy)
            gateway.excuse()
            gateway.promised.clear()
            gateway.promised.update(promised)
            gateway.lines.latched = latched
            self.spent_again += self.spent - spent  # the copy does not know of these
            # For the copy the time since is time without power, and no boot since was charged to it.
            self.off_ms[gateway.card].append((copied_ms, self.schedule.now_ms))
            self.boots_at_ms[gateway.card] = [at for at in self.boots_at_ms[gateway.card] if at < copied_ms]

        self.schedule.after(self.random.uniform(1_000, 30 * MINUTE_MS), restore)


def card_of(gateway: GatewaySide) -> dict[str, bytes]:
    """All files on a gateway's card, as a copy of the running system gets them."""
    return {path.name: path.read_bytes() for path in gateway.folder.iterdir() if not path.name.endswith("-shm")}
