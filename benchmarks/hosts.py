"""Two hosts with a cable between them: network namespaces of this machine, which send so many bits a second at most.

The cable carries both directions at once.  The hosts have addresses of the loopback network and no way to any other
one, and each is called by its own address, so that whatever asks for its host's address finds it.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence

ADDRESSES = ("127.77.0.1", "127.77.0.2")

BURST = "128kb"
"""What may be sent at once after a rest: a little more than the largest packet that the kernel hands over."""

QUEUE_SECONDS = 0.02
"""What waits longer for the cable is dropped, as a switch does."""

_NAMESPACES = {"net": 0x40000000, "uts": 0x04000000}  # CLONE_NEWNET, CLONE_NEWUTS of <linux/sched.h>


def run_on_first_host(module: str, *arguments: str) -> None:
    """Run a program of this package as root of its own namespaces, where it can make `Hosts`."""
    subprocess.run(["unshare", "-rnu", sys.executable, "-m", module, *arguments], check=True)


class Hosts:
    """Both hosts; the namespaces of this process become the first one's.  Needs Linux, ``ip`` and ``tc``.

    ``rate``: of the cable, as ``tc`` has it, such as 1gbit.
    """

    def __init__(self, rate: str) -> None:
        line = ["unshare", "-nu", "sh", "-c", "echo; exec sleep infinity"]
        self._second = subprocess.Popen(line, stdout=subprocess.PIPE)
        assert self._second.stdout is not None
        self._second.stdout.readline()  # now its namespaces are there
        subprocess.run(
            ["ip", "link", "add", "cable0", "type", "veth", "peer", "cable1", "netns", self._pid], check=True
        )
        for host, address in enumerate(ADDRESSES):
            device = f"cable{host}"
            lines = [
                f"hostname {address}",
                "ip link set lo up",
                "ip address add 127.0.0.1/32 dev lo",
                "ip address del 127.0.0.1/8 dev lo",  # so that addresses of the cable are none of lo
                f"ip link set {device} up",
                f"sysctl -qw net.ipv4.conf.{device}.route_localnet=1",
                f"ip address add {address}/24 dev {device}",
                f"tc qdisc add dev {device} root tbf rate {rate} burst {BURST} latency {1000 * QUEUE_SECONDS:.0f}ms",
            ]
            subprocess.run([*self.prefix(host), "sh", "-ec", "\n".join(lines)], check=True)

    @property
    def _pid(self) -> str:
        return str(self._second.pid)

    def prefix(self, host: int) -> Sequence[str]:
        """The begin of a command's line that has it run on a host."""
        return ["nsenter", "-t", self._pid, "-n", "-u"] if host else []

    def files(self, host: int) -> Sequence[str]:
        """The files of a host's namespaces, for `enter`."""
        return [f"/proc/{self._pid}/ns/{name}" for name in _NAMESPACES] if host else []

    def close(self) -> None:
        """Unplug the cable and end the second host."""
        self._second.kill()
        self._second.communicate()


def enter(files: Sequence[str]) -> None:
    """Move this thread, and those that it starts from now on, to a host."""
    for path in files:
        file = os.open(path, os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(file, _NAMESPACES[os.path.basename(path)]):
            raise OSError(ctypes.get_errno(), f"this process can't enter {path}")
        os.close(file)
