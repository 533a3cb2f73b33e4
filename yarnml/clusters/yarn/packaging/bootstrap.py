"""Bash that runs in a container before Python does: find the interpreter, check it, or say in one sentence why not.

The lines are safe under ``set -eu`` and need nothing but bash and coreutils.  They leave PYTHON, the interpreter.
"""

import shlex
from collections.abc import Mapping

REFUSED_STATUS = 97
"""The exit status of a container whose Python is missing or wrong."""

# The parts of an environment that travels: archives and folders of a container; the master has no JAX.
ENVIRONMENT = "environment"
JAX = "environment-jax"
FURTHER = "environment-more"

SOURCES = "YARNML_SOURCES"
"""The variable with the folders that go on the path of the packed environment, behind site-packages."""

_REFUSE = f"""
node=${{NM_HOST:-${{HOSTNAME:-unknown}}}}
refuse() {{ echo "yarnml: $1" >&2; exit {REFUSED_STATUS}; }}
"""

# The folder NAME of a container becomes a link to the unpacked files of NAME.zip, which `unpack` has made or found.
_UNPACK = """
unpack() {
  printed=$("$1" -I -S -c '
import sys, zipfile
try:
    script = zipfile.ZipFile(sys.argv[1]).read("unpack.py")
except Exception as exc:
    sys.exit(f"{sys.argv[1]}: {exc}")
exec(script)
' "${@:2}" 2>&1) || refuse "this node ($node) can't unpack ${printed##*$'\\n'}; make room there, or remove that\
 file from ~/.yarnml on the cluster's storage and submit again."
  [ -z "$printed" ] || echo "$printed" >&2
}
"""

# The packed site-packages become a virtual environment of the node's own interpreter: it sees the job's packages, their
# .pth files and nothing of the node's, and so do its children.
_PACKED = """
ways="set environment.python, environment.archive or environment.image"
found=$(command -v "$name") ||
  refuse "this node ($node) has no $name on its PATH, which the packed environment needs; install it there, or $ways."
facts=$("$found" -I -S -c '
import os, sys
print("%d.%d" % sys.version_info[:2], os.uname().machine, getattr(sys, "_base_executable", "") or sys.executable)
' 2>&1) || refuse "$found of this node ($node) does not start: ${facts##*$'\\n'}; repair it, or $ways."
version=${facts%% *} rest=${facts#* }
[ "$version" = "$wanted" ] ||
  refuse "$found of this node ($node) is Python $version, the packed environment needs $wanted; install that, or $ways."
[ "${rest%% *}" = "$machine" ] ||
  refuse "this node ($node) is a ${rest%% *} machine, but the environment was packed on $machine; $ways."
base=${rest#* }
unpack "$base" environment*.zip
mkdir -p .python/bin
ln -sfn "$base" .python/bin/python
ln -sfn "$PWD/environment/lib" .python/lib
printf '%s\\n' "home = ${base%/*}" "include-system-site-packages = false" > .python/pyvenv.cfg
PYTHON=$PWD/.python/bin/python
"""

_READY = """
PEX_ROOT=${LOCAL_DIRS:-$PWD}; export PEX_ROOT=${PEX_ROOT%%,*}/.pex
case $name in
  environment/*) PYTHON=$PWD/$name ;;
  *) PYTHON=$(command -v "$name") || refuse "$what: this node ($node) has no $name." ;;
esac
found=$("$PYTHON" $argument -c 'import yarnml; print(yarnml.__version__)' 2>&1) ||
  refuse "$what can't import yarnml on this node ($node): ${found##*$'\\n'}; it must hold a Python with yarnml $wanted."
found=${found##*$'\\n'}
[ "$found" = "$wanted" ] ||
  refuse "$what has yarnml $found on this node ($node), but the job was submitted by yarnml $wanted; use the same one."
"""


def packed(name: str, version: str, machine: str) -> str:
    """The lines for the packed environment, ``environment.zip`` and the further parts that the container has.

    ``name``: of the node's interpreter.
    ``version``: that it must have, such as 3.12.
    ``machine``: the kind of processor that it must run on.
    """
    return _assign(name=name, wanted=version, machine=machine) + _REFUSE + _UNPACK + _PACKED


def ready(what: str, name: str, version: str, argument: str = "") -> str:
    """The lines for an environment that has yarnml itself.

    ``what``: the user's choice in words, for error messages.
    ``name``: its interpreter.
    ``version``: of yarnml, which it must have.
    ``argument``: that the interpreter is started with.
    """
    return _assign(what=what, name=name, wanted=version, argument=argument) + _REFUSE + _UNPACK + _READY


def code(folder: str, parts: list[str], variable: str) -> str:
    """The lines for the code that travels beside the environment, as ``folder``.zip.

    ``folder``: of the unpacked code, in the container.
    ``parts``: its source folders.
    ``variable``: gets the folder of the user's own modules; empty where there are none.
    """
    lines = [f'unpack "$PYTHON" {folder}.zip']
    if variable:
        lines.append(f'export {variable}="$PWD/{folder}/own"')
    if parts:
        places = ":".join(f"$PWD/{folder}/{part}" for part in parts)
        lines.append(f'export {SOURCES}="{places}"')
    return "\n".join(lines) + "\n"


def exports(variables: Mapping[str, str]) -> str:
    """The lines that set these variables, whatever characters their values hold."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _assign(**values: str) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
