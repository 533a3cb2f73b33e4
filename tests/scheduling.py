"""The order of all tests, and how long their shared Hadoop runs."""

from typing import Any

import pytest

from tests.hadoop.shared import SHARED

_FIRST_CLUSTERS = ("yarn", "secured")
"""Those whose tests take longest.  The others start later, so that long tests use the processors while these wait."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Send the tests of one cluster to one process, and begin with what takes longest.

    ``-n`` with ``--dist loadgroup`` sends tests of one group to one process.  A test that uses a cluster and does not
    say which is an error.
    """
    for item in items:
        if name := _cluster(item):
            item.add_marker(pytest.mark.xdist_group(f"cluster of {name}"))
        elif "hadoop" in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} uses the fixture hadoop: mark it with pytest.mark.cluster(name).")
    items.sort(key=_turn)


def _cluster(item: pytest.Item) -> str:
    """The name of the cluster that a test uses; empty without one."""
    mark = item.get_closest_marker("cluster")
    return mark.args[0] if mark else ""


def _turn(item: pytest.Item) -> tuple[int, str]:
    """The first clusters, each as a whole, then the long tests, the other clusters, and the short tests."""
    if name := _cluster(item):
        return (0 if name in _FIRST_CLUSTERS else 2), name
    return (1 if item.get_closest_marker("long") else 3), ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    """End the shared Hadoop behind the last test of its group: until then it works even where nobody asks it."""
    result = yield
    SHARED.name = _cluster(item) or SHARED.name
    if nextitem is None or (nextitem.path != item.path and _cluster(nextitem) != SHARED.name):
        SHARED.close()
    return result
