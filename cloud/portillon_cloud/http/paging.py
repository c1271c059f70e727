"""Pages of /api/v1 lists, by the id after which to go on: nothing is repeated or skipped while rows are added."""

from typing import Annotated, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, Field

LIMIT_MAX = 200
ID_MAX = 2**63 - 1

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most")]
After = Annotated[int, Query(ge=0, le=ID_MAX, description="`next_after` of the page before")]
Id = Annotated[int, Field(ge=1, le=ID_MAX)]
PathId = Annotated[int, Path(ge=1, le=ID_MAX)]


class Page(BaseModel, Generic[T]):
    """One page; `next_after` null: the last one."""

    items: list[T]
    next_after: int | None


def page_of(items: list[T], ids: list[int], limit: int) -> Page[T]:
    """The page of `items`, whose ids are `ids`, read with `limit + 1`."""
    more = len(items) > limit
    return Page(items=items[:limit], next_after=ids[limit - 1] if more else None)
