"""Calls of /api/v1 that schemathesis makes from its document, over a gym that is as it was before each operation."""

import json
import re
import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import schemathesis
from cloud.web.conftest import TestClient
from httpx import Response
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from portillon_cloud.database import Database
from portillon_cloud.web.app import create_app
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

# Not among them: whether valid data is taken. A form that is right may name what is not there, and be refused for it.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
GOOD, BAD = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NAMES = {"door": ("lane-1", "lane-2"), "zone": ("gym",), "reason": ("parked", "suspended"), "name": ("always",)}


schemathesis.serializer.alias("application/pdf", "application/octet-stream")


@dataclass
class Api:
    """The application over a file that can be put back to what it was."""

    services: Any
    seeded: Path
    folder: Path
    key: str
    today: date
    count: int = 0
    operations: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        app = create_app(self.services)
        self.client = TestClient(app)
        document = json.loads(app.state.openapi)
        for methods in document["paths"].values():
            for operation in methods.values():
                operation.pop("security", None)  # every call shows its key; that one is asked for: test_api.py
        _without_tuples(document)
        self.operations = [one.ok() for one in schemathesis.openapi.from_dict(document).get_all_operations()]

    def put_back(self) -> None:
        """Every row as it was seeded."""
        self.services.db.close()
        self.count += 1
        copy = self.folder / f"{self.count}.db"
        shutil.copy(self.seeded, copy)
        self.services.db = Database(f"sqlite:///{copy}")
        (self.folder / f"{self.count - 1}.db").unlink(missing_ok=True)

    def cases(
        self, operation: Any, *, mode: Any, examples: int, seed: bool = False, always_near: bool = False
    ) -> list[Any]:
        """So many calls of an operation; `seed`: other calls each time; `always_near`: with ids that are there."""
        made: list[Any] = []

        @settings(
            max_examples=examples, database=None, derandomize=not seed, deadline=None, verbosity=Verbosity.quiet,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(mode), st.data())
        def make(case: Any, data: Any) -> None:
            if mode is GOOD and (always_near or data.draw(st.integers(0, 3))):
                _make_nearer(case, data.draw, self.today)
            made.append(case)

        with suppress(Unsatisfiable):  # nothing about it can be wrong
            make()
        return made

    def answer_of(self, case: Any) -> Response:
        """What the application says to it."""
        sent = case.as_transport_kwargs(base_url="http://testserver")
        given = {name: sent[name] for name in ("method", "url", "params", "json") if name in sent}
        if "data" in sent and sent["data"] is not None:
            given["content"] = sent["data"]
        headers = {name: value.encode("latin-1") for name, value in sent.get("headers", {}).items()}
        headers["authorization"] = f"Bearer {self.key}".encode()
        return self.client.request(**given, headers=headers)

    def faults(self, operation: Any, *, mode: Any, examples: int, seed: bool) -> Iterator[str]:
        """What is wrong with the answers to so many calls, each kind of it once."""
        found: dict[str, str] = {}
        for case in self.cases(operation, mode=mode, examples=examples, seed=seed):
            fault = self._fault_of(case)
            if fault is not None:
                found.setdefault(fault.split("\n", 1)[0], fault)
        yield from found.values()

    def _fault_of(self, case: Any) -> str | None:
        told = f"{case.method} {case.formatted_path} {case.query or ''} {case.body!r:.2000}"
        try:
            answer = self.answer_of(case)
        except Exception as error:  # noqa: BLE001 - whatever the server let escape is the finding
            last = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__} at {last.filename}:{last.lineno}: {str(error)[:300]}\n{told}"
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            kinds = ", ".join(sorted({type(one).__name__ for one in group.exceptions}))
            if kinds == "AcceptedNegativeData" and _reads_as_number(case.body):
                return None
            return f"{kinds} of {answer.status_code}\n{told}\n{group}"
        return None


def _reads_as_number(value: Any) -> bool:
    """Whether it has a `true` or a "1" in it: both are read as numbers, as programs in other languages send them."""
    if isinstance(value, dict | list):
        return any(_reads_as_number(one) for one in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, bool) or (isinstance(value, str) and value.strip().lstrip("-").isdecimal())


def _without_tuples(node: Any) -> None:
    """schemathesis 4.32 reads `prefixItems` below `items` of an answer as the array form of `items`, and stumbles."""
    if isinstance(node, dict):
        if "prefixItems" in node:
            node["items"] = {"anyOf": node.pop("prefixItems")}
        for one in node.values():
            _without_tuples(one)
    elif isinstance(node, list):
        for one in node:
            _without_tuples(one)


def _make_nearer(case: Any, draw: Callable[..., Any], today: date) -> None:
    """Ids and dates that may well be there: what is made up altogether gets no further than the first look-up."""
    for holder in (case.path_parameters, case.query):
        for name, value in list((holder or {}).items()):
            holder[name] = _nearer(name, value, draw, today)
    if isinstance(case.body, dict | list):
        case.body = _nearer("", case.body, draw, today)


def _nearer(name: str, value: Any, draw: Callable[..., Any], today: date) -> Any:
    if isinstance(value, dict):
        return {key: _nearer(key, one, draw, today) for key, one in value.items()}
    if isinstance(value, list):
        return [_nearer(name.removesuffix("s"), one, draw, today) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_id"):
        return draw(st.integers(1, 4))
    if isinstance(value, str) and _DATE.fullmatch(value):
        return str(today + timedelta(days=draw(st.integers(-70, 400))))
    if isinstance(value, str) and name == "gateway_id":
        return "gw-1"
    if isinstance(value, str) and name in _NAMES:
        return draw(st.sampled_from(_NAMES[name]))
    return value
