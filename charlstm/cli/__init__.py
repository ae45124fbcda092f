"""The command line: options, help, and errors as one line on standard error with an exit code.

Knows: options and their help.
Does not know: how anything is done. It imports nothing heavy, so that `--help` is fast.
"""

from charlstm.cli import train, sample, play, score, inspect, explain, evaluate, runs, memory, data  # noqa: I001 (in the order in which --help lists their commands)
from charlstm.cli.app import app
from charlstm.cli.entry import main

__all__ = ["app", "data", "evaluate", "explain", "inspect", "main", "memory", "play", "runs", "sample", "score", "train"]
