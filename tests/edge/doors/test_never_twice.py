"""Lives of a gateway with restarts, crashes and cold boots at any moment: what may count once counts once.

The real memory on a real file under the real attendant. Each durable memory is switched off in turn, and then the
property must fail.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from edge.doors.small_site import ANNE, DAY_MS, Site
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from portillon_drivers.events import InputChanged
from portillon_drivers.options import PinUse
from portillon_edge.credentials.memory import CredentialMemory
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.credential_facts import CodeUsed, CounterSeen, Fact, PassSeen, PinTried, Tries
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import NS_PER_MS
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_rules.credential import Credential
from portillon_rules.reason import DenyReason
from portillon_wire.day_code import write_day_code
from portillon_wire.qr_pass_issuer import DeviceKey, issue

TAG = Credential.parse("ntag424:04DE5F1EACC040")
PHONE = DeviceKey.from_bytes(bytes(31) + b"\7")
CODES = [bytes([number]) * 16 for number in range(2)]
LOCKOUT_S, TRIES_MAX, HOLD_OFF_MS = 30, 3, 0
READERS = ("lane1-reader", "pool-reader")
LET_IN = (EventKind.GRANTED, EventKind.REBADGED)
"""REBADGED: the same grant again; what is finite about the badge is used up all the same."""
WINDOW_MS = 5_000
RULES = ReaderRules(
    pin=PinUse.ALONE, pin_tries_max=TRIES_MAX, pin_lockout_s=LOCKOUT_S, hold_off_ms=HOLD_OFF_MS, pin_timeout_ms=60_000
)


class Life(RuleBasedStateMachine):
    """Two doors of one gateway; time is the power that it had, `boot_ms` what its boot clock shows."""

    memory_class: ClassVar[type[DurableCredentialMemory]] = DurableCredentialMemory

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="never-twice-")
        self.boots, self.boot_ms, self.powered_ms = 1, 0, 0
        self.site = Site(memory=self.open(), readers=dict.fromkeys(READERS, RULES))
        for credential in (TAG, PHONE.credential, ANNE, Credential.parse("pin:491730")):
            self.site.admit(credential, zones=("gym", "pool"))
        for number in CODES:
            self.site.admit(Credential.parse(f"day_code:{number.hex()}"), zones=("gym", "pool"), single_use=True)
        self.site.boot_id = "boot-1"
        self.find_inputs()
        self.counter_max = 0
        self.passes_used: set[int] = set()
        self.code_at: dict[str, int] = {}
        self.codes_spent: set[int] = set()
        self.wrong = 0
        self.locked_at_ms: int | None = None

    def open(self) -> CredentialMemory:
        return self.memory_class(Path(self.folder.name))

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def find_inputs(self) -> None:
        for line in ("lane1-passage", "pool-contact"):
            self.site.take(InputChanged(line, False, self.boot_ms * NS_PER_MS))

    def came(self, before: int, door: str) -> str:
        """What the door answered: granted, or the reason why not; a grant's code is pending until its end."""
        answer = next(e for e in self.site.events[before:] if e.kind in (*LET_IN, EventKind.DENIED))
        return answer.reason or answer.kind

    def door(self, reader: str) -> str:
        return reader.removesuffix("-reader")

    # What people do

    @rule(reader=st.sampled_from(READERS), counter=st.integers(1, 12))
    def tap(self, reader: str, counter: int) -> None:
        before = len(self.site.events)
        self.site.badge(TAG, reader=reader, ms=self.boot_ms, counter=counter)
        answer = self.came(before, reader)
        if answer in LET_IN:
            assert counter > self.counter_max, "a copy was let in"
        else:
            assert answer == DenyReason.LANE_BUSY or counter <= self.counter_max, answer
        self.counter_max = max(self.counter_max, counter)

    @rule(reader=st.sampled_from(READERS), nonce=st.integers(0, 5))
    def show_pass(self, reader: str, nonce: int) -> None:
        before = len(self.site.events)
        text = issue(PHONE, real_ms=DAY_MS, random=lambda count: nonce.to_bytes(count, "big"))
        self.site.scan(text, reader=reader, ms=self.boot_ms)
        answer = self.came(before, reader)
        assert (answer in LET_IN) <= (nonce not in self.passes_used), "a copied pass was let in"
        assert answer in (*LET_IN, DenyReason.LANE_BUSY) or nonce in self.passes_used, answer
        if answer in LET_IN:
            self.passes_used.add(nonce)

    @rule(reader=st.sampled_from(READERS), code=st.integers(0, 1))
    def show_code(self, reader: str, code: int) -> None:
        before = len(self.site.events)
        self.site.scan(write_day_code(CODES[code]), reader=reader, ms=self.boot_ms)
        answer = self.came(before, reader)
        if answer == EventKind.GRANTED:
            assert code not in self.codes_spent, "a code let in twice"
            self.code_at[self.door(reader)] = code
            self.codes_spent.add(code)
        else:
            assert answer == DenyReason.LANE_BUSY or code in self.codes_spent, answer

    @rule(door=st.sampled_from(("lane1", "pool")))
    def go_through(self, door: str) -> None:
        line = {"lane1": "lane1-passage", "pool": "pool-contact"}[door]
        for active in (True, False):
            self.site.take(InputChanged(line, active, self.boot_ms * NS_PER_MS))
        self.code_at.pop(door, None)  # spent for good

    @rule(right=st.booleans())
    def enter_pin(self, right: bool) -> None:
        before = len(self.site.events)
        self.site.type("491730#" if right else "1111#", ms=self.boot_ms)
        answer = self.came(before, "lane1-reader")
        if answer in (*LET_IN, DenyReason.LANE_BUSY, DenyReason.WRONG_PIN):
            assert self.locked_at_ms is None or self.powered_ms - self.locked_at_ms >= LOCKOUT_S * 1_000, (
                "a lock-out was cut short"
            )
            if self.locked_at_ms is not None:
                self.locked_at_ms, self.wrong = None, 0
            self.wrong = self.wrong + 1 if answer == DenyReason.WRONG_PIN else 0
            assert self.wrong <= TRIES_MAX, "more guesses than the site allows"
            if self.wrong == TRIES_MAX:
                self.locked_at_ms = self.powered_ms
        else:
            assert answer == DenyReason.PIN_LOCKED and self.locked_at_ms is not None, answer
            assert min(self.boot_ms, self.powered_ms - self.locked_at_ms) < LOCKOUT_S * 1_000, "it ends by itself"

    # What time and trouble do

    @rule(wait_ms=st.sampled_from([1, 400, WINDOW_MS, 10_000, LOCKOUT_S * 1_000]))
    def wait(self, wait_ms: int) -> None:
        self.boot_ms += wait_ms
        self.powered_ms += wait_ms
        before = len(self.site.events)
        self.site.attendant.tick(self.boot_ms * NS_PER_MS)
        self.site.attendant.tidy(self.boot_ms * NS_PER_MS)
        for event in self.site.events[before:]:
            if event.kind is EventKind.GRANT_NOT_USED and event.door in self.code_at:
                self.codes_spent.discard(self.code_at.pop(event.door))

    @rule()
    def crash(self) -> None:
        self.site.memory._close()  # type: ignore[attr-defined]  # what was held is gone with the process
        self.site.memory = self.open()
        self.site.start()
        self.find_inputs()
        self.code_at.clear()  # a grant whose end nobody saw stays spent

    @precondition(lambda self: self.boots < 6)
    @rule()
    def power_cut(self) -> None:
        self.boots += 1
        self.boot_ms = 0
        self.site.boot_id = f"boot-{self.boots}"
        self.crash()


