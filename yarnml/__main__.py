"""``python -m yarnml`` is the ``yarnml`` command."""

from yarnml.cli import main

main()
