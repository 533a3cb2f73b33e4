"""Skein's services: one for each role with the memory that the job asks for, and others with more.

A Skein service has one size for good, so more memory for the next container needs a service of its own.  They are
declared at submit without any container.  The services of a role name the same processes: an index says which service
it is of.  A size is a number: 0 for what the job asks for, then the larger ones.
"""

from yarnml.clusters.yarn.capacity.resources import mebibytes
from yarnml.control.roles import ProcessId, Role

MEMORY_FACTORS = (1.5, 2.0)
"""The larger sizes, as multiples of the memory that the job asks for."""

INDICES_PER_SIZE = 10_000
"""The indices of one service; the next size begins after them."""

_LARGER = "-larger-"


def larger_memory(memory: str, limit: int) -> list[int]:
    """The larger sizes in MiB.

    ``memory``: what the job asks for.
    ``limit``: the MiB of the largest container that can be had.
    """
    asked = mebibytes(memory)
    return sorted({size for factor in MEMORY_FACTORS if (size := min(int(asked * factor), limit)) > asked})


def service_name(role: str, size: int) -> str:
    """The name of the service of a role with this size."""
    return f"{role}{_LARGER}{size}" if size else role


def size_of(service: str) -> int:
    """The size of a service's containers."""
    return int(service.partition(_LARGER)[2] or 0)


def process_of(service: str, instance: int) -> ProcessId:
    """The process in a container of Skein's."""
    role: Role = "reducer" if service.partition(_LARGER)[0] == "reducer" else "worker"
    return ProcessId(role, size_of(service) * INDICES_PER_SIZE + instance)


def container_name(process: ProcessId) -> str:
    """Skein's name for the container of a process."""
    size, instance = divmod(process.index, INDICES_PER_SIZE)
    return f"{service_name(process.role, size)}_{instance}"
