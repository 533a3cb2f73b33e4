"""Which of Skein's services runs a role: one with the memory that the job asks for, others with more.

A Skein service has one size for good, so more memory for the next container needs a service of its own.  They are
declared at submit without any container.  Both name the same processes: an index says which service it is of.
"""

from yarnml.clusters.yarn.capacity.resources import mebibytes
from yarnml.control.roles import ProcessId, Role

FACTORS = (1.5, 2.0)  # of the memory asked for
STRIDE = 10_000  # indices of one service

_LARGER = "-larger-"


def larger(memory: str, most: int) -> list[int]:
    """The further sizes of memory, in MiB: what is asked for times the factors, and not over ``most``."""
    asked = mebibytes(memory)
    return sorted({size for factor in FACTORS if (size := min(int(asked * factor), most)) > asked})


def service(role: str, size: int) -> str:
    """The name of the service of a role with this size, 0 for what the job asks for."""
    return f"{role}{_LARGER}{size}" if size else role


def size_of(service: str) -> int:
    return int(service.partition(_LARGER)[2] or 0)


def who(service: str, instance: int) -> ProcessId:
    """The process in a container of Skein's."""
    role: Role = "reducer" if service.partition(_LARGER)[0] == "reducer" else "worker"
    return ProcessId(role, size_of(service) * STRIDE + instance)


def container(who: ProcessId) -> str:
    """Skein's name for the container of a process."""
    size, instance = divmod(who.index, STRIDE)
    return f"{service(who.role, size)}_{instance}"
