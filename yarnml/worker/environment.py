"""The environment variables of a process that tell its place in its job."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from yarnml.control.credentials import Credentials, Token
from yarnml.control.roles import ProcessId, Role
from yarnml.errors import JobFileError


@dataclass(frozen=True)
class Environment:
    """A process's place in its job, and where its master listens.  A field is a variable ``YARNML_<NAME>``.

    ``role`` and ``index``: the name of the process.
    ``master``: the master's address, ``host:port``; ``host``: the name of this machine.
    ``timeout`` and ``stall``: seconds, as in the job file's ``workers`` section.
    ``guarded``: the launcher holds a pipe to our standard input, whose end means that the launcher is gone.
    ``cores``: those that the process computes on; none stands for any.
    """

    role: Role
    index: int
    master: str
    host: str
    credentials: Credentials
    timeout: float
    stall: float
    guarded: bool
    cores: tuple[int, ...] = ()

    @property
    def process_id(self) -> ProcessId:
        return ProcessId(self.role, self.index)

    def variables(self) -> dict[str, str]:
        """The variables that tell this place to a new process."""
        values = {name: getattr(self, name) for name in _PLAIN} | {"guarded": int(self.guarded)}
        values["cores"] = ",".join(map(str, self.cores))
        return {f"YARNML_{name.upper()}": str(value) for name, value in values.items()} | self.credentials.variables()


_PLAIN = [f.name for f in fields(Environment) if f.name != "credentials"]


def read_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Read the place of this process.  Raises JobFileError where a variable is not set."""
    try:
        texts = {name: variables[f"YARNML_{name.upper()}"] for name in [*_PLAIN, "token", "sockets"]}
    except KeyError as exc:
        raise JobFileError(f"{exc.args[0]} is not set: yarnml's own launcher starts this program, not a user.") from exc
    return Environment(
        role="reducer" if texts["role"] == "reducer" else "worker",
        index=int(texts["index"]),
        master=texts["master"],
        host=texts["host"],
        credentials=Token(texts["token"], texts["sockets"]),
        timeout=float(texts["timeout"]),
        stall=float(texts["stall"]),
        guarded=texts["guarded"] == "1",
        cores=tuple(int(core) for core in texts["cores"].split(",") if core),
    )
