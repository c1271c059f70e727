"""What the whole tree must hold, whoever adds to it."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    if name and (ROOT / name).is_file()
]
TEXTS = {path: path.read_text(errors="replace") for path in FILES if path.suffix not in {".png", ".mo"}}
PYTHON = [path for path in FILES if path.suffix == ".py"]


def test_make_help_explains_every_target() -> None:
    """Whoever types `make help` sees each command with a sentence."""
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", text, re.M))
    explained = set(re.findall(r"^([a-z]+):.*## \S", text, re.M))
    assert targets == explained
    assert {"demo", "test", "check", "story", "bench", "simulate", "lock"} <= targets


def test_no_file_names_a_registry_host_or_a_machine() -> None:
    """A clone works from any mirror and on any machine."""
    hosts = re.compile(r"https?://[^ \"']*(/simple\b|/packages/|/-/[^ ]*\.tgz)|registry\.npm|files\.python")
    paths = re.compile(r"(?<![\w.])/(work|root|farm)/[a-z]")
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in TEXTS.items()
        if path != Path(__file__)
        for match in [*hosts.finditer(text), *paths.finditer(text)]
    }
    assert not found


def test_every_requirement_is_hashed() -> None:
    """pip refuses what was changed on the way."""
    requirements = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", (ROOT / "requirements.txt").read_text(), re.M | re.S)
    assert len(requirements) > 40
    assert not [line for line in requirements if "--hash=sha256:" not in line]


def test_every_file_is_named_after_what_it_does_and_stays_small() -> None:
    """No utils, helpers, manager, common; no file past 400 lines."""
    vague = re.compile(r"(^|_)(utils?|helpers?|manager|common|misc)(_|\.|$)")
    assert not [str(path.relative_to(ROOT)) for path in PYTHON if vague.search(path.name)]
    assert not [str(path.relative_to(ROOT)) for path in PYTHON if len(path.read_text().splitlines()) > 400]


def test_every_test_says_what_must_hold() -> None:
    """A sentence stands under each test's name."""
    silent = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in PYTHON
        if path.name.startswith("test_")
        for name, body in re.findall(r"^    ?def (test_\w+)\(.*?\).*?:\n(\s+\S+)", path.read_text(), re.M | re.S)
        if not body.strip().startswith(('"""', 'r"""'))
    ]
    assert not silent


@pytest.mark.parametrize("folder", ["rules", "wire", "drivers", "firmware-bridge", "config", "edge", "cloud"])
def test_every_dependency_says_why(folder: str) -> None:
    """Each outside dependency has its reason where it is declared, and every distribution ships its types."""
    text = (ROOT / folder / "pyproject.toml").read_text()
    for name in tomllib.loads(text)["project"]["dependencies"]:
        line = next(line for line in text.splitlines() if name in line.replace('\\"', '"'))
        assert name.startswith("portillon-") or "#" in line, f"{folder}: {name}"
    assert list((ROOT / folder).glob("portillon_*/py.typed"))


DOCUMENTS = [path for path in FILES if path.suffix == ".md" and "adr" not in path.parts]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    """Whoever follows a document finds what it speaks of."""
    text = document.read_text()
    links = [document.parent / link for link in re.findall(r"\]\((?!https?:)([^)#]+)", text)]
    names = [
        ROOT / name for name in re.findall(r"`((?:rules|wire|drivers|config|edge|cloud|systemd)/[\w./-]+\.\w+)`", text)
    ]
    assert not [str(path) for path in [*links, *names] if not path.exists()]
