"""Says at the end of a run which door stories needed a second try, also when that was few enough."""

import pytest
from stories.lateness import LATE_STORIES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the reports of the tests carry."""
    for report in terminalreporter.getreports("passed"):
        for name, told in report.user_properties:
            if name == LATE_STORIES and told:
                terminalreporter.write_line(str(told))
