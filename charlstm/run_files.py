"""What the files of a run and of a search are called, and by what their folder is told from one of texts.

Knows: names, and how a run's logs begin.
Does not know: who writes the files, what else is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

CONFIG = "config.toml"
METRICS = "metrics.jsonl"
SAMPLES = "samples.txt"
BEST = "best.safetensors"
LAST = "last.safetensors"
KEPT = r"step-(\d{6,13})-(?:loss|train|part)-\d+\.\d{4}\.safetensors"
"""What the models are called that `train.keep` asks for: a pattern that gives the step."""
RESUME = "resume.safetensors"
PREVIOUS = "resume.prev.safetensors"
CURVES = "curves.png"
TENSORBOARD = "tensorboard"
LOCK = ".lock"
STAND_IN = ".lock-instead"
"""In the place of a lock, where the file system has none."""
TRIALS = "trials.jsonl"
"""What tells the folder of a search from that of a run."""
BEST_CONFIG = "best.toml"

SAMPLE_TITLE = "=== step "
"""How each sample in the log of samples begins."""
_TRIALS_BEGIN = '{"op_code"'
"""How Optuna's journal begins."""
_MARKS = frozenset({CONFIG, METRICS, BEST, LAST, TRIALS})


def is_run(names: Collection[str], begins: Callable[[str, bytes], bool]) -> bool:
    """Whether files of these names make their folder that of a run or a search: a whole one, or one that broke off early.

    Any one of the names may be that of somebody's text: it takes two of them, or one that nobody else gives. `begins` tells
    whether the file of a name begins with certain bytes.

    >>> is_run({"config.toml", "poems.txt"}, lambda name, begin: False), is_run({"config.toml", ".lock"}, lambda *_: False)
    (False, True)
    """
    if RESUME in names or PREVIOUS in names:
        return True
    count = len(_MARKS.intersection(names)) + (LOCK in names or STAND_IN in names)
    if SAMPLES in names and begins(SAMPLES, SAMPLE_TITLE.encode()):
        count += 1
    return count > 1 or (TRIALS in names and begins(TRIALS, _TRIALS_BEGIN.encode()))
