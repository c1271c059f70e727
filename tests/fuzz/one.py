"""Fuzz one target, led by coverage: `python -m fuzz.one NAME --seconds 60`. libFuzzer ends the process."""

import argparse
import logging
import sys
from pathlib import Path

import atheris
from fuzz.targets import TARGETS

CACHE = Path(".cache") / "fuzz"
INPUT_BYTES_MAX = 2_048


def main() -> None:
    """Corpus and crashing inputs stay under `.cache/fuzz/`, so that the next run goes on from there."""
    arguments = argparse.ArgumentParser(prog="fuzz.one", description=__doc__)
    arguments.add_argument("name", choices=sorted(TARGETS))
    arguments.add_argument("--seconds", type=int, default=60)
    asked = arguments.parse_args()
    logging.disable()
    with atheris.instrument_imports(
        include=["portillon_rules", "portillon_wire", "portillon_drivers", "portillon_edge"]
    ):
        from fuzz.targets import target

        one = target(asked.name)
    corpus = CACHE / asked.name
    corpus.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={asked.seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={CACHE}/{asked.name}-",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
