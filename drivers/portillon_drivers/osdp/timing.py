"""The panel's times, and the arithmetic behind them. Pure. Nanoseconds, from the standard where it says so.

One exchange takes the bus: a poll and its answer are about 30 bytes, 31 ms at 9600 Bd and 3 ms at 115200 Bd. A reader
that does not answer costs a whole wait instead, so silence is what the others must be protected from:

* The first silence is resent at once (after the others had their turn); noise costs no more than that.
* From the second silence on, the reader is asked once in `PROBE_NS`, and only after every other reader that wanted the
  bus had it since. A probe takes the bus for at most 200 ms, its own bytes included. So no exchange of another reader
  waits behind more than one probe (p99: at most 200 ms more), and at most 200 of 550 ms are lost (p50: at the worst the
  78th percentile of before, which is under twice the median of what is evenly spread).
* Mostly it costs far less: a reader that has answered before is waited for twice its slowest turn-round and 30 ms more,
  one that never has, 60 ms after four full waits; its answer's time on the wire comes on top of both. Every eighth
  probe waits in full, for the reader that became slow.
* With k silent readers, probes together take at most 36 % of the bus while anybody else is alive.

Back in service: at worst `PROBE_NS`, one round of the others, and a greeting of four exchanges and a poll in one go
(330 bytes: 345 ms at 9600 Bd, 29 ms at 115200 Bd): under a second for one reader, 16 readers at 9600 Bd included. A
reader cut off for less than `RESEND_NS` needs no greeting. A whole bus that returns is greeted one after the other.
"""

MS = 1_000_000
REPLY_NS = 200 * MS
"""A reader must begin its answer within this (v2.2, clause 5.7)."""
OFFLINE_NS = 8_000 * MS
"""Both sides call the other gone after this long without a valid message (v2.2, clause 5.7)."""
GAP_NS = 50 * MS
"""A frame under way whose next byte is this late has broken off; 20 ms by the standard, and a stalled host."""
QUIET_NS = 20 * MS
"""After a corrupt answer: so long a silence, and the line is free to ask again."""
POLL_NS = 20 * MS
"""The shortest time from one poll of a reader to the next; the standard suggests 50 ms, libosdp for speed 20."""
PROBE_NS = 550 * MS
RESEND_NS = 2_000 * MS
"""So long a lost poll is repeated as it was; then the session is begun anew."""
PROBE_ANSWER_BYTES = 45
"""The answer to a challenge (CCRYPT), the longest that a probe calls for."""
PROBE_SHARE = 1.75
"""After a probe, the others have the bus for this many times what it took."""
LEARNED_MARGIN_NS = 30 * MS
UNKNOWN_WAIT_NS = 60 * MS
FULL_WAITS_FIRST = 4
FULL_WAIT_EVERY = 8
BUSY_NS = 50 * MS
"""A busy reader is asked again after this."""
BUSY_NS_MAX = 3_000 * MS
"""A reader that is busy for longer is greeted anew."""
REST_NS = 2_000 * MS
"""A reader that was refused is asked again after this: it may have been exchanged or commissioned."""
COMMAND_WAIT_NS = 5_000 * MS
"""A command that could not be sent for this long is dropped: no door may open that long after it was asked to."""
TRIES_MAX = 4
"""One message is sent so often at most while answers come back corrupt."""
IDLE_WAKE_NS = 1_000 * MS


def wire_ns(length_bytes: int, baud: int) -> int:
    """How long so many bytes take on the wire, 8N1: ten bits each."""
    return length_bytes * 10 * 1_000_000_000 // baud
