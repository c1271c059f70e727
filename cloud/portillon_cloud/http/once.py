"""The same request twice makes one: whoever did not hear the answer asks again under the same key, and is told it."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel
from sqlalchemy import Connection, select, update

from portillon_cloud.database.rows import insert_missing
from portillon_cloud.http.problem import conflict
from portillon_cloud.http.tables import answered_request
from portillon_cloud.identity.principal import Principal

Answer = TypeVar("Answer", bound=BaseModel)
OnceKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        description="Chosen by the caller: the same key is the same request, done once and answered alike, however"
        " often it is sent. Without it each request is another one",
    ),
]
RequestKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        description="Chosen by the caller: the same key is the same request, however often it is sent",
    ),
]
"""Of what is never asked without one; the record that is made keeps it, for as long as there is that record."""


def once(
    conn: Connection,
    who: Principal,
    key: str | None,
    asked: BaseModel,
    kind: type[Answer],
    make: Callable[[], Answer],
    *,
    real_ms: int,
) -> Answer:
    """What `make` answers; or, of a key that `who` has used, what was answered then, and nothing is made.

    What is refused leaves no trace of its key. Raises Problem 409: the key was used to ask something else.
    """
    if key is None:
        return make()
    column = answered_request.c
    key_hash = hashlib.sha256(f"{who.kind}:{who.id}:{key}".encode()).hexdigest()
    content = f"{type(asked).__name__} {asked.model_dump_json()}"
    content_hash = hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()
    # Whoever comes second waits here until the first has committed, or takes its place if it could not.
    insert_missing(
        conn,
        answered_request,
        ("organisation_id", "key_hash", "content_hash", "asked_at_real_ms"),
        [(who.organisation_id, key_hash, content_hash, real_ms)],
        unique=("organisation_id", "key_hash"),
    )
    ours = (column.organisation_id == who.organisation_id, column.key_hash == key_hash)
    row = conn.execute(select(column.content_hash, column.answer).where(*ours)).one()
    if row.content_hash != content_hash:
        raise conflict("This Idempotency-Key was used for another request; use a new one.", kind="key-used")
    if row.answer is not None:
        return kind.model_validate_json(row.answer)
    made = make()
    conn.execute(update(answered_request).where(*ours).values(answer=made.model_dump_json()))
    return made
