"""The cloud as a program sees it: /api/v1 with an API key."""

from collections.abc import Iterator
from typing import Any

import httpx
from stories.process import StoryError, until


class CloudClient:
    """Asks and tells the cloud over HTTP; every refusal is a StoryError with the problem's own words."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url}/api/v1", headers={"Authorization": f"Bearer {api_key}"}, timeout=30
        )

    def get(self, path: str, **query: Any) -> Any:
        """GET as JSON."""
        return self._answer(self._http.get(path, params=query))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST as JSON."""
        return self._answer(self._http.post(path, json=body, headers=headers))

    def put(self, path: str, body: Any) -> Any:
        """PUT as JSON."""
        return self._answer(self._http.put(path, json=body))

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._answer(self._http.delete(path))

    def every(self, path: str, **query: Any) -> Iterator[Any]:
        """All items of a list, page after page."""
        after = 0
        while after is not None:
            page = self.get(path, limit=200, after=after, **query)
            yield from page["items"]
            after = page["next_after"]

    def business_ms(self) -> int:
        """What time it is for the gym."""
        return int(self.get("/clock")["business_ms"])

    def advance_to(self, business_ms: int, *, within_s: float = 300) -> None:
        """Turn the test clock forward and wait until everything due on the way is done."""
        job = self.post("/clock/advance", {"to_ms": business_ms})

        def done() -> bool:
            state = self.get(f"/clock/jobs/{job['id']}")
            if state["state"] == "failed":
                raise StoryError(f"the clock could not be turned: {state['error']}")
            return bool(state["state"] == "done")

        until("the clock has reached its target", done, within_s=within_s)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_error:
            raise StoryError(f"{response.request.method} {response.request.url.path}: {response.text[:500]}")
        return response.json() if response.content else None
