"""One scanned code, character by character, and whether it counts. Pure; serial and keyboard scanners share it.

A code has an end (CR, ENTER) and no beginning. So whatever went wrong inside one spoils everything up to its end: the
rest of a torn code must not pass for a code of its own.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff

AIM_IDENTIFIER_CHARS = 3
"""`]`, a letter for the kind of code, and a modifier (ISO/IEC 15424)."""
FORGET_NS = 2_000_000_000
"""No scanner pauses this long inside a code: what came before was a glitch, what comes now is a new code."""
CODES_PER_S_MAX = 20
"""Nobody shows more different codes in a second; a scanner that tells more is fed by no person."""
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRules:
    """What a scanner puts around its codes, and their bounds."""

    prefix: bytes = b""
    aim_identifier: bool = False
    tail: bytes = b""
    """What stands between a code and the character that ends it."""
    chars_max: int
    gap_ns: int


class CodeText:
    """Collects one code at a time in bounded memory; told codes are printable ASCII and not empty."""

    def __init__(self, rules: CodeRules, hold_off: HoldOff) -> None:
        self._rules = rules
        self._hold_off = hold_off
        around = len(rules.prefix) + len(rules.tail) + AIM_IDENTIFIER_CHARS * rules.aim_identifier
        self._bytes_max = rules.chars_max + around
        self._bytes = bytearray()
        self._spoilt = False
        self._dropped = 0
        self._last_code = ""
        self._new_codes_ns: deque[int] = deque(maxlen=CODES_PER_S_MAX)

    def add(self, byte: int) -> Iterator[FrameFault]:
        """One more character of the code."""
        if self._spoilt:
            self._dropped += 1
        else:
            self._bytes.append(byte)
        if max(len(self._bytes), self._dropped) > self._bytes_max:
            self._drop()
            yield FrameFault(
                ReaderFaultKind.TOO_LONG,
                f"{self._rules.chars_max} characters and no end: check `suffix`, and `baud` on a serial line",
            )

    def spoil(self, fault: FrameFault) -> Iterator[FrameFault]:
        """Something went wrong: what came and what still comes of this code is dropped. Told once per code."""
        if not self._spoilt:
            yield fault
        self._drop()

    def quiet(self, for_ns: int) -> Iterator[FrameFault]:
        """Nothing came for this long; a negative time is a clock that jumped."""
        if for_ns > FORGET_NS:
            yield from self.break_off()
        elif not 0 <= for_ns <= self._rules.gap_ns and self._bytes:
            yield from self.spoil(self._truncated())

    def break_off(self) -> Iterator[FrameFault]:
        """What was begun will not be finished: the line was lost, or stood still for long."""
        if self._bytes:
            yield self._truncated()
        self._begin()

    def end(self, at_ns: int) -> Iterator[str | FrameFault]:
        """The code is whole; yields it unless it was spoilt, is empty, or is held off."""
        code, spoilt = bytes(self._bytes), self._spoilt
        self._begin()
        if spoilt or not code:
            return
        text = self._text(code)
        if isinstance(text, FrameFault):
            yield text
        elif not self._shown_by_a_person(text, at_ns):
            yield FrameFault(ReaderFaultKind.NOISE, f"more than {CODES_PER_S_MAX} different codes in a second")
        elif self._hold_off.passes(text, at_ns):
            yield text

    def _text(self, code: bytes) -> str | FrameFault:
        rules = self._rules
        if not (code.startswith(rules.prefix) and code.endswith(rules.tail)):
            return _malformed("a code without the `prefix` or the `suffix` that the configuration names")
        code = code[len(rules.prefix) : len(code) - len(rules.tail)]
        if rules.aim_identifier:
            identifier, code = code[:AIM_IDENTIFIER_CHARS], code[AIM_IDENTIFIER_CHARS:]
            if not (identifier[:1] == b"]" and len(identifier) == AIM_IDENTIFIER_CHARS and identifier[1:].isalnum()):
                return _malformed("a code without an AIM identifier: let the scanner send it, or remove aim_identifier")
        if not code:
            return _malformed("nothing between what stands around a code")
        if not all(0x20 <= byte <= 0x7E for byte in code):
            return _malformed("characters beyond printable ASCII: check `suffix`, and `baud` on a serial line")
        return code.decode("ascii")

    def _shown_by_a_person(self, text: str, at_ns: int) -> bool:
        # The same code again and again is a scanner that reads without pause, which the hold-off deals with.
        if text != self._last_code:
            full = len(self._new_codes_ns) == CODES_PER_S_MAX
            if full and at_ns - self._new_codes_ns[0] < _SECOND_NS:
                return False
            self._new_codes_ns.append(at_ns)
            self._last_code = text
        return True

    def _truncated(self) -> FrameFault:
        return FrameFault(ReaderFaultKind.TRUNCATED, f"a code broke off after {len(self._bytes)} characters")

    def _drop(self) -> None:
        self._bytes.clear()
        self._spoilt = True
        self._dropped = 0

    def _begin(self) -> None:
        self._drop()
        self._spoilt = False


def _malformed(detail: str) -> FrameFault:
    return FrameFault(ReaderFaultKind.MALFORMED, detail)
