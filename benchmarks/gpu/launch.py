"""Start the check with nothing but a Python: ``python3 benchmarks/gpu/launch.py RESULT.json [WHEELS]``.

Packages that this Python lacks come from the folder of wheels, into a folder of their own.  Nothing is fetched.
"""

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDED = ("msgspec", "cryptography")


def main(result: str, wheels: str = "build/gpu-wheels", *mode: str) -> int:
    """Run the check; its exit status.  ``mode``: ``--cpu`` for a trial."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as folder:
        paths = [str(ROOT)]
        if missing:
            files = [str(path) for path in sorted(Path(wheels).glob("*.whl"))]
            if not files:
                print(f"gpu-check: {', '.join(missing)} is not installed and {wheels} has no wheels.", file=sys.stderr)
                print("gpu-check: make gpu-wheels, where pip works, fills it.", file=sys.stderr)
                return 1
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", folder]
            subprocess.run([*pip, *files], check=True)
            paths.append(folder)
        variables = os.environ | {"PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])}
        check = [sys.executable, "-m", "benchmarks.gpu.check", str(Path(result).absolute()), *mode]
        return subprocess.run(check, env=variables, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
