"""How fast and how slow a Wiegand reader may send, and what is made of it.

Makers state a pulse of 20 to 100 µs and an interval between pulses of 200 µs to 20 ms (Promag); the usual default is
100 µs and 1 ms (ZKTeco). Systems that end a frame after 10 or 15 ms cut slow readers' cards in two (uhppoted, authbox).
"""

US = 1_000
MS = 1_000_000

PULSE_NS_MIN = 20 * US
PULSE_NS_MAX = 100 * US
INTERVAL_NS_MIN = 200 * US
"""From one falling edge to the next."""
INTERVAL_NS_MAX = 20 * MS
USUAL_PULSE_NS = 100 * US
USUAL_INTERVAL_NS = 1 * MS

TOO_CLOSE_NS = INTERVAL_NS_MIN // 2
"""Falling edges closer than this are no two bits. Half the shortest interval: an interrupt may be dated late."""
FRAME_GAP_NS = 25 * MS
"""A longer silence ends a frame: 5 ms more than the longest interval, for an interrupt that is dated late."""
EVENT_QUEUE_EDGES = 1_024
"""The kernel's queue of one request: the most that GPIO v2 gives (16 × 64 lines). A card has some 26 to 48."""
STUCK_NS = 100 * MS
"""A data line that is low for this long carries no pulse: it is shorted, or the reader has no power."""
TAMPER_SETTLE_NS = 200 * MS
"""A tamper contact counts once it stood this long; IEC 60839-11-1 wants inputs of more than 400 ms to be told."""
LOOK_NS = 100 * MS
"""How often the levels of the lines are looked at, and how soon a reader stops."""
