"""Containers that cannot do their work on a real cluster: without Python, and with too little memory."""

import re

import pytest

from tests.applications import LEAD, Cluster, submitted
from tests.clusters.yarn.submission import submit

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]


def test_no_python_on_the_nodes(cluster: Cluster) -> None:
    """A master that can't start: the sentence is the node's own, not Skein's 'exit code 97'."""
    sent = submit(cluster, cluster.job("python", environment={"python": "/no/such/python"}))
    assert sent.status == 1
    last = sent.out.splitlines()[-1]
    assert re.fullmatch(
        rf"error: {sent.id} failed: environment.python /no/such/python: this node \(\S+\) has no /no/such/python\.",
        last,
    )
    assert cluster.left_behind(sent.job) == []


@pytest.mark.breadth
def test_too_little_memory(cluster: Cluster) -> None:
    """A worker that YARN ends for its memory gets more, said aloud; after the most that is tried the job ends."""
    (cluster.folder / "large.py").write_text(
        "import time\n"
        "much = b'x' * (1300 << 20)\n"
        "def init(key, schema): time.sleep(60)\n"
        "def loss(p, x, y): return x\n"
        "def predict(p, x): return x\n"
    )
    job = cluster.job("large", learner={"path": "large.py"}, workers={"count": 1, "memory": "512 MiB"})
    with submitted(cluster, job, "--set", "workers.max_failures=0") as run:
        status, out = run.end()
    assert status == 1
    assert re.search(r"worker 0 on \S+ took more memory than workers.memory allows, [\d.]+ \w+ of 512 MB", out), out
    for size in ("768 MiB", "1 GiB"):
        assert f"raise workers.memory (not counted; the next one gets {size})" in out
    assert "raise workers.memory: 1 GiB, the most that is tried, was not enough." in out
    assert re.search(r"worker 20000 on \S+ took more memory", out)
    assert not cluster.processes(LEAD)
