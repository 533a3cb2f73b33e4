"""The checks of submit before it sends anything: the cluster answers, and can run this job."""

import contextlib
import time

from yarnml import storage
from yarnml.clusters.yarn.capacity import availability, resource_manager
from yarnml.clusters.yarn.capacity.answers import GPU
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn, check_queue, find_queue
from yarnml.clusters.yarn.capacity.resources import Cluster, requests
from yarnml.clusters.yarn.capacity.rules import check_gpus, check_label, check_limits, check_size, largest_memory
from yarnml.clusters.yarn.edge.zones import check_zones
from yarnml.errors import ClusterError, YarnmlError, translated
from yarnml.events.log import log
from yarnml.events.text import local_time
from yarnml.job.base import BaseJob, places
from yarnml.storage import delegation, hadoop_config
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.retry import bounded
from yarnml.storage.security import identity, kerberos

KDC_SECONDS = 10.0
"""Time limit for an answer of the KDC."""

CHECK_SECONDS = 1.0
"""Time between two looks at a cluster whose nodes may yet come."""


def check_admission(job: BaseJob) -> dict[str, int]:
    """Refuse a job that can't run on this cluster, to which a connection has been begun.

    What YARN's web service does not tell is left to YARN to refuse.  Returns by role the MiB of the largest container
    that can be had; a role is missing where that is not known.
    """
    settings = hadoop_config.configuration()
    check_name_node(settings)
    with contextlib.suppress(UnknownToYarn):
        check_zones(job, settings)
    with contextlib.suppress(UnknownToYarn):
        cluster = resource_manager.snapshot()
        check_queue_of(job, cluster)
        cluster = _roomy_cluster(job, cluster, settings)
        queue = find_queue(cluster, job.queue)
        return {request.role: largest_memory(cluster, queue, request) for request in requests(job)}
    return {}


def _roomy_cluster(job: BaseJob, cluster: Cluster, settings: Configuration) -> Cluster:
    """The cluster, once its nodes can run the job; a ResourceManager that has just begun gets time to learn of them."""
    deadline = 0.0
    while True:
        try:
            check_rules(job, cluster, settings)
        except YarnmlError as exc:
            now = time.monotonic()
            if not deadline:
                seconds = availability.settling_seconds(settings.resource_managers)
                deadline = now + seconds
                if seconds:
                    log(f"YARN: {str(exc).rstrip('.')}. It has just begun, so nodes may come within {seconds:.0f} s.")
            if now >= deadline:
                raise
            time.sleep(CHECK_SECONDS)
            cluster = resource_manager.snapshot()
        else:
            return cluster


def check_name_node(settings: Configuration) -> str:
    """The URL of the default filesystem, whose NameNode answers; ClusterError names it where it does not."""
    root = settings.root
    try:
        storage.exists(f"{root}/user")
    except (OSError, ValueError) as exc:
        if identity.proxied():  # hdfs-native does not tell a refusal from a broken connection
            raise ClusterError(
                f"HDFS does not answer in the name of {identity.proxied()}: {exc}; hadoop.proxyuser."
                f"{identity.login_user()}.hosts and .users or .groups in the NameNode's core-site.xml must allow it."
            ) from exc
        raise ClusterError(
            f"HDFS is not there: {exc}; start it, or correct core-site.xml in {settings.folder}."
        ) from exc
    return root


def check_queue_of(job: BaseJob, cluster: Cluster) -> None:
    """Check that the queue of a job takes it."""
    with contextlib.suppress(UnknownToYarn):  # groups are YARN's to judge; the other rules go on
        check_queue(cluster, job.queue, identity.user())


def check_rules(job: BaseJob, cluster: Cluster, settings: Configuration) -> None:
    """Check the rules about nodes and sizes, as far as YARN tells what they need."""
    asked = requests(job)
    queue = find_queue(cluster, job.queue)
    for request in asked:
        check_label(cluster, queue, request)
        check_gpus(cluster, request, client_knows_gpus(settings))
        check_size(cluster, queue, request)
    check_limits(cluster, queue, asked)


def check_ticket(settings: Configuration) -> str:
    """Check that we can log in to a cluster that wants Kerberos, and so can Java; the fact in words."""
    if not settings.wants_kerberos:
        return "the cluster wants none"
    with translated(ClusterError, "The cluster wants a Kerberos ticket", "."):
        cache = kerberos.cache_name()
    identity.check_java_reads(cache)
    ticket = identity.valid_ticket()
    name = identity.short_name(ticket.principal, settings)
    end = local_time(time.time() + ticket.seconds)
    names = f"you act in the name of {identity.proxied()}" if identity.proxied() else f"the cluster calls you {name}"
    return f"{ticket.principal} has one until {end}, in {cache}; {names}"


def check_kdc(settings: Configuration) -> str:
    """Check that a KDC answers, without which a ticket opens no service; the fact in words.

    A silent one would have Java's programs wait for minutes without a word.
    """
    if not settings.wants_kerberos:
        return "the cluster wants none"
    try:
        bounded(kerberos.ask_kdc, KDC_SECONDS)
    except (PermissionError, TimeoutError) as exc:
        raise ClusterError(
            f"The KDC of realm {kerberos.default_realm()} does not answer: {exc}; without it the ticket opens nothing "
            f"on the cluster. Have it started, or correct {kerberos.configuration_file()}."
        ) from exc
    return f"that of realm {kerberos.default_realm()} answers"


def describe_time_limit(job: BaseJob | None = None) -> str:
    """The time until which a job that is sent now can run without a keytab, in words; empty where nothing limits it.

    `UnknownToYarn` where a NameNode does not tell.
    """
    settings = hadoop_config.configuration()
    if not settings.wants_kerberos:
        return ""
    try:
        end = delegation.end_of_new_tokens([*(places(job).values() if job else ()), settings.root])
    except (OSError, ValueError) as exc:
        raise UnknownToYarn(f"a NameNode's web service gives no delegation token ({exc})") from exc
    return (
        f"without a keytab a job can run until {local_time(end)}, when its delegation tokens end; --keytab takes new "
        "ones, --keep-alive submits it again"
    )


def client_knows_gpus(settings: Configuration) -> bool:
    """True where the Hadoop client on this machine can ask for GPUs."""
    return GPU in [name.strip() for name in settings.get("yarn.resource-types").split(",")]
