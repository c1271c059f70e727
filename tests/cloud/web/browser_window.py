"""A browser window on the application, which keeps an account of everything that goes wrong in it; and axe-core."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright
from portillon_cloud.identity.roles import Role

ROOT = Path(__file__).parents[3]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "correct horse battery"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source; a test tool, installed by npm from the lock."""
    if not AXE.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core is not installed and there is no npm: run `make system` (Debian's package npm)")
        done = subprocess.run([npm, "ci"], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, f"`npm ci` failed: {done.stderr[-1000:]}"
    return AXE.read_text()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing: run `make system` (Debian's package chromium) or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """The application on a real socket of the loopback."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([listening],), name="web")
    thread.start()
    host, port = listening.getsockname()[:2]
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive(), "open live pages must not hold the server up"


@dataclass
class Visitor:
    """One browser window that keeps an account of everything that went wrong in it."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def sign_in(self, role: Role = Role.OWNER, *, password: str = PASSWORD) -> None:
        self.go("/sign-in")
        self.page.get_by_label("E-mail").fill(f"{role}@1.example")
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def visitor(chromium: Browser, address: str, gym) -> Iterator[Visitor]:
    context = chromium.new_context(viewport=DESK, locale="en-CA", reduced_motion="reduce")
    page = context.new_page()
    found = Visitor(page, address)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("console", lambda said: found.errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("request", lambda sent: None if sent.url.startswith(address) else found.strangers.append(sent.url))
    yield found
    context.close()
    assert not found.errors
    assert not found.strangers


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
