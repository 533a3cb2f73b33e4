"""The checks of `yarnml doctor`, one after the other, from this machine's Java to a container's Python."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from yarnml.clusters.yarn.application import check_paths, tag_of
from yarnml.clusters.yarn.capacity import availability, queues, resource_manager, rules
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.capacity.resources import Cluster, Queue, Request, requests
from yarnml.clusters.yarn.edge.admission import (
    check_kdc,
    check_name_node,
    check_ticket,
    client_knows_gpus,
    describe_time_limit,
)
from yarnml.clusters.yarn.edge.client import Yarn, connected, home
from yarnml.clusters.yarn.edge.costs import describe_costs
from yarnml.clusters.yarn.edge.encryption import Advice, check_encryption
from yarnml.clusters.yarn.edge.machine import check_java, check_yarn_command
from yarnml.clusters.yarn.edge.probe import probe_environment
from yarnml.clusters.yarn.edge.security import WebServices, check_key_provider, check_truststore
from yarnml.clusters.yarn.edge.zones import check_zones
from yarnml.errors import ClusterError, YarnmlError, translated
from yarnml.job.spec import Job
from yarnml.master.preflight import preflight
from yarnml.storage import atomic, hadoop_config, name_node_state
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.security import identity


@dataclass(frozen=True)
class Check:
    """A check.

    ``needs``: the names of checks without which this one can't be made.
    ``run``: returns a fact in words; raises YarnmlError for what is wrong, `UnknownToYarn` where nothing can be known,
    `Advice` where something can be better.
    """

    name: str
    needs: tuple[str, ...]
    run: Callable[[], str]


@dataclass(frozen=True)
class Finding:
    """The result of a check; ``untold`` where nothing can be known.  ``detail``: such as the end of a log."""

    name: str
    status: Literal["ok", "advice", "wrong", "untold", "skipped"]
    text: str
    detail: str = ""


def run_checks(checks: list[Check]) -> Iterator[Finding]:
    """Run the checks in their order; those that need one that went wrong are skipped, by its name."""
    failed: set[str] = set()
    for check in checks:
        lacking = [name for name in check.needs if name in failed]
        if lacking:
            finding = Finding(check.name, "skipped", f"it needs: {', '.join(lacking)}")
        else:
            try:
                finding = Finding(check.name, "ok", check.run())
            except YarnmlError as exc:
                finding = Finding(check.name, "wrong", str(exc), exc.detail)
            except UnknownToYarn as exc:
                finding = Finding(check.name, "untold", str(exc))
            except Advice as exc:
                finding = Finding(check.name, "advice", str(exc))
        if finding.status in ("wrong", "skipped"):
            failed.add(check.name)
        yield finding


@contextmanager
def checks(job: Job | None, note: Callable[[str], None], link: float | None = None) -> Iterator[list[Check]]:
    """The checks of this machine and its cluster, and of a job where one is given.

    ``link``: of the nodes, in bytes a second, where a trial is to tell what the job's steps cost.
    """
    with ExitStack() as stack:
        checkup = _Checkup(stack, note)
        of_job = checkup.job_checks(job) if job else []
        if job and link is not None:
            of_job.append(Check("cost of a step", ("data and folders",), lambda: describe_costs(job, link)))
        yield [*checkup.cluster_checks(), *of_job]


class _Checkup:
    """The facts that checks find out for the checks after them."""

    def __init__(self, stack: ExitStack, note: Callable[[str], None]) -> None:
        self._stack = stack
        self._note = note
        self._settings = Configuration()
        self._cluster: Cluster | None = None
        self._yarn: Yarn | None = None

    def cluster_checks(self) -> list[Check]:
        kerberos = _wants_kerberos()
        login = "KDC" if kerberos else "Kerberos ticket"
        return [
            Check("Java", (), check_java),
            Check("yarn command", (), lambda: check_yarn_command(kerberos=kerberos)),
            Check("Hadoop configuration", (), self._find_configuration),
            Check("Kerberos ticket", ("Hadoop configuration",), lambda: check_ticket(self._settings)),
            *(self._security_checks() if kerberos else []),
            Check("ResourceManager", (login,), self._ask_resource_manager),
            Check("NameNode", (login,), self._ask_name_node),
            Check("home folder", ("NameNode",), check_home_folder),
            Check("delegation tokens", ("NameNode",), lambda: describe_time_limit() or "no job needs any"),
            Check("Skein's driver", ("Java", "yarn command", "ResourceManager"), self._start_driver),
        ]

    def _security_checks(self) -> list[Check]:
        services = WebServices(hadoop_config.configuration())
        return [
            Check("KDC", ("Kerberos ticket",), lambda: check_kdc(self._settings)),
            Check("truststore", ("Hadoop configuration",), lambda: check_truststore(self._settings)),
            Check("web services", ("KDC", "truststore"), services.check),
            Check("clocks", ("web services",), services.check_clocks),
            Check("encryption", ("Hadoop configuration",), lambda: check_encryption(self._settings)),
            Check("key provider", ("Hadoop configuration",), lambda: check_key_provider(self._settings)),
        ]

    def job_checks(self, job: Job) -> list[Check]:
        asked = requests(job)
        return [
            Check("queue", ("ResourceManager",), lambda: queues.check_queue(self._snapshot, job.queue, self._user)),
            Check("node labels", ("queue",), lambda: self._for_all(job, asked, self._label)),
            Check("GPUs", ("queue",), lambda: self._for_all(job, asked, self._gpus)),
            Check("container sizes", ("node labels", "GPUs"), lambda: self._for_all(job, asked, rules.check_size)),
            Check("queue's limit", ("container sizes",), lambda: self._check_limits(job, asked)),
            Check("encryption zones", ("NameNode",), lambda: check_zones(job, self._settings)),
            Check("data and folders", ("NameNode", "Skein's driver"), lambda: self._check_paths(job)),
            Check(
                "environment on a node",
                ("home folder", "Skein's driver", "queue's limit"),
                lambda: probe_environment(self._driver_line, job, self._note),
            ),
        ]

    def _find_configuration(self) -> str:
        self._settings = hadoop_config.configuration()
        if self._settings.folder is None:
            raise ClusterError(
                "There is none in HADOOP_CONF_DIR, HADOOP_HOME/etc/hadoop or /etc/hadoop/conf; copy the cluster's "
                "core-site.xml, hdfs-site.xml and yarn-site.xml to a folder, and set HADOOP_CONF_DIR to it."
            )
        return str(self._settings.folder)

    def _ask_resource_manager(self) -> str:
        answering = availability.find_active(self._settings)
        answers = availability.describe(self._settings.resource_managers, answering)
        try:
            self._cluster = resource_manager.snapshot()
        except UnknownToYarn as exc:
            return f"{answers}, but {exc}"
        running = sum(node.running for node in self._cluster.nodes)
        return f"{answers}; {running} of {len(self._cluster.nodes)} nodes are running"

    def _ask_name_node(self) -> str:
        root = check_name_node(self._settings)
        nodes = self._settings.name_nodes(root.partition("://")[2]) if root.startswith("hdfs://") else ()
        return f"{root}: {name_node_state.describe(nodes)}" if len(nodes) > 1 else root

    def _start_driver(self) -> str:
        self._yarn = self._stack.enter_context(connected())
        self._yarn.wait_for_driver()
        return "it has started"

    @property
    def _snapshot(self) -> Cluster:
        if self._cluster is None:
            raise UnknownToYarn("YARN's web service does not tell")
        return self._cluster

    @property
    def _driver_line(self) -> Yarn:
        assert self._yarn is not None
        return self._yarn

    @property
    def _user(self) -> str:
        return identity.user()

    def _queue(self, job: Job) -> Queue:
        return queues.find_queue(self._snapshot, job.queue)

    def _for_all(self, job: Job, asked: list[Request], rule: Callable[[Cluster, Queue, Request], str]) -> str:
        """Apply a rule to all requests of a job; the facts in words, each once."""
        facts = [rule(self._snapshot, self._queue(job), request) for request in asked]
        return "; ".join(text for text in dict.fromkeys(facts) if text) or "none are asked for"

    def _check_limits(self, job: Job, asked: list[Request]) -> str:
        return rules.check_limits(self._snapshot, self._queue(job), asked)

    def _label(self, cluster: Cluster, queue: Queue, request: Request) -> str:
        return rules.check_label(cluster, queue, request)

    def _gpus(self, cluster: Cluster, queue: Queue, request: Request) -> str:
        return rules.check_gpus(cluster, request, client_knows_gpus(self._settings))

    def _check_paths(self, job: Job) -> str:
        check_paths(job)
        running = self._driver_line.applications(tag_of(job))
        if running:
            raise UnknownToYarn(f"{running[0].id} runs this job and is at work in checkpoint.path")
        start = preflight(job)
        start.withdraw()
        rows = ", ".join(f"{dataset.rows} {name} rows" for name, dataset in start.plan.datasets.items())
        before = f"; step {start.step} is there to go on from" if start.step is not None else ""
        return f"{rows}; checkpoint.path{' and export' if job.export_to else ''} can be written{before}"


def _wants_kerberos() -> bool:
    """Tell whether the cluster wants tickets; a configuration that can't be read is told by another check."""
    with suppress(YarnmlError):
        return hadoop_config.configuration().wants_kerberos
    return False


def check_home_folder() -> str:
    """Check the user's folder on the cluster, where Skein and yarnml keep what they bring to the nodes."""
    with translated(ClusterError, f"{home()} can't be written", "; have an HDFS administrator make your home."):
        atomic.check_writable(home())
    return f"{home()} can be written"
