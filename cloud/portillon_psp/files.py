"""Files that show something to a bank: their names and sizes are kept, not what stands in them."""

from typing import Any

from portillon_psp.behaviours import DAY_S
from portillon_psp.books import Book
from portillon_psp.errors import InvalidRequestError
from portillon_psp.params import Params

BYTES_MOST = 5_000_000
KEPT_S = 240 * DAY_S
TYPES = {"pdf": "%PDF-", "jpg": "\xff\xd8\xff", "png": "\x89PNG"}
"""What evidence may be, by how it begins."""


def create(book: Book, given: Params) -> dict[str, Any]:
    """POST /v1/files, for evidence alone."""
    purpose, file = given.text("purpose"), given.group("file")
    given.done()
    if purpose != "dispute_evidence":
        raise InvalidRequestError(f"this simulator takes no file for {purpose}", param="purpose")
    size, begins = int(file.get("size", "0")), str(file.get("begins", ""))
    found = next((name for name, begin in TYPES.items() if begins.startswith(begin)), None)
    if found is None or not 0 < size <= BYTES_MOST:
        raise InvalidRequestError("evidence is a PDF, JPEG or PNG of at most 5 MB", param="file")
    made: dict[str, Any] = {
        "id": book.new_id("file"),
        "object": "file",
        "created": book.now_s,
        "expires_at": book.now_s + KEPT_S,
        "filename": str(file.get("name", "blob")),
        "links": {"object": "list", "data": [], "has_more": False, "url": "/v1/file_links"},
        "purpose": purpose,
        "size": size,
        "title": None,
        "type": found,
        "url": None,
    }
    book.put(made)
    return made
