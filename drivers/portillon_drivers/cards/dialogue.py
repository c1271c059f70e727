"""Talking with a card without knowing the reader: a dialogue yields commands (APDUs) and is sent the card's answers.

    def dialogue() -> Dialogue[bytes]:
        answer = yield command  # the answer's last two bytes are the status word
        return answer[:-2]

The same dialogue runs over a PN532, an emulated card or a list in a test.
"""

from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

from portillon_drivers.cards.errors import CardProtocolError as CardProtocolError

T = TypeVar("T")
Dialogue: TypeAlias = Generator[bytes, bytes, T]
"""Yields one command at a time, gets the whole answer to it (data and two bytes of status), returns what it found."""
Exchange: TypeAlias = Callable[[bytes], bytes]
"""Sends one command to the card in the field; its answer. Raises what the reader raises when the card has left."""
EXCHANGES_MAX = 256
"""No dialogue of ours needs more; a card that makes one go on for ever is given up."""


def run_dialogue(dialogue: Dialogue[T], exchange: Exchange) -> T:
    """What `dialogue` finds out over `exchange`, whose own errors pass through after the dialogue has been closed.

    Raises whatever the dialogue raises (CardProtocolError, NotGenuine...).
    """
    answer: bytes | None = None
    try:
        for _ in range(EXCHANGES_MAX):
            # A generator starts by being sent None, which its type cannot say.
            command = next(dialogue) if answer is None else dialogue.send(answer)
            answer = exchange(command)
    except StopIteration as end:
        found: T = end.value
        return found
    finally:
        dialogue.close()
    raise CardProtocolError(f"the card was asked {EXCHANGES_MAX} times and there is still no end; take it away")