RUNS = settings(max_examples=100, stateful_step_count=40, deadline=None, derandomize=True)


def test_nothing_counts_twice() -> None:
    """A counter, a pass, a code lets in once; a lock-out is neither shortened nor endless; guesses are bounded."""
    run_state_machine_as_test(Life, settings=RUNS)


class WithoutCounters(DurableCredentialMemory):
    """Ablation: counters live in the process only."""

    def commit(self, facts: Sequence[Fact]) -> None:
        super().commit([fact for fact in facts if not isinstance(fact, CounterSeen)])
        for fact in facts:
            if isinstance(fact, CounterSeen):
                self.hold([fact])


class WithoutNonces(DurableCredentialMemory):
    """Ablation: passes are not remembered over a restart."""

    def commit(self, facts: Sequence[Fact]) -> None:
        super().commit([fact for fact in facts if not isinstance(fact, PassSeen)])
        for fact in facts:
            if isinstance(fact, PassSeen):
                self._ram.execute("INSERT INTO nonce VALUES (?, ?, ?)", (fact.name, fact.nonce, fact.until_ms))


class WithoutCodes(DurableCredentialMemory):
    """Ablation: a code is not reserved, at all."""

    def commit(self, facts: Sequence[Fact]) -> None:
        super().commit([fact for fact in facts if not isinstance(fact, CodeUsed)])


class WithoutLockouts(DurableCredentialMemory):
    """Ablation: wrong PINs live in the process only."""

    def commit(self, facts: Sequence[Fact]) -> None:
        super().commit([fact for fact in facts if not isinstance(fact, PinTried)])
        self._note_tries([fact for fact in facts if isinstance(fact, PinTried)])


class ForgivesAtAColdBoot(DurableCredentialMemory):
    """Ablation: a lock-out does not run again after a cold boot."""

    def tries(self, name: str) -> Tries | None:
        tries = super().tries(name)
        if tries is None or not tries.lockout_ms:
            return tries
        return Tries(tries.wrong, 1, tries.boot_id, tries.until_ns)


ABLATIONS = [WithoutCounters, WithoutNonces, WithoutCodes, WithoutLockouts, ForgivesAtAColdBoot]


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_each_memory_is_needed(ablation: type[DurableCredentialMemory]) -> None:
    """Switch one off and the property goes red."""
    body: dict[str, Any] = {"memory_class": ablation}
    quiet = settings(RUNS, max_examples=300, phases=[Phase.generate], print_blob=False, report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(type(f"Life{ablation.__name__}", (Life,), body), settings=quiet)
