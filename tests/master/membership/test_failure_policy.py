"""The failure policy, row by row of docs/faults.md: what has ended goes in, what is done about it comes out."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.processes import running
from yarnml.control.roles import Role
from yarnml.master.membership.failure_policy import (
    Decision,
    Exit,
    ExitKind,
    Replace,
    Sizes,
    Stop,
    decide,
    kind_of_failure,
    size_of,
)
from yarnml.storage.errors import TOKEN_ENDED

HOSTS = {"n1", "n2", "n3"}
ONE: Sizes = {"worker": ["2 GiB"], "reducer": ["1 GiB"]}
THREE: Sizes = {"worker": ["2 GiB", "3 GiB", "4 GiB"], "reducer": ["1 GiB"]}

LOST = [ExitKind.PREEMPTED, ExitKind.NODE_LOST, ExitKind.GIVEN_BACK]
COUNTED = [kind for kind in ExitKind if kind not in [*LOST, ExitKind.CREDENTIALS]]


def end(kind: ExitKind, host: str = "n1", *, joined: bool = True, size: int = 0, role: Role = "worker") -> Exit:
    return Exit(role, kind, f"{role} 0 on {host} {kind.word}", host=host, size=size, joined=joined)


def decided(*ends: Exit, max_failures: int = 10, hosts: set[str] = HOSTS, sizes: Sizes = ONE) -> Decision:
    return decide(ends, max_failures, hosts=hosts, sizes=sizes)


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("joined", [True, False])
def test_what_the_cluster_did_is_no_failure(kind: ExitKind, joined: bool) -> None:
    """However often the cluster takes processes away, they are replaced; not even a first failure is left over."""
    ends = [end(kind, joined=joined)] * 50
    assert decided(*ends, max_failures=0, hosts=HOSTS if joined else set()) == Replace(ends[0].why)


@pytest.mark.parametrize("kind", COUNTED)
def test_a_failure_is_counted(kind: ExitKind) -> None:
    """Any other end is a failure of at most so many, told with its number."""
    assert decided(end(kind)) == Replace(f"{end(kind).why} (failure 1 of at most 10)")
    assert decided(end(ExitKind.EXIT, "n2"), end(ExitKind.PREEMPTED), end(kind)) == Replace(
        f"{end(kind).why} (failure 2 of at most 10)"
    )


@pytest.mark.parametrize("kind", COUNTED)
def test_a_crash_loop_stops(kind: ExitKind) -> None:
    """One failure more than workers.max_failures, of all roles together, ends the job with the newest one."""
    before = [end(ExitKind.EXIT, "n1"), end(ExitKind.SIGNAL, "n2", role="reducer"), end(ExitKind.NODE_LOST)]
    assert isinstance(decided(*before, end(kind), max_failures=3), Replace)
    assert decided(*before, end(kind), max_failures=2) == Stop(
        f"{end(kind).why}: failure 3, with workers.max_failures 2."
    )


@pytest.mark.parametrize("kind", [ExitKind.EXIT, ExitKind.SIGNAL])
def test_three_that_never_joined(kind: ExitKind) -> None:
    """The third failure ends a job that no process has ever joined, if one was of a replacement; else it does not."""
    ends = [end(kind, host, joined=False) for host in ("n1", "n2", "n3")]
    assert isinstance(decided(*ends, hosts=set()), Replace)  # all first ones at once, as when a machine is cleared
    ends[-1] = replace(ends[-1], replaces=True)
    assert isinstance(decided(*ends[:2], hosts=set()), Replace)
    assert decided(*ends, hosts=set()) == Stop(f"{ends[-1].why}: failure 3, and no process has ever joined.")
    assert isinstance(decided(*ends, hosts={"n4"}), Replace)


def test_a_wrong_environment_stops_at_once() -> None:
    """A process that can't begin for want of Python, yarnml or a module is the user's to mend, if none has joined."""
    wrong = end(ExitKind.ENVIRONMENT, joined=False)
    decision = decided(wrong, hosts=set())
    assert isinstance(decision, Stop)
    assert decision.environment
    assert decision.words.startswith(f"{wrong.why}. The next one would end in the same way")


@pytest.mark.parametrize("joined", [True, False])
def test_the_end_of_the_tokens_is_no_failure(joined: bool) -> None:
    """It counts for nothing, and ends the job: whoever comes next is refused, too."""
    refused = end(ExitKind.CREDENTIALS, joined=joined)
    decision = decided(refused, max_failures=0)
    assert isinstance(decision, Stop)
    assert decision.words.startswith(f"{refused.why}. The next one would be refused, too")
    assert "failure" not in decision.words


def test_a_wrong_environment_of_one_node() -> None:
    """The node is wrong where others have joined: the failure is counted, the second makes it avoided."""
    wrong = end(ExitKind.ENVIRONMENT, "n9", joined=False)
    assert decided(wrong) == Replace(f"{wrong.why} (failure 1 of at most 10)")
    decision = decided(wrong, wrong)
    assert isinstance(decision, Replace)
    assert decision.avoid == "n9"


def test_more_memory_is_given_and_said() -> None:
    """Out of memory is answered with the next size, and not counted, as long as there is one."""
    first = end(ExitKind.MEMORY)
    second = end(ExitKind.MEMORY, size=1)
    assert decided(first, max_failures=0, sizes=THREE) == Replace(
        f"{first.why} (not counted; the next one gets 3 GiB)", 1
    )
    assert decided(first, second, max_failures=0, sizes=THREE) == Replace(
        f"{second.why} (not counted; the next one gets 4 GiB)", 2
    )


def test_too_little_memory_at_last() -> None:
    """Out of memory with the largest size ends the job."""
    ends = [end(ExitKind.MEMORY, size=size) for size in range(3)]
    assert decided(*ends, sizes=THREE) == Stop(f"{ends[-1].why}: 4 GiB, the most that is tried, was not enough.")


def test_memory_where_there_is_no_more() -> None:
    """Out of memory is a failure as any other where no larger container can be had."""
    assert decided(end(ExitKind.MEMORY), sizes=ONE) == Replace(f"{end(ExitKind.MEMORY).why} (failure 1 of at most 10)")


def test_a_role_keeps_its_size() -> None:
    """After one process ran out of memory, every new one of its role gets more, whatever ended the one before."""
    ends = [end(ExitKind.MEMORY), end(ExitKind.PREEMPTED)]
    assert decided(*ends, sizes=THREE) == Replace(ends[1].why, 1)
    assert size_of(ends, "worker", THREE) == 1
    assert size_of(ends, "reducer", THREE) == 0
    assert size_of([], "worker", THREE) == 0


def test_all_workers_out_of_memory_at_once() -> None:
    """Many that run out of memory together all get more; that is one step up for each, not one for each of them."""
    ends = [end(ExitKind.MEMORY, f"n{n}") for n in range(20)]
    assert [
        d.size for n in range(20) if isinstance(d := decided(*ends[: n + 1], max_failures=0, sizes=THREE), Replace)
    ] == ([1] * 20)


@pytest.mark.parametrize(
    "kind", [ExitKind.EXIT, ExitKind.SIGNAL, ExitKind.SILENT, ExitKind.STALLED, ExitKind.WRONG_STATE]
)
def test_a_bad_node_is_avoided(kind: ExitKind) -> None:
    """Three failures on one host and none elsewhere: new processes keep away from it, and the user is told."""
    ends = [end(kind), end(ExitKind.NODE_LOST, "n2"), end(kind), end(kind)]
    assert decided(*ends[:-1]) == Replace(f"{end(kind).why} (failure 2 of at most 10)")
    assert decided(*ends) == Replace(
        f"{end(kind).why} (failure 3 of at most 10; 3 on n1 and none elsewhere, so new ones keep away from it)",
        avoid="n1",
    )


@pytest.mark.parametrize("hosts", [HOSTS, set()])
def test_a_node_that_fails_at_the_start(hosts: set[str]) -> None:
    """Two that ended on a host before they joined are enough, also where nobody has joined yet."""
    ends = [end(ExitKind.EXIT, joined=False)] * 2
    decision = decided(*ends, hosts=hosts)
    assert isinstance(decision, Replace)
    assert decision.avoid == "n1"


@pytest.mark.parametrize(
    ("elsewhere", "hosts"),
    [
        ([end(ExitKind.EXIT, "n2")], HOSTS),  # it fails elsewhere, too
        ([], {"n1"}),  # there is no other host
    ],
)
def test_a_node_is_not_blamed_without_others(elsewhere: list[Exit], hosts: set[str]) -> None:
    """A host is avoided only where others are known and had no failure."""
    decision = decided(*elsewhere, *[end(ExitKind.EXIT)] * 5, hosts=hosts)
    assert isinstance(decision, Replace)
    assert not decision.avoid


def test_unknown_hosts_are_no_bad_node() -> None:
    """Failures of which nobody knows where they were blame no node."""
    decision = decided(*[replace(end(ExitKind.EXIT, joined=False), host="")] * 5)
    assert isinstance(decision, Replace)
    assert not decision.avoid


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        ("yarnml: environment.python x: this node (n1) has no x.\n", ExitKind.ENVIRONMENT),
        ("Traceback (most recent call last):\n  ...\nModuleNotFoundError: No module named 'jax'", ExitKind.ENVIRONMENT),
        ("ImportError: libcuda.so.1: cannot open shared object file", ExitKind.ENVIRONMENT),
        (f"data.train: hdfs://nn:8020 wants Kerberos: no; {TOKEN_ENDED}.", ExitKind.CREDENTIALS),
        ("ValueError: x", ExitKind.EXIT),
        ("worker 0 on n1: yarnml 0.1.0, Python 3.11.2, process 7", ExitKind.EXIT),
        ("", ExitKind.EXIT),
    ],
)
def test_words_about_a_failure(log: str, kind: ExitKind) -> None:
    """yarnml's own refusal before Python, imports that fail, a storage that wants a token."""
    assert kind_of_failure(log) is kind


def test_workers_that_cannot_import(digits_job: dict[str, Any], write_job: Any, tmp_path: Path) -> None:
    """Workers whose Python lacks a module end the job at once, as the user's error, in the words of the import."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/jax.py").write_text("raise ImportError('jax was built for another Python')\n")
    path = f"{tmp_path}/broken:{os.environ.get('PYTHONPATH', '')}"
    digits_job["environment"] = {"variables": {"PYTHONPATH": path}}
    with running(write_job(digits_job)) as run:
        status, out, err = run.end()
    assert status == 2
    assert re.search(r"error: worker \d exited with status 1\. The next one would end in the same way", err)
    assert "jax was built for another Python" in err
    assert "lost:" not in out


def test_the_page_has_every_kind() -> None:
    """docs/faults.md has a row for every way to end, and says of each whether it counts."""
    page = (Path(__file__).parents[3] / "docs/faults.md").read_text()
    rows = dict(re.findall(r"^\| \*\*([^*]+)\*\* \|.*\| ([^|]+) \|$", page, re.M))
    assert rows.keys() == {kind.word for kind in ExitKind}
    assert {w for w, counts in rows.items() if counts.startswith("no")} == {
        kind.word for kind in {*ExitKind} - {*COUNTED}
    }
