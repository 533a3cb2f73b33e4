"""The page of a running job on a real cluster: through YARN's proxy, for nobody else, and live."""

import json
import re
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.applications import Cluster, submitted
from tests.processes import wait_for
from tests.watch.browser import ABSENT, cells, chromium

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


def newest_epoch(text: str) -> int:
    numbers = re.findall(r"<tr><td>(\d+)</td>", text.partition('<table id="epochs"')[2].partition("</table>")[0])
    return max(map(int, numbers), default=0)


@pytest.mark.breadth
def test_the_page_of_a_running_job(cluster: Cluster, tmp_path: Path) -> None:
    """`submit` and `status` print its address; it shows the job through YARN's proxy, and goes on with it.

    A browser, where there is one, shows news without a reload.  A file in its folder on HDFS leads to its metrics.  Its
    history is there when the job is over, and so are files of TensorBoard, with histograms of its parameters.
    """
    job = cluster.held("watched")
    job["monitor"] = {"port": 0, "tensorboard": True, "histograms": True}
    with submitted(cluster, job) as run, ExitStack() as opened:
        wait_for("the address", lambda: "its page: " in run.printed(), 180)
        (url,) = re.findall(r"its page: (\S+)", run.printed())
        assert f"page         {url}" in cluster.yarnml("status", job["name"]).stdout

        def page() -> str:
            try:
                return fetch(url)
            except urllib.error.HTTPError:  # nothing is written yet
                return ""

        wait_for("an epoch on the page", lambda: newest_epoch(page()) > 0, 180)
        before = newest_epoch(page())
        assert '<p class="state running"' in page()
        wait_for("what the workers use", lambda: ">worker 0</a></td>" in page(), 60)
        (log,) = re.findall(r'<a href="([^"]+)">worker 0</a>', page())
        assert "worker.log" in fetch(log)
        wait_for("news", lambda: newest_epoch(page()) > before, 60)
        if not ABSENT:
            browser = opened.enter_context(chromium())
            browser.get(url)
            first = int(cells(browser, "epochs")[0][0])
            assert first > before
            wait_for("news in the browser", lambda: int(cells(browser, "epochs")[0][0]) > first, 60)
        targets = tmp_path / "targets.json"
        printed = cluster.yarnml("history", "targets", job["checkpoint"]["path"], "-o", str(targets)).stdout
        assert printed.endswith(": 1 job\n")
        (group,) = json.loads(targets.read_text())
        assert group["labels"]["job"] == "watched"
        metrics = fetch(f"http://{group['targets'][0]}{group['labels']['__metrics_path__']}")
        assert 'yarnml_state{job="watched",state="running"} 1.0' in metrics
        assert re.search(r'yarnml_process_memory_bytes\{host="[^"]+",index="0",job="watched",role="worker"\}', metrics)
        cluster.let_go(job)
        status, out = run.end()
    assert status == 0, out
    listed = cluster.yarnml("history", job["checkpoint"]["path"]).stdout.splitlines()
    assert listed[1].split()[:2] == ["watched", "done"]
    board = f"{job['checkpoint']['path'].removeprefix(cluster.hadoop.hdfs)}/tensorboard"
    names = cluster.files(board)
    assert names
    assert any(b"parameters/w" in cluster.read(f"{board}/{name}") for name in names)
