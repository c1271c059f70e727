"""What a technician reads when a section is wrong: the key, what is wrong with it, and what to do. Pure."""

import difflib
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]


def problems_of(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """One line per error that pydantic found in a section of that model."""
    details = error.errors(include_url=False)
    for detail in details:
        # A list whose items are wrong is also called too short: that accuses nobody of anything new.
        within = [
            other for other in details if other is not detail and other["loc"][: len(detail["loc"])] == detail["loc"]
        ]
        if not (detail["type"] == "too_short" and within):
            yield _problem(detail, model)


def _problem(detail: ErrorDetails, model: type[BaseModel]) -> str:
    owner, key = _resolve(model, detail["loc"])
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    field = owner.model_fields.get(last)
    meaning = f": {field.description}" if field is not None and field.description else ""
    if detail["type"] == "missing":
        return f"{key}: is missing; add it{meaning}"
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(last, owner.model_fields, 1)
        return f"{key}: is no known key; {f'did you mean {near[0]}?' if near else 'remove it'}"
    given = detail["input"]
    shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{key}: {detail['msg'].removeprefix('Value error, ')}{shown}{meaning}"


def _resolve(model: type[BaseModel], location: Location) -> tuple[type[BaseModel], str]:
    """The model that owns the last key, and the key as the file spells it."""
    owner, key = model, ""
    choices: tuple[type[BaseModel], ...] = ()
    for part in location:
        by_kind = {name: choice for choice in choices for name in get_args(choice.model_fields["kind"].annotation)}
        if part in by_kind:  # pydantic names the kind of door; the file does not
            owner, choices = by_kind[part], ()
        elif isinstance(part, int):
            key += f"[{part}]"
        else:
            key += f".{part}" if key else part
            field = owner.model_fields.get(part)
            models = _models_in(field.annotation) if field is not None and part != location[-1] else ()
            owner, choices = (models[0], ()) if len(models) == 1 else (owner, models)
    return owner, key


def _models_in(annotation: object) -> tuple[type[BaseModel], ...]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(model for argument in get_args(annotation) for model in _models_in(argument))
