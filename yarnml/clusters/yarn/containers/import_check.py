"""The program of the probe's container: import the modules of a worker, and report through Skein."""

import os
import platform
import sys
import time

END_SECONDS = 60.0
"""Longest wait for Skein to end the application."""


def main() -> int:
    began = time.monotonic()
    import jax

    import yarnml.clusters.yarn.containers.container
    from yarnml.clusters.yarn.application import CLOCK
    from yarnml.clusters.yarn.skein_import import skein

    seconds = time.monotonic() - began
    versions = f"yarnml {yarnml.__version__}, JAX {jax.__version__}"
    report = f"Python {platform.python_version()} of {os.environ['NM_HOST']} imports {versions} in {seconds:.1f} s"
    skein.ApplicationClient.from_current().shutdown("SUCCEEDED", f"{report}{CLOCK}{time.time():.1f}")
    time.sleep(END_SECONDS)  # Skein ends this process
    return 0


if __name__ == "__main__":
    sys.exit(main())
