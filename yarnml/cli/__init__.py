"""The command line: its frame, which is all that is loaded at first, and the commands."""

from yarnml.cli.frame import main as main
