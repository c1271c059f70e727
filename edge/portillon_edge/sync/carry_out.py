"""Doing what a pure core asks for, in order; what fails stops the rest of its list."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from portillon_edge.errors import EdgeError

log = logging.getLogger(__name__)

EffectT = TypeVar("EffectT")
InputT = TypeVar("InputT")


def carry_out(
    effects: Sequence[EffectT],
    *,
    perform: Callable[[EffectT], Sequence[InputT]],
    handle: Callable[[InputT], Sequence[EffectT]],
) -> None:
    """Perform each effect; its answers go back into the core, and what that then asks for is done after this list.

    An effect that raises EdgeError is logged and ends its list: what was to follow might tell of it as done.
    """
    lists = deque([effects])
    while lists:
        for effect in lists.popleft():
            try:
                answers = perform(effect)
            except EdgeError as error:
                log.warning("%s not done: %s", type(effect).__name__, error)
                break
            lists.extend(handle(answer) for answer in answers)
