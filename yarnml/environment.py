"""A process's place in its job, told by its environment and read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from yarnml.errors import JobFileError
from yarnml.transport.security import Token

Role = Literal["worker", "reducer"]

POOLS = ("NPROC", "PJRT_NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_MALLOC = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296"


@dataclass(frozen=True)
class Environment:
    """Who this process is and where its master listens.

    ``timeout`` and ``stall``: seconds, as in the job file's ``workers`` section.  ``guarded``: the launcher holds a
    pipe to our standard input, whose end means that the launcher is gone.
    """

    role: Role
    index: int
    master: str
    host: str
    token: Token
    timeout: float
    stall: float
    guarded: bool

    def variables(self) -> dict[str, str]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= {"token": self.token.value, "guarded": int(self.guarded)}
        return {f"YARNML_{name.upper()}": str(value) for name, value in values.items()}


def read_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    try:
        get = {f.name: variables[f"YARNML_{f.name.upper()}"] for f in fields(Environment)}
    except KeyError as exc:
        raise JobFileError(f"{exc.args[0]} is not set: yarnml's own launcher starts this program, not a user.") from exc
    role: Role = "reducer" if get["role"] == "reducer" else "worker"
    token, guarded = Token(get["token"]), get["guarded"] == "1"
    seconds = float(get["timeout"]), float(get["stall"])
    return Environment(role, int(get["index"]), get["master"], get["host"], token, *seconds, guarded)


def resources(threads: int, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that a process needs before its libraries load: thread pools held to ``threads``, huge pages.

    The number of threads is part of the result: XLA adds up some matrix products in an order that depends on it.

    JAX on CPU takes fresh memory for every result.  With glibc's default of 4 KiB pages, given back at once, the page
    faults of a large model cost more than its arithmetic (measured by ``python -m benchmarks step``); a user's own
    GLIBC_TUNABLES are left as they are.
    """
    return dict.fromkeys(POOLS, str(threads)) | {"GLIBC_TUNABLES": variables.get("GLIBC_TUNABLES", _MALLOC)}


def devices(gpus: int, index: int) -> dict[str, str]:
    """Variables that show worker ``index`` its own ``gpus`` devices of this machine, or none to a worker without.

    With GPUs, XLA keeps to algorithms whose bits do not change from run to run.
    """
    if not gpus:
        return {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    shown = ",".join(str(index * gpus + k) for k in range(gpus))
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0"
    return {"CUDA_VISIBLE_DEVICES": shown, "XLA_FLAGS": flags.strip()}
