"""Every page and form that somebody signed in can open, with fields filled in by what they are."""

import datetime
import pkgutil
import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from portillon_cloud.web import pages
from portillon_cloud.web.visit import visit


@dataclass(frozen=True, slots=True)
class Call:
    """One request: a GET, or a form that is sent."""

    method: str
    path: str
    fields: dict[str, str]


def calls(*, ids: int, today: datetime.date, csrf: str) -> Iterator[tuple[str, list[Call]]]:
    """For each route of the signed-in its calls, each with another id from 1 on; odd ones leave out what they may."""
    for found in pkgutil.iter_modules(pages.__path__):
        router = getattr(import_module(f"{pages.__name__}.{found.name}"), "router", None)
        for route in router.routes if router else ():
            if isinstance(route, APIRoute) and _for_the_signed_in(route) and route.path != "/sign-out":
                for method in sorted(route.methods):
                    made = [_call(route, method, number, today, csrf) for number in range(1, ids + 1)]
                    yield f"{method} {route.path}", made


def _for_the_signed_in(route: APIRoute) -> bool:
    return any(one.call is visit for one in _nested(route.dependant))


def _nested(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for one in dependant.dependencies:
        yield from _nested(one)


def _call(route: APIRoute, method: str, number: int, today: datetime.date, csrf: str) -> Call:
    path, every = route.path, list(_nested(route.dependant))
    for field in (one for each in every for one in each.path_params):
        path = path.replace(f"{{{field.alias}}}", _value(field, number, today))
    asked = [one for each in every for one in (each.query_params if method == "GET" else each.body_params)]
    sent = [one for one in asked if one.field_info.is_required() or number % 2 == 0]
    fields = {one.alias: _value(one, number, today) for one in sent}
    return Call(method, path, {**fields, "csrf": csrf} if method == "POST" else fields)


def _value(field: Any, number: int, today: datetime.date) -> str:
    """Something that the field takes; a number is one of the other's ids."""
    name, kind = field.alias, _plain(field.field_info.annotation)
    if name == "gateway_id":
        return f"gw-{number}"
    if get_origin(kind) is Literal:
        return str(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return str(next(iter(kind)).value)
    if kind is bool:
        return "true"
    if kind in (int, float):
        return str(number)
    if kind is datetime.date:
        return str(today + datetime.timedelta(days=30))
    return _text(field.field_info.metadata, number, today)


def _plain(kind: Any) -> Any:
    """Without what it is wrapped in."""
    while get_origin(kind) in (Annotated, Union, types.UnionType, list, tuple):
        kind = next(one for one in get_args(kind) if one is not type(None))
    return kind


def _text(rules: Sequence[Any], number: int, today: datetime.date) -> str:
    pattern = next((one.pattern for one in rules if getattr(one, "pattern", None)), "")
    least = max((one.min_length for one in rules if getattr(one, "min_length", None)), default=0)
    most = min((one.max_length for one in rules if getattr(one, "max_length", None)), default=999)
    some = (str(number), str(today + datetime.timedelta(days=30)), "12.00", "Nora Roy", f"request-{number}-{today}")
    turned = (*some[number:], *some[:number])
    tried = (*turned, f"{today:%Y-%m}", f"{today}T10:00", *re.findall(r"\w+", pattern), "")
    fits = (one for one in tried if least <= len(one) <= most and re.search(pattern, one))
    return next(fits, some[0])
