"""What can be wrong with a configuration. None of it heals by trying again: a person must change the file."""

from pathlib import Path


class ConfigError(Exception):
    """The configuration must not be run; the message has one line per problem: file, key, what to do."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.path = path
        self.problems = tuple(problems)
