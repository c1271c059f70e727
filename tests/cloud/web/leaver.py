"""A member with a link, who clicks: what stands on a page is all that they know."""

import datetime
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from cloud.billing.lawful_gym import LawfulGym
from cloud.gym import Joined
from portillon_cloud.billing.exit_link import Purpose
from starlette.testclient import TestClient


class _FirstForm(HTMLParser):
    """The first form of a page: where it goes, what is filled in already, and its button."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.button = ""
        self._open = self._in_button = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action, self._open = html.unescape(said["action"]), True
        if self._open and tag == "input":
            self.fields[said["name"]] = said.get("value", "")
        self._in_button = self._open and tag == "button"

    def handle_data(self, data: str) -> None:
        if self._in_button:
            self.button += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_button = self._in_button and tag != "button"
        self._open = self._open and tag != "form"


@dataclass
class Leaver:
    """Counts clicks; a redirect is none."""

    client: TestClient
    gym: LawfulGym
    joined: Joined
    clicks: list[str] = field(default_factory=list)
    page: str = ""
    status: int = 0

    def link(self, *, days: int = 30) -> str:
        made = self.gym.links.link(
            self.gym.gym.organisation_id,
            self.joined.subscription_id,
            Purpose.LEAVE,
            now_ms=self.gym.now_ms(),
            days=days,
        )
        return urlsplit(made).path

    def open(self, path: str, said: str = "Résilier votre contrat") -> None:
        self._see(self.client.get(path, headers={"sec-fetch-site": "none"}), said)

    def press(self, typed: Mapping[str, str | datetime.date] | None = None) -> None:
        """The page's one button, with the fields as they stand unless typed anew."""
        form = _FirstForm(self.page)
        assert form.action is not None, self.page
        filled = {**form.fields, **{name: str(value) for name, value in (typed or {}).items()}}
        self._see(self.client.post(form.action, data=filled), form.button)

    def _see(self, answer: object, said: str) -> None:
        self.clicks.append(said)
        while answer.status_code == 303:  # type: ignore[attr-defined]
            answer = self.client.get(answer.headers["location"])  # type: ignore[attr-defined]
        self.page, self.status = answer.text, answer.status_code  # type: ignore[attr-defined]

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.page)
        return html.unescape(found.group(1)) if found else ""

    @property
    def asks_for_password(self) -> bool:
        return 'type="password"' in self.page
