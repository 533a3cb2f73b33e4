"""The program of doctor's container: import what a worker imports, and tell that through Skein."""

import os
import platform
import sys
import time

END_SECONDS = 60.0  # how long Skein may take to end the application


def main() -> int:
    began = time.monotonic()
    import jax
    import skein

    import yarnml.clusters.yarn.containers.container

    seconds, versions = time.monotonic() - began, f"yarnml {yarnml.__version__}, JAX {jax.__version__}"
    said = f"Python {platform.python_version()} of {os.environ['NM_HOST']} imports {versions} in {seconds:.1f} s"
    skein.ApplicationClient.from_current().shutdown("SUCCEEDED", said)
    time.sleep(END_SECONDS)  # Skein ends this process
    return 0


if __name__ == "__main__":
    sys.exit(main())
