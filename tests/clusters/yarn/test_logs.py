"""Hadoop's and Skein's words, read: whose log it is, where a process ran, and why a job failed."""

import msgspec
import pytest

from yarnml.clusters.yarn.containers.launcher import explain_exit
from yarnml.clusters.yarn.edge.follow import why_waiting
from yarnml.clusters.yarn.edge.log_reader import LogSelection
from yarnml.clusters.yarn.observe.diagnosis import diagnose, error_sentence, first_cause, logged_events, memory_failure
from yarnml.clusters.yarn.observe.logs import Log, parse_logs
from yarnml.clusters.yarn.observe.processes import ProcessInfo, attempt_of, from_logs
from yarnml.clusters.yarn.observe.status import (
    Application,
)
from yarnml.events.events import Continued, EpochDone, Event, Failure, RoundStarted
from yarnml.master.membership.failure_policy import ExitKind

FAILED = "Container failed during execution, see logs for more information."
FIRST = "container_1795268015103_0001_01_000001"
SECOND = "container_1795268015103_0001_02_000001"
WORKERS = [f"container_1795268015103_0001_01_00000{n}" for n in (2, 3, 4)]

PRINTED = """\
Container: container_1795268015103_0001_01_000001 on 127.0.0.2_26134
LogAggregationType: AGGREGATED
====================================================================
LogType:application.driver.log
LogLastModifiedTime:Sat Nov 21 13:37:46 +0000 2026
LogLength:%d
LogContents:
%s
End of LogType:application.driver.log
***************************************************************************************

Container: container_1795268015103_0001_01_000002 on 127.0.0.3:26403
LogAggregationType: LOCAL
====================================================================
LogType:worker.log
LogLastModifiedTime:Sat Nov 21 13:40:26 +0000 2026
LogLength:0
LogContents:

End of LogType:worker.log.This log file belongs to a running container (container_1795268015103_0001_01_000002) \
and so may not be complete.
***************************************************************************
"""

SKEINS = """\
26/11/21 13:36:19 INFO skein.ApplicationMaster: Registering application with resource manager
26/11/21 13:36:20 INFO skein.ApplicationMaster: Initializing service 'worker'.
26/11/21 13:36:20 INFO skein.ApplicationMaster: REQUESTED: worker_0
26/11/21 13:36:22 INFO skein.ApplicationMaster: Starting container_1795268015103_0001_01_000002...
26/11/21 13:36:22 INFO skein.ApplicationMaster: RUNNING: worker_0 on container_1795268015103_0001_01_000002
26/11/21 13:36:22 INFO skein.ApplicationMaster: RUNNING: worker_1 on container_1795268015103_0001_01_000003
26/11/21 13:36:25 WARN skein.ApplicationMaster: FAILED: worker_1 - Container released on a *lost* node
26/11/21 13:36:26 INFO skein.ApplicationMaster: RUNNING: worker-larger-1_0 on container_1795268015103_0001_01_000004
26/11/21 13:36:29 WARN skein.ApplicationMaster: FAILED: worker-larger-1_0 - 1.2 GB of 1 GB physical memory used
26/11/21 13:36:55 INFO skein.ApplicationMaster: Shutting down: digits is done; model: None
"""


def log(name: str, text: str, container: str = FIRST, host: str = "127.0.0.2") -> Log:
    return Log(container, host, name, text.encode(), len(text.encode()))


def application(state: str = "FAILED", diagnostics: str = "", live: bool = False) -> Application:
    return Application("application_1_0002", "digits", "ann", "default", state, live, "", diagnostics, 0.0, 0.0, 0.5)


@pytest.mark.parametrize("text", ["one\ntwo", "", "naïve — ünicode", "a\nEnd of LogType:application.driver.log\nb"])
def test_logs_are_read_by_their_length(text: str) -> None:
    """Whatever a log says, it is read whole, with its container, host and name; so is the next one."""
    first, second = parse_logs((PRINTED % (len(text.encode()), text)).encode())
    assert first == log("application.driver.log", text)
    assert second == log("worker.log", "", WORKERS[0], "127.0.0.3")


def test_the_end_of_a_log_alone() -> None:
    """A log of which only the last bytes were asked for still has the length of the whole file."""
    first, second = parse_logs((PRINTED % (90, "its end")).encode(), 7)
    assert (first.text, first.length) == ("its end", 90)
    assert second.name == "worker.log"


def test_who_ran_where() -> None:
    """Skein's log tells which container was which worker and how it ended; hosts come from the logs beside."""
    ran = from_logs([log("application.master.log", SKEINS), log("prelaunch.out", "", WORKERS[0], "127.0.0.3")])
    assert ran == [
        ProcessInfo("master", 1, "ENDED", "127.0.0.2", FIRST),
        ProcessInfo("worker", 0, "ENDED", "127.0.0.3", WORKERS[0]),
        ProcessInfo("worker", 1, "FAILED", "", WORKERS[1], "Container released on a *lost* node"),
        ProcessInfo("worker", 10_000, "FAILED", "", WORKERS[2], "1.2 GB of 1 GB physical memory used"),
    ]
    assert (attempt_of(FIRST), attempt_of(SECOND)) == (1, 2)
    assert attempt_of("container_e17_1410901177871_0001_03_000005") == 3


