"""The sections of the job file for its processes: how many, what each may use, when one counts as lost, its Python."""

from typing import Literal

from msgspec import field

from yarnml.job.fields import Cores, Natural, PositiveInt, Processes, ProcessesOrNone, Seconds, Section, Size, Url


class Workers(Section, frozen=True, kw_only=True):
    """The containers that map.  ``cache`` bounds the decoded rows a worker keeps in memory.

    ``min``: with room for fewer than ``count`` the job starts with so many, and takes the others as they come.
    ``wait``: seconds without room for ``min`` workers after which the job gives up and says what is missing.
    ``timeout``: seconds without a sign of life after which a worker counts as lost, five times as many at first.
    ``stall``: seconds in which no worker maps a batch, after which the job fails and says whom it waited for.
    ``backups``: idle workers compute copies of late tasks, and slow workers lose their shards to others for a while.
    ``backup_after``: seconds that a task is late at least; three times the usual time of a task, where that is longer.
    ``max_failures``: processes that may fail, all roles together, before the job does; preempted ones don't count.
    ``memory`` and ``node_label`` speak to a cluster's scheduler; local processes have no use for them.
    """

    count: Processes = 2
    min: Processes | None = None
    max: Processes | None = None
    memory: Size = "2 GiB"
    vcores: Cores = 1
    gpus: ProcessesOrNone = 0
    node_label: str = ""
    cache: Size = "1 GiB"
    wait: Seconds = 1800.0
    timeout: Seconds = 60.0
    stall: Seconds = 1800.0
    backups: bool = True
    backup_after: Seconds = 1.0
    max_failures: Natural = 10


class Reducers(Section, frozen=True, kw_only=True):
    """``count: 0``: every worker also reduces one slice; n: processes of their own, without JAX.

    ``levels: 2``: groups of workers add up first what they send on, ``1``: they don't; without, what costs less.
    ``followers``: of each part of a table that ``training.state: sharded`` cuts, how many other processes keep a copy.
    """

    count: ProcessesOrNone = 0
    levels: Literal[1, 2] | None = None
    followers: Literal[0, 1] = 1
    memory: Size = "1 GiB"
    vcores: Cores = 1


class Master(Section, frozen=True, kw_only=True):
    """The container that leads, inside YARN's application master.

    ``attempts``: how often YARN starts it, the first time included; each goes on from the newest checkpoint.
    """

    memory: Size = "1 GiB"
    vcores: Cores = 1
    attempts: PositiveInt = 2


class EnvironmentSpec(Section, frozen=True, kw_only=True):
    """The way of Python and its packages to the nodes of a cluster; by default the active environment is packed.

    ``python``: an interpreter that every node has.  Alone: it has yarnml too, nothing is packed.
    ``archive``: URL of a packed environment with bin/python, such as conda-pack's or venv-pack's .tar.gz.
    ``pex``: URL of a pex that holds yarnml, or path of one on this machine.
    ``image``: an image for YARN's Docker runtime whose python3 has yarnml.
    ``packages``: those of the active environment that travel, with all that they require; ``auto``: what yarnml and the
    job's code need, alone or in the list.  ``all``: the whole environment.
    ``files``: modules (.py) and package folders that travel with the job, for your own model to import.
    ``variables``: environment variables of every process.
    """

    python: str | None = None
    archive: Url | None = None
    pex: Url | None = None
    image: str | None = None
    packages: Literal["auto", "all"] | list[str] = "auto"
    files: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def ways(self) -> list[str]:
        """The names of the fields that say where Python is; none where the active environment travels."""
        return [name for name in ("python", "archive", "pex", "image") if getattr(self, name)]
