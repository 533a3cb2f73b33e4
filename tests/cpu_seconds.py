"""CPU seconds of tests and of their processes, heaviest first: ``python -m pytest -n 0 -p tests.cpu_seconds``.

On a busy machine they say more than durations do.  What a shared fixture takes counts for the first test that uses it.
Processes that nobody waits for, as daemons of a cluster that goes on and their containers, are not counted.
"""

import resource
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

SHOWN = 40
"""Lines of each table."""

_SECONDS = pytest.StashKey[Counter[str]]()


def used() -> float:
    """CPU seconds so far, of this process and of those that it has waited for."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    before = used()
    done = yield
    item.config.stash.setdefault(_SECONDS, Counter())[item.nodeid] += used() - before
    return done


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    seconds = config.stash.get(_SECONDS, Counter[str]())
    files = Counter[str]()
    for test, amount in seconds.items():
        files[test.partition("::")[0]] += amount
    for title, table in (("files", files), ("tests", seconds)):
        terminalreporter.section(f"CPU seconds of {title}, {table.total():.1f} in all")
        for name, amount in table.most_common(SHOWN):
            terminalreporter.write_line(f"{amount:8.1f}  {name}")
