"""The permissions of new files and folders on HDFS, as Hadoop's own client gives them."""

import re

from yarnml.errors import JobFileError

FILE = 0o666
FOLDER = 0o777
PRIVATE = 0o700

NAME = "fs.permissions.umask-mode"
OLD_NAME = "dfs.umaskmode"
DEFAULT = "022"

_OCTAL = re.compile(r"\+?0*([0-7]{1,3})")
_CLAUSE = re.compile(r"\s*([ugoa]*)([+=-])([rwx]*)\s*")
_BITS = {"r": 4, "w": 2, "x": 1}
_SHIFTS = {"u": 6, "g": 3, "o": 0}


def umask(text: str) -> int:
    """Parse a umask: in octal, what is taken away; or as ``u=rwx,g=rx,o=``, what is left.

    JobFileError for anything else: files that more people can read than the cluster allows must not come of a typo.
    """
    octal = _OCTAL.fullmatch(text.strip())
    if octal:
        return int(octal[1], 8)
    clauses = [_CLAUSE.fullmatch(clause) for clause in text.split(",")]
    mode = dict.fromkeys(_SHIFTS, 0)
    for clause in clauses:
        if clause is None:
            raise JobFileError(
                f"{NAME} in the Hadoop configuration is '{text}'; it must be octal such as 027, or u=rwx,g=rx,o=."
            )
        who, act, letters = clause.groups()
        bits = sum(_BITS[letter] for letter in {*letters})
        for name in "ugo" if not who or "a" in who else who:
            mode[name] = 0 if act == "-" else bits
    return FOLDER & ~sum(bits << _SHIFTS[name] for name, bits in mode.items())
