"""Change the rules in every small way, one at a time, and see whether a test notices: `make mutate`.

What no test notices is a survivor. Each is either killed by a test or stands in `survivors.toml` with the reason why it
is the same rule in other words; anything else ends with exit status 1, and so does a line there that no survivor needs.
"""

import ast
import shutil
import subprocess
import sys
import tomllib
from difflib import unified_diff
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / ".cache" / "mutation"
ALWAYS = ("decision", "schedule", "holidays", "passback", "visits")
"""The rules that are mutated when none are named: files of portillon_rules."""
LOG = SCRATCH / "run.log"
SURVIVORS = Path(__file__).with_name("survivors.toml")
CONFIG = """\
[tool.mutmut]
source_paths = ["portillon_rules"]
only_mutate = [{files}]
do_not_mutate_patterns = ["raise ValueError"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = [{tests}]

[tool.pytest.ini_options]
pythonpath = ["tests"]
addopts = "--import-mode=importlib -q -x"
"""


class Survivor(NamedTuple):
    """A change that no test noticed: in which function, which line became which."""

    function: str
    was: str
    became: str


def main(rules: list[str]) -> int:
    """Mutate these rules; 0: every survivor is explained."""
    chosen = rules or list(ALWAYS)
    _lay_out(chosen)
    with LOG.open("w", encoding="utf-8") as log:
        print(f"mutating {', '.join(chosen)}; progress: {LOG.relative_to(ROOT)}")
        subprocess.run([sys.executable, "-m", "mutmut", "run"], cwd=SCRATCH, check=False, stdout=log, stderr=log)
    survivors, counts = _results()
    explained = {
        Survivor(one["function"], one["was"], one["became"])
        for one in tomllib.loads(SURVIVORS.read_text("utf-8")).get("same", [])
        if one["function"].split(".")[1] in chosen
    }
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    for one in sorted(survivors - explained):
        print(f"survived: {one.function}\n  - {one.was}\n  + {one.became}")
    for one in sorted(explained - survivors):
        print(f"explained, but no survivor: {one.function}\n  - {one.was}\n  + {one.became}")
    print(f"{len(survivors & explained)} survivors are explained, {len(survivors - explained)} are not")
    return int(survivors != explained)


def _lay_out(rules: list[str]) -> None:
    """The package and its tests side by side, as mutmut wants them; what it made before is made anew."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rules" / "portillon_rules", SCRATCH / "portillon_rules", ignore=without)
    shutil.copytree(ROOT / "tests" / "rules", SCRATCH / "tests" / "rules", ignore=without)
    patterns = ("test_{0}.py", "test_{0}_*.py", "test_*_in_the_{0}.py")
    found = {path for rule in rules for each in patterns for path in (ROOT / "tests/rules").glob(each.format(rule))}
    tests = sorted(f"tests/rules/{path.name}" for path in found)
    quoted = {
        "files": ", ".join(f'"portillon_rules/{rule}.py"' for rule in rules),
        "tests": ", ".join(f'"{test}"' for test in tests),
    }
    (SCRATCH / "pyproject.toml").write_text(CONFIG.format(**quoted), "utf-8")


def _results() -> tuple[set[Survivor], dict[str, int]]:
    lines = _mutmut("results", "--all", "true").splitlines()
    found = [line.strip().split(": ", 1) for line in lines if ": " in line]
    counts: dict[str, int] = {}
    for _, word in found:
        counts[word] = counts.get(word, 0) + 1
    return {_survivor(name) for name, word in found if word not in ("killed", "caught by type check")}, counts


def _survivor(name: str) -> Survivor:
    """By its text and not its number: numbers move with every line that is written."""
    function = name.rpartition("__mutmut_")[0]
    module, _, mangled = function.rpartition(".")
    source = (SCRATCH / "mutants" / module.replace(".", "/")).with_suffix(".py").read_text("utf-8")
    bodies = {
        node.name: ast.unparse(node).replace(node.name, mangled).splitlines()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name.startswith(f"{mangled}__mutmut_")
    }
    before, after = bodies[f"{mangled}__mutmut_orig"], bodies[name.rpartition(".")[2]]
    lines = [line for line in unified_diff(before, after, n=0, lineterm="") if line[:3] not in ("---", "+++")]
    was = " ".join(line[1:].strip() for line in lines if line[0] == "-")
    became = " ".join(line[1:].strip() for line in lines if line[0] == "+")
    return Survivor(function, was, became)


def _mutmut(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments], cwd=SCRATCH, check=True, capture_output=True, text=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