def test_whose_logs() -> None:
    """All but Skein's own are meant where nobody is named; an index is that of the process."""
    master, worker = (ProcessInfo(role, 1, "RUNNING", "", "container_1") for role in ("master", "worker"))
    assert LogSelection().has(master, "application.driver.log")
    assert not LogSelection().has(master, "application.master.log")
    assert LogSelection("skein").has(master, "application.master.log")
    assert LogSelection("worker", 1).has(worker, "worker.log")
    assert not LogSelection("worker", 0).has(worker, "worker.log")
    assert not LogSelection("worker").has(master, "application.driver.log")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "yarnml: environment.python /no/such/python: this node (127.0.0.3) has no /no/such/python.\n",
            "environment.python /no/such/python: this node (127.0.0.3) has no /no/such/python.",
        ),
        (
            'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\n'
            "ModuleNotFoundError: No module named 'jax'\n",
            "ModuleNotFoundError: No module named 'jax'",
        ),
        ("lost: worker 0\nerror: worker 1 failed: failure 2.\nafterwards\n", "worker 1 failed: failure 2."),
        ("epoch 1/20  step 6  training loss 2.671\n", ""),
        ("", ""),
    ],
)
def test_the_sentence_in_a_log(text: str, sentence: str) -> None:
    """The last line that tells of an error, in yarnml's own words or in Python's."""
    assert error_sentence(text) == sentence


def test_the_first_failure_is_the_cause() -> None:
    """The first of several attempts that says why counts; the end of its log comes with it."""
    assert first_cause(["epoch 1", "yarnml: no python", "error: later"]) == ("no python", "yarnml: no python")
    assert first_cause(["epoch 1", "epoch 2"]) == ("", "epoch 2")
    assert first_cause([]) == ("", "")


MEMORY = [
    (
        "721.3 MB of 512 MB physical memory used",
        "took more memory than workers.memory allows, 721.3 MB of 512 MB, and was ended by YARN; raise workers.memory",
    ),
    (
        "Container [pid=4351,containerID=container_1_01_000002] is running 378273792B beyond the 'PHYSICAL' memory "
        "limit. Current usage: 616.8 MB of 256 MB physical memory used; 622.2 MB of 537.6 MB virtual memory used.",
        "took more memory than workers.memory allows, 616.8 MB of 256 MB, and was ended by YARN; raise workers.memory",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), MEMORY)
def test_too_much_memory(text: str, sentence: str) -> None:
    """The field to raise is named, whichever of YARN's two wordings comes."""
    assert memory_failure(text, "workers.memory") == sentence
    assert explain_exit(text, "worker", "") == (ExitKind.MEMORY, sentence)


@pytest.mark.parametrize(
    ("said", "log_text", "kind", "why"),
    [
        (FAILED, "", ExitKind.EXIT, "failed"),
        (FAILED, "yarnml: no python3.11 on w2.\n", ExitKind.ENVIRONMENT, "failed: no python3.11 on w2"),
        (
            FAILED,
            "ModuleNotFoundError: No module named 'jax'\n",
            ExitKind.ENVIRONMENT,
            "failed: ModuleNotFoundError: No",
        ),
        (FAILED, "ValueError: x\n", ExitKind.EXIT, "failed: ValueError: x"),
        (FAILED, "worker 0\nended by signal 9 (SIGKILL)", ExitKind.SIGNAL, "was ended by signal 9 (SIGKILL)"),
        (
            "Container killed by YARN for exceeding memory limits",
            "",
            ExitKind.MEMORY,
            "took more memory than workers.memory allows, and was ended by YARN; raise workers.memory",
        ),
        (
            "Container released on a *lost* node",
            "",
            ExitKind.NODE_LOST,
            "was taken away by the cluster: Container released",
        ),
        (
            "Container preempted by scheduler",
            "",
            ExitKind.PREEMPTED,
            "was taken away by the cluster: Container preempted",
        ),
        ("Failed to start, exception raised: no", "", ExitKind.EXIT, "ended: Failed to start, exception raised: no"),
    ],
)
def test_why_a_container_ended(said: str, log_text: str, kind: ExitKind, why: str) -> None:
    """YARN's words tell what the cluster did itself and what went for memory; else the container's own last ones."""
    found_kind, words = explain_exit(said, "worker", log_text)
    assert found_kind is kind
    assert words.startswith(why)


def test_events_survive_a_torn_line() -> None:
    """A master that is killed leaves half a line; all before it count, and those of the next attempt."""
    events: list[Event] = [RoundStarted(0, 0, 6, 12), EpochDone(1, 2, 6, 0.5, {"loss": 0.4}), Continued(6, 1.0, "x")]
    lines = [msgspec.json.encode(event).decode() for event in events]
    logs = [log("events.jsonl", f"{lines[0]}\n{lines[1]}\n{lines[1][:20]}"), log("events.jsonl", lines[2], SECOND)]
    assert logged_events([*logs, log("worker.log", lines[0])]) == events


def test_a_killed_application_needs_no_logs() -> None:
    """Whoever was killed says who did it."""
    end = diagnose(application("KILLED", "Application was killed by user ann at 10.0.0.1"))
    assert end == Failure(
        "ClusterError", "application_1_0002 was killed. Application was killed by user ann at 10.0.0.1"
    )


def test_what_is_waited_for_is_short() -> None:
    """The sentence that matters in YARN's long words is shown, without date and details."""
    long = (
        "[Sat Nov 21 13:50:23 +0000 2026] Application is Activated, waiting for resources to be assigned for AM. "
        " Details : AM Partition = <DEFAULT_PARTITION> ; Partition Resource = <memory:8192, vCores:8> ;"
    )
    assert why_waiting(application("ACCEPTED", long, live=True)) == "no node has room for its master yet"
    other = "[Sat Nov 21 13:50:23 +0000 2026] Queue's AM resource limit exceeded.  Details : AM Partition = <>"
    assert why_waiting(application("ACCEPTED", other, live=True)) != other
    assert "[Sat" not in why_waiting(application("ACCEPTED", other, live=True))
    assert why_waiting(application("RUNNING", "", live=True)) == "its master starts"
    assert why_waiting(application("ACCEPTED", "", live=True)) == "YARN has not looked at it yet"
