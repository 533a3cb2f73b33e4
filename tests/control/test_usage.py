"""Processes measure what they use of their machine, and the master tells it of the members."""

from yarnml.control.calls import Usage
from yarnml.control.roles import ProcessId, Role
from yarnml.control.usage import USAGE_SECONDS, Gpus, UsageMeter
from yarnml.events.measurements import ProcessesMeasured, ProcessUse
from yarnml.master.usage import UsageTable


def test_a_process_measures_itself() -> None:
    """Memory and bytes sent are those of this process; a measurement comes only now and then."""
    meter = UsageMeter(lambda: 7)
    block = bytearray(64 * 2**20)
    usage = meter.measure()
    assert usage.memory > len(block)
    assert usage.cpu >= 0.0
    assert usage.sent == 7
    assert USAGE_SECONDS > 1
    assert meter.take() is None


def test_no_gpu() -> None:
    """Without a GPU, NVIDIA's library or its driver there is nothing to tell, and no error."""
    assert Gpus("").use() == (None, None)
    assert Gpus("GPU-of-another-name,999").use() == (None, None)


def test_members_alone_are_told() -> None:
    """The newest measurement of every member is told with host and shards; that of a process that left is forgotten."""
    table = UsageTable()
    for index in range(3):
        table.hear(ProcessId("worker", index), Usage(100 + index, 0.5, 10))
    table.hear(ProcessId("reducer", 0), Usage(50, 0.1, 0, 0.25, 2**30))
    table.hear(ProcessId("worker", 0), Usage(200, 0.75, 20))
    hosts: dict[Role, dict[int, str]] = {"worker": {0: "a", 2: "b"}, "reducer": {0: "c"}}
    measured = table.tell(hosts.__getitem__, {0: [0, 1], 2: [2]}, 3, 0.5)
    reducer = ProcessUse("reducer", 0, "c", 0, 50, 0.1, 0, 0.25, 2**30)
    workers = [ProcessUse("worker", 0, "a", 2, 200, 0.75, 20), ProcessUse("worker", 2, "b", 1, 102, 0.5, 10)]
    assert measured == ProcessesMeasured([reducer, *workers], 3, 0.5)
    again = table.tell(lambda role: {}, {}, 3, None)
    assert again.processes == []
