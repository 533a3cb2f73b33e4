"""Prometheus itself reads the metrics, the rules and the dashboard's queries, where it is installed."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.conftest import ROOT
from tests.processes import wait_for
from tests.watch.histories import FAILURE, START, entries, write
from yarnml.events.measurements import CheckpointSaved, ProcessesMeasured
from yarnml.watch.exporters.endpoint import MetricsEndpoint
from yarnml.watch.exporters.exposition import Exposition
from yarnml.watch.exporters.facts import Facts
from yarnml.watch.exporters.families import families
from yarnml.watch.exporters.push import PushExporter
from yarnml.watch.exporters.targets import TargetsFile, collect_targets
from yarnml.watch.history.entries import Entry

RULES = ROOT / "docker/prometheus"
DASHBOARD = ROOT / "docker/grafana/dashboards/yarnml.json"

needs_prometheus = pytest.mark.skipif(not shutil.which("prometheus"), reason="needs Debian's prometheus")
needs_pushgateway = pytest.mark.skipif(
    not shutil.which("prometheus-pushgateway"), reason="needs Debian's prometheus-pushgateway"
)

LOGIN = {"basic_auth_users": {"ann": "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"}}
"""The gateway's user, whose password is ``test``."""


def history() -> list[Entry]:
    """A run with GPUs and checkpoints, so that every metric has a value."""
    listed = entries(12, workers=3)
    for number, entry in enumerate(listed):
        if isinstance(entry.event, ProcessesMeasured):
            uses = [replace(use, gpu=0.5, gpu_memory=2**30) for use in entry.event.processes]
            listed[number] = replace(entry, event=replace(entry.event, processes=uses))
    return [*listed, Entry(listed[-1].time, CheckpointSaved(110, "/jobs/digits/checkpoints/step-000000000110"))]


@contextmanager
def started(*line: str | Path) -> Iterator[str]:
    """Start a server of Prometheus' family on a free port of the loopback address; gives the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    popen = subprocess.Popen([*map(str, line), f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    try:
        wait_for("its port", lambda: can_connect(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        popen.kill()
        popen.wait()


def can_connect(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def ask(server: str, path: str, **parameters: str) -> Any:
    with urllib.request.urlopen(f"{server}{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
        return json.load(answer)["data"]


def test_every_metric_has_its_unit() -> None:
    """Names are unique and end as Prometheus' rules say; all have values in a run that has everything."""
    facts = Facts()
    for entry in history():
        facts.add(entry)
    names = [family.name for family in families()]
    assert len({*names}) == len(names)
    assert all(family.name.startswith("yarnml_") for family in families())
    assert not [family.name for family in families() if not [*family.samples(facts)]]
    samples = [value for family in families() for _, value in family.samples(facts)]
    assert all(isinstance(value, float) for value in samples)
    assert not any(name.endswith(("_total", "_ms", "_percent", "_mib")) for name in names)


def test_a_failed_job_says_so() -> None:
    facts = Facts()
    for entry in entries(2, end=FAILURE):
        facts.add(entry)
    assert 'yarnml_state{job="digits",state="failed"} 1.0' in Exposition("digits", facts).render().decode()


def test_targets_of_many_jobs(tmp_path: Path) -> None:
    """One file has the targets of all jobs that run; what another program wrote is left out."""
    for name in ("a", "b", "c"):
        write(tmp_path / name, entries(1))
    for name in ("a", "b"):
        TargetsFile(str(tmp_path / name)).write(name, "node-1:9400", f"/secret-{name}/metrics")
    (tmp_path / "c/prometheus-targets.json").write_text('{"targets": 3}')
    output = tmp_path / "all.json"
    assert collect_targets([str(tmp_path)], str(output)) == f"{output}: 2 jobs"
    assert json.loads(output.read_text()) == [
        {"targets": ["node-1:9400"], "labels": {"job": name, "__metrics_path__": f"/secret-{name}/metrics"}}
        for name in ("a", "b")
    ]


def test_only_its_own_targets_are_removed(tmp_path: Path) -> None:
    """A run that was superseded leaves the targets of the newer one."""
    old = TargetsFile(str(tmp_path))
    old.write("digits", "node-1:1", "/metrics")
    new = TargetsFile(str(tmp_path))
    new.write("digits", "node-2:1", "/metrics")
    old.remove()
    assert "node-2:1" in (tmp_path / "prometheus-targets.json").read_text()
    new.remove()
    assert [*tmp_path.iterdir()] == []


