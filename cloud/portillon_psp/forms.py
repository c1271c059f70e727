"""Parameters as Stripe's clients send them: a form whose names nest, `metadata[ref]=x` and `types[0]=card`."""

import re
from collections.abc import Iterable
from typing import Any

from portillon_psp.errors import InvalidRequestError

_PART = re.compile(r"\[([^\[\]]*)\]")
DEEPEST = 5


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The form as a tree of dicts and lists. Raises InvalidRequestError for names that contradict each other."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        head, *rest = _path(name)
        _put(tree, [head, *rest], value, name)
    return {name: _listed(value) for name, value in tree.items()}


def _path(name: str) -> list[str]:
    head, _, rest = name.partition("[")
    parts = _PART.findall("[" + rest) if rest else []
    if not head or len(parts) > DEEPEST or (rest and head + "".join(f"[{part}]" for part in parts) != name):
        raise InvalidRequestError(f"the parameter {name[:60]!r} cannot be read", param=name[:60])
    return [head, *parts]


def _put(tree: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise InvalidRequestError(f"{name[:60]!r} is given both as a value and as a group", param=name[:60])
    last = path[-1] or str(len(tree))
    if isinstance(tree.get(last), dict):
        raise InvalidRequestError(f"{name[:60]!r} is given both as a value and as a group", param=name[:60])
    tree[last] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
