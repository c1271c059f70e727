"""What a search did: lives, gateway-hours per CPU-second, power cuts per second, and how often each thing happened."""

import hashlib
import resource
import time
from collections import Counter

from rich.console import Console
from simulation.finding import Finding
from simulation.history import History


class Tally:
    """Adds lives up."""

    def __init__(self) -> None:
        self.lives = 0
        self.broken: Counter[int] = Counter()
        self._kinds: Counter[str] = Counter()
        self._cpu_s: Counter[str] = Counter()
        self._lived_cpu_s: Counter[str] = Counter()
        self._cuts: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._hours: Counter[str] = Counter()
        self._seeds: list[int] = []
        self._began_s = 0.0
        self._trace = hashlib.sha256()

    def begin(self, history: History) -> None:
        """A life begins."""
        self._seeds = [*self._seeds[:1], history.seed]
        self._began_s = time.process_time()

    def end(self, history: History, finding: Finding) -> None:
        """It is over."""
        kind = history.kind
        self.lives += 1
        self._kinds[kind] += 1
        self._cpu_s[kind] += time.process_time() - self._began_s  # type: ignore[assignment]
        self._cuts[kind] += finding.counts["power cuts"]
        self._counts += finding.counts
        self._hours[kind] += finding.hours  # type: ignore[assignment]
        self._lived_cpu_s[kind] += finding.cpu_s  # type: ignore[assignment]
        self.broken.update(finding.broken.keys())
        self._trace.update(f"{history.seed} {finding.trace} {sorted(finding.counts.items())}".encode())

    def line(self, history: History) -> str:
        """The one line of progress."""
        broken = sum(self.broken.values())
        return f"{self.lives} lives, seed {history.seed}, {memory_mib()} MiB, {broken} broken"

    def show(self, console: Console) -> None:
        """Print the report."""
        say = console.print
        say(f"{self.lives} lives, seeds {self._seeds[0]} to {self._seeds[-1]}: " + _listed(self._kinds))
        for kind, hours in self._hours.items():
            if hours:
                lived, whole = hours / self._lived_cpu_s[kind], hours / self._cpu_s[kind]
                say(f"gateway-hours per CPU-second in {kind}, all faults on: {lived:.1f}; with healing: {whole:.1f}")
        if self._cuts["storage"]:
            say(f"power cuts under every store per CPU-second: {self._cuts['storage'] / self._cpu_s['storage']:.0f}")
        say("what happened: " + _listed(self._counts))
        say(f"trace {self._trace.hexdigest()[:32]}: the same seeds give the same again")
        say(f"time of the processor: {sum(self._cpu_s.values()) / 60:.1f} minutes")
        say(f"memory of this process at its most: {memory_mib()} MiB")
        broken = ", ".join(f"invariant {number} {count} times" for number, count in sorted(self.broken.items()))
        say(f"broken: {broken or 'nothing'}")


def memory_mib() -> int:
    """The most that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(counts.items()))
