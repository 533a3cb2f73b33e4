"""A process's place in its job, told by its environment and read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from yarnml.errors import JobFileError
from yarnml.transport.security import Token

Role = Literal["worker", "reducer"]


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


def thread_limits(threads: int) -> dict[str, str]:
    """The variables that hold every library's thread pool to ``threads``; to be set before the libraries load."""
    pools = ("NPROC", "PJRT_NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys(pools, str(threads))
