"""The check that the containers of a job can read the encryption zones that it uses."""

from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.errors import JobFileError
from yarnml.job.base import BaseJob
from yarnml.storage import encryption_zones
from yarnml.storage.connect import CLIENT, NATIVE
from yarnml.storage.hadoop_config import Configuration


def check_zones(job: BaseJob, settings: Configuration) -> str:
    """Check the paths of a job; those in zones, in words.

    Raises JobFileError for one whose key no container gets, `UnknownToYarn` where a NameNode does not tell.
    """
    try:
        inside = {field: url for field, url in job.urls.items() if encryption_zones.in_zone(url)}
    except (OSError, ValueError) as exc:
        raise UnknownToYarn(f"a NameNode's web service does not tell ({exc})") from exc
    by_tickets = settings.wants_kerberos and job.environment.variables.get(CLIENT, NATIVE) == NATIVE
    for field, url in inside.items():
        if by_tickets and url.startswith("hdfs://"):
            raise JobFileError(
                f"{field}: {url} is in an encryption zone, and containers, which have no ticket, get its key by "
                f"WebHDFS alone; write {encryption_zones.by_web(url)}."
            )
    ways = [f"{field} is in one and read by {url.partition('://')[0]}://" for field, url in inside.items()]
    return "; ".join(ways) or "no path of the job is in one"