@needs_prometheus
@pytest.mark.parametrize("line", [["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]])
def test_the_rules_are_prometheus_own(line: Sequence[str]) -> None:
    """Promtool reads the rules, and each alert is raised by what it is about and by nothing else."""
    subprocess.run(["promtool", *line], cwd=RULES, check=True, capture_output=True)


@needs_prometheus
def test_every_query_of_the_dashboard_has_data(tmp_path: Path) -> None:
    """A Prometheus finds a job by its file, scrapes it, and answers every query of dashboard and rules."""
    (tmp_path / "prometheus.yml").write_text(
        (RULES / "prometheus.yml")
        .read_text()
        .replace("scrape_interval: 5s", "scrape_interval: 200ms")
        .replace("refresh_interval: 15s", "refresh_interval: 1s")
    )
    shutil.copy(RULES / "rules.yml", tmp_path)
    (tmp_path / "targets").mkdir()
    facts = Facts()
    exposition = Exposition("digits", facts)
    with MetricsEndpoint(exposition, "127.0.0.1", 0) as endpoint:
        endpoint.path = "/secret/metrics"
        endpoint.start()
        TargetsFile(str(tmp_path / "targets")).write("digits", endpoint.target, endpoint.path)
        options = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        with started("prometheus", *options) as server:
            replay(facts.add, lambda: bool(ask(server, "/api/v1/query", query="yarnml_step")["result"]))
            wait_for("the newest step", lambda: newest_step(server) == "120")
            assert ask(server, "/api/v1/query", query="yarnml_step")["result"][0]["metric"] == {
                "__name__": "yarnml_step", "instance": endpoint.target, "job": "digits",
            }  # fmt: skip
            empty = [query for query in queries() if not ask(server, "/api/v1/query", query=query)["result"]]
            assert not empty
            (group,) = ask(server, "/api/v1/rules")["groups"]
            assert not [rule["name"] for rule in group["rules"] if rule.get("lastError")]
        endpoint.shutdown()


def replay(add: Callable[[Entry], None], has_scraped: Callable[[], bool]) -> None:
    """Have the run happen while it is scraped: its beginning, and from the first scrape on an epoch every 0.2 s."""
    listed = history()
    groups = [[*group] for _, group in groupby(listed, key=lambda entry: (entry.time - START) // 5)]
    for number, group in enumerate(groups):
        for entry in group:
            add(entry)
        if number == 1:
            wait_for("a scrape", has_scraped)
        time.sleep(0.2)


def newest_step(server: str) -> str:
    return str(ask(server, "/api/v1/query", query="yarnml_step")["result"][0]["value"][1])


def queries() -> list[str]:
    """Every query of the dashboard, as Grafana sends it for all jobs."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    return [query.replace("$job", ".+").replace("$__rate_interval", "1m") for query in shown]


def test_the_dashboard_and_the_rules_name_metrics_that_exist() -> None:
    """Also where Prometheus is not installed: every name in them is one of a family's."""
    names = {family.name + ("_total" if family.kind == "counter" else "") for family in families()}
    text = " ".join([*queries(), (RULES / "rules.yml").read_text()])
    assert {*re.findall(r"\byarnml_\w+", text)} <= names


@needs_pushgateway
def test_a_gateway_keeps_the_end(tmp_path: Path) -> None:
    """A gateway that asks for a password gets the metrics under the job's name, and has them when the job is over."""
    (tmp_path / "web.yml").write_text(json.dumps(LOGIN))
    facts = Facts()
    for entry in entries(3, end=FAILURE):
        facts.add(entry)
    exposition = Exposition("digits", facts)
    with started("prometheus-pushgateway", f"--web.config.file={tmp_path}/web.yml") as server:
        exporter = PushExporter("digits", exposition, server.replace("//", "//ann:test@"))
        exporter.write([])
        exporter.close()
        request = urllib.request.Request(f"{server}/metrics", headers={"Authorization": "Basic YW5uOnRlc3Q="})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert b'yarnml_state{instance="",job="digits",state="failed"} 1' in answer.read()
        with pytest.raises(OSError, match=r"the Pushgateway http://127\.0\.0\.1:\d+ does not take its metrics \(.*401"):
            PushExporter("digits", exposition, server).write([])
