"""From what a reader tells to who is let in or turned away, and why. Pure; the order of the checks is the promise:

1. a repeat at another reader of the same door is no badge (credentials/same_badge.py);
2. a kind that the reader does not take, a forged pass, a PIN that is missing, wrong or locked out: refused at once;
3. `decide`, on the row that the store has of the credential and what the gateway knows by itself (portillon_rules);
4. the visit that it takes, if visits are limited (visits/book.py), is reserved;
5. what may count once (credentials/once.py): refused as stale, replayed or used, else committed;
6. only then is somebody let in.
Nothing durable is touched for a card with nothing finite about it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from portillon_drivers.events import CredentialRead, KeyPressed, ReaderFault, TextScanned
from portillon_drivers.options import PinUse
from portillon_rules.credential import Credential, CredentialKind, SiteKey, credential_hash
from portillon_rules.decision import Denied, DoorView, Granted, Lookup, decide, pin_asked
from portillon_rules.entitlement import Entitlement
from portillon_rules.evidence import AT_THE_READER
from portillon_rules.local_facts import NO_LOCAL_FACTS
from portillon_rules.policy import SitePolicy
from portillon_rules.reason import DenyReason, GrantFlag

from portillon_edge.credentials.heard import Heard, PinEntered, Presented, Refused
from portillon_edge.credentials.listening import Listening
from portillon_edge.credentials.memory import CredentialMemory
from portillon_edge.credentials.once import Claim, claim_once, is_finite
from portillon_edge.credentials.pin_check import PinCheck
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.credentials.same_badge import SameBadge
from portillon_edge.domain.credential_facts import CodeFreed, CounterSeen, Fact
from portillon_edge.domain.events import EventKind, NewEvent, Way
from portillon_edge.domain.look_up import look_up
from portillon_edge.doors.company_watch import waits_ms
from portillon_edge.doors.local_side import Badge, LocalSide
from portillon_edge.doors.machine import Grant
from portillon_edge.doors.surroundings import Clockwork, Door, Entitlements, EventLog, Outputs
from portillon_edge.errors import MemoryUnwritable
from portillon_edge.visits.book import Reserved

DURESS_ALARM = "duress"
"""The `reason` of the alarm event. Nothing at the lane shows it."""


@dataclass(frozen=True, slots=True)
class LetIn:
    """Release for this grant; then write `alarms` down and keep `facts`."""

    door: Door
    grant: Grant
    at_ns: int
    alarms: tuple[NewEvent, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnAway:
    """Write the denial down; then `alarms`, and keep `facts`.

    `language`: the one to say it in; `waits_ms`: for how long they wait there for somebody else, None: they do not.
    """

    denial: NewEvent
    alarms: tuple[NewEvent, ...] = ()
    facts: tuple[Fact, ...] = ()
    language: str | None = None
    waits_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AskPin:
    """The card is known, and its PIN is waited for: ask for it, in that language."""

    door: Door
    reader: str
    language: str | None


Verdict = LetIn | TurnAway | AskPin | ReaderFault
ClosedFor = Callable[[Door, int], DenyReason | None]
"""Why a door takes nobody at that instant, whatever the card."""


class Admission:
    """At all doors of one gateway. Used by one thread only."""

    def __init__(
        self,
        doors: Iterable[Door],
        *,
        keys: Sequence[SiteKey],
        entitlements: Entitlements,
        clockwork: Clockwork,
        outputs: Outputs,
        log: EventLog,
        memory: CredentialMemory,
        readers: Mapping[str, ReaderRules],
        closed_for: ClosedFor,
        local: LocalSide,
    ) -> None:
        doors = tuple(doors)
        self._by_reader = {reader: door for door in doors for reader in door.readers}
        self._keys = keys
        self._entitlements = entitlements
        self._clockwork = clockwork
        self._outputs = outputs
        self._log = log
        self._memory = memory
        self._closed_for = closed_for
        self._local = local
        self._listening = Listening(readers)
        self._pins = PinCheck(memory, find=lambda credential: self._look_up(credential)[1], names=self._names)
        self._badges = {
            door.name: SameBadge(max(self._listening.rules(reader).hold_off_ms for reader in door.readers))
            for door in doors
        }

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` has something to say."""
        return self._listening.deadline_ns

    def hear(self, event: CredentialRead | TextScanned | KeyPressed) -> list[Verdict]:
        """What comes of one event of a reader."""
        return self._answers(self._listening.hear(event))

    def tick(self, now_ns: int) -> list[Verdict]:
        """What comes of nothing but time having passed."""
        return self._answers(self._listening.tick(now_ns))

    def keep(self, facts: Sequence[Fact]) -> None:
        """Write down what nobody has to wait for."""
        if not facts:
            return
        try:
            self._memory.commit(facts)
        except MemoryUnwritable:
            self._memory.hold(facts)  # the memory itself raises the alarm

    def not_used(self, grant: Grant) -> None:
        """Nobody passed on this grant."""
        self.keep([CodeFreed(name) for name in grant.reserved])
        self._local.not_used(self._by_reader[grant.reader], grant)

    def badged_again(self, grant: Grant) -> None:
        """Its holder badged again before passing: what the second badge reserved is the first one's."""
        self._local.free(grant.visits)

    def _answers(self, heard: Sequence[Heard]) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for one in heard:
            match one:
                case Presented():
                    verdicts += self._told(one)
                case PinEntered():
                    verdicts.append(self._pin_entered(one))
                case Refused():
                    verdicts.append(self._refused(one))
                case ReaderFault():
                    verdicts.append(one)
                case _:
                    assert_never(one)
        return verdicts

    def _told(self, presented: Presented) -> list[Verdict]:
        door = self._by_reader[presented.reader]
        rules = self._listening.rules(presented.reader)
        if self._badges[door.name].repeats(
            presented.card,
            presented.reader,
            presented.at_ns,
            hold_off_ms=rules.hold_off_ms,
            busy=door.machine.busy,
        ):
            if presented.counter is not None:
                self._memory.hold([CounterSeen(n, presented.counter) for n in self._names(presented.card)])
            return []
        hashed, row = self._look_up(presented.credential)
        if isinstance(row, Entitlement) and (rules.pin is PinUse.WITH_CARD or self._pin_hours(door, presented)):
            before = self._answers(self._listening.wait_for_pin(presented))
            return [*before, AskPin(door, presented.reader, row.language)]
        return [self._decided(presented, hashed, row)]

    def _pin_hours(self, door: Door, presented: Presented) -> bool:
        """Whether whoever enters now needs a PIN with their card."""
        if door.way(presented.reader) is Way.EXIT:
            return False
        return pin_asked(door.name, self._entitlements.site_rules(), self._clockwork.at(presented.at_ns))

    def _pin_entered(self, entered: PinEntered) -> Verdict:
        rules = self._listening.rules(entered.reader)
        synced = self._entitlements.site_rules().policy is not None
        judged = self._pins.judge(entered, rules, self._clockwork.stamp(entered.at_ns), synced=synced)
        if isinstance(judged, Refused):
            return self._refused(judged)
        return self._decided(judged, *self._look_up(judged.credential))

    def _refused(self, refused: Refused) -> Verdict:
        self.keep(refused.facts)
        hashed, member, language = None, refused.member, None
        if refused.card is not None:
            hashed, row = self._look_up(refused.card)
            if isinstance(row, Entitlement):
                member, language = member or row.member, row.language
        denial = self._event(
            EventKind.DENIED, refused, hashed, member, reason=refused.reason, detail=str(AT_THE_READER)
        )
        alarm = self._event(EventKind.ALARM, refused, hashed, member, reason=DURESS_ALARM)
        return TurnAway(denial, (alarm,) if refused.duress else (), language=language)

    def _decided(self, presented: Presented, hashed: str, row: Lookup) -> Verdict:
        door = self._by_reader[presented.reader]
        site = self._entitlements.site_rules()
        time = self._clockwork.at(presented.at_ns)
        way = door.way(presented.reader)
        badge = None
        if isinstance(row, Entitlement):
            badge = Badge(
                door=door,
                way=way,
                credential=hashed,
                row=row,
                site=site,
                time=time,
                at_ns=presented.at_ns,
                pin_shown=presented.credential != presented.card or presented.credential.kind is CredentialKind.PIN,
            )
        facts = NO_LOCAL_FACTS if badge is None else self._local.facts(badge)
        outcome = decide(
            lookup=row,
            door=DoorView(
                name=door.name,
                zone=door.zone,
                busy=door.machine.busy_for(hashed),
                journal_writable=self._log.writable,
                output_available=self._outputs.available(door.released_by(way)),
                leaving=way is Way.EXIT,
                closed_for=self._closed_for(door, presented.at_ns),
            ),
            site=site,
            time=time,
            local=facts,
        )
        reserved = Reserved()
        if badge is not None and isinstance(outcome, Granted):
            reserved = self._local.reserve(badge, facts)
            if reserved.reason is not None:
                visits = replace(outcome.evidence, rule="visits", row=f"visits/{badge.row.member}")
                outcome = Denied(reserved.reason, badge.row.member, visits)
        outcome, seen = self._once(presented, row, outcome, site.policy)
        if badge is not None:
            self._local.answered(badge, outcome)
        duress = isinstance(row, Entitlement) and row.duress
        match outcome:
            case Granted(member, flags):
                self._badges[door.name].passes(presented.card, presented.reader)
                grant = Grant(
                    member=member,
                    credential=hashed,
                    reader=presented.reader,
                    flags=tuple(dict.fromkeys((*flags, *reserved.flags))),
                    reserved=self._names(presented.credential) if _single_use(row) else (),
                    visits=reserved.reservation,
                    way=way,
                    long_access=isinstance(row, Entitlement) and row.long_access,
                    first_person=isinstance(row, Entitlement) and row.first_person,
                    evidence=str(outcome.evidence),
                    language=_language(row),
                )
                return LetIn(
                    door, grant, presented.at_ns, self._alarms(duress, presented, hashed, member), presented.facts
                )
            case Denied(reason, denied):
                self._local.free(reserved.reservation)
                evidence = str(outcome.evidence)
                denial = self._event(EventKind.DENIED, presented, hashed, denied, reason=reason, detail=evidence)
                alarms = self._alarms(duress, presented, hashed, denied)
                return TurnAway(
                    denial,
                    alarms,
                    (*presented.facts, *seen),
                    language=_language(row),
                    waits_ms=waits_ms(reason, site.doors.get(door.name)),
                )

    def _once(
        self, presented: Presented, row: Lookup, outcome: Granted | Denied, policy: SitePolicy | None
    ) -> tuple[Granted | Denied, tuple[Fact, ...]]:
        """The outcome after what may count once; and what is to be remembered though it lets nobody in."""
        if policy is None or not isinstance(row, Entitlement) or not is_finite(presented, row):
            return outcome, ()
        claim = self._claim(presented, row)
        if isinstance(outcome, Granted):
            once = claim_once(claim, outcome, policy=policy, memory=self._memory)
            used = replace(outcome.evidence, rule="once")
            outcome = once if isinstance(once, Granted) else Denied(once, row.member, used)
        forgettable = isinstance(outcome, Granted) or outcome.reason is DenyReason.COUNTER_REPLAYED
        return outcome, () if forgettable else claim.seen

    def _claim(self, presented: Presented, row: Entitlement) -> Claim:
        return Claim(
            presented=presented,
            row=row,
            card_names=self._names(presented.card),
            row_names=self._names(presented.credential),
            read_at=self._clockwork.stamp(presented.read_ns),
        )

    def _alarms(self, duress: bool, heard: Presented, hashed: str, member: str | None) -> tuple[NewEvent, ...]:
        return (self._event(EventKind.ALARM, heard, hashed, member, reason=DURESS_ALARM),) if duress else ()

    def _event(
        self,
        kind: EventKind,
        heard: Presented | Refused,
        hashed: str | None,
        member: str | None,
        *,
        reason: str,
        detail: str | None = None,
    ) -> NewEvent:
        door = self._by_reader[heard.reader]
        return NewEvent(
            kind=kind,
            at=self._clockwork.stamp(heard.at_ns),
            door=door.name,
            reader=heard.reader,
            credential=hashed,
            member=member,
            reason=reason,
            detail=detail,
            way=door.way_of.get(heard.reader),
            flags=(GrantFlag.DURESS,) if kind is EventKind.ALARM else (),
        )

    def _look_up(self, credential: Credential) -> tuple[str, Lookup]:
        return look_up(credential, keys=self._keys, lookup=self._entitlements.lookup)

    def _names(self, credential: Credential) -> tuple[str, ...]:
        """Under every key that is in force, so that nothing is forgotten while keys are rotated."""
        return tuple(credential_hash(credential, key) for key in self._keys)


def _language(row: Lookup) -> str | None:
    return row.language if isinstance(row, Entitlement) else None


def _single_use(row: Lookup) -> bool:
    return isinstance(row, Entitlement) and row.single_use
