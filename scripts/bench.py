"""Measure what docs/benchmarks.md states. Each figure is a ratio of two things measured in the same run.

python scripts/bench.py                                      everything but the trainings: about 4 minutes
python scripts/bench.py --only sampling                      one part
python scripts/bench.py --only large                         a text of 1 GB, which takes 3 GB of disk and a minute
python scripts/bench.py --only busy                          beside a process that never pauses: two minutes
python scripts/bench.py --shakespeare tinyshakespeare.txt    the trainings too: about 12 minutes more
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from bench_busy import busy
from bench_novelty import novelty
from bench_plotting import plotting
from bench_sampling import loss_of_precisions, sampling
from bench_scoring import scoring
from plain import PlainLSTM, TinyGPT, TutorialLSTM
from report import row, seconds

from charlstm.asked import ask
from charlstm.config import Config
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import read_weights
from charlstm.runs.records import Record, StepRecord
from charlstm.runs.saved_model import SavedModel, load_model
from charlstm.scoring import evaluation
from charlstm.text.corpus import Corpus, read_corpus
from charlstm.training.prepared import Prepared, prepare
from charlstm.training.state import new_training
from charlstm.training.trainer import Trainer

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the parts that were asked for."""
    parts: dict[str, Callable[[], None]] = {
        "training": training,
        "sampling": sampling,
        "scoring": scoring,
        "novelty": novelty,
        "encoding": encoding,
        "saving": saving,
        "plotting": plotting,
        "help": help_time,
    }
    parser = argparse.ArgumentParser(description="Measure what docs/benchmarks.md states.")
    trainings = {"epoch": one_epoch, "budget": same_budget}
    parser.add_argument("--only", choices=[*parts, *trainings, "large", "busy"], action="append", default=[])
    parser.add_argument("--shakespeare", type=Path, metavar="FILE", help="tiny Shakespeare, for the parts that train")
    arguments = parser.parse_args()
    if not arguments.shakespeare and any(name in trainings for name in arguments.only):
        parser.error("the parts that train need --shakespeare FILE")
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, {versions}")
    for name, part in parts.items():
        if not arguments.only or name in arguments.only:
            part()
    if "large" in arguments.only:
        large()
    if "busy" in arguments.only:
        busy()
    for name, train in trainings.items():
        if arguments.shakespeare and (not arguments.only or name in arguments.only):
            train(read_corpus([str(arguments.shakespeare)]))


def median_seconds(action: Callable[[], object], repeats: int) -> float:
    """The median time of an action, after one that does not count."""
    action()
    return statistics.median(seconds(action) for _ in range(repeats))


def training() -> None:
    """A step of the trainer, a matrix product and the tutorial's step, in turn: the machine's speed drifts."""
    trainer = _trainer("train.batch_size=64", "train.seq_len=64", "model.dropout=0.0")
    steps = _forever(trainer)
    tutorial = TutorialLSTM(trainer.prepared.vocabulary.size, 512)
    ids = torch.randint(trainer.prepared.vocabulary.size, (65, 64))
    square = torch.randn(2048, 2048)
    ours, theirs, product = [], [], []
    for _ in range(5):
        product.append(median_seconds(lambda: square @ square, 3))
        ours.append(median_seconds(lambda: next(steps), 3))
        theirs.append(median_seconds(lambda: tutorial.step(ids), 1))
    rate = [2 * 2048**3 / p for p in product]
    weights = sum(p.numel() for n, p in trainer.model.named_parameters() if p.ndim == 2 and n != "embedding.weight")
    share = statistics.median(6 * weights * 64 * 64 / t / r for t, r in zip(ours, rate, strict=True))
    ratio = statistics.median(t / o for t, o in zip(theirs, ours, strict=True))
    speed = 64 * 64 / statistics.median(ours)
    row("training 2x512, batch 64 x 64, of the float32 matrix-product rate", f"{share:.2f} ({speed:,.0f} chars/s)", "0.5")
    row("training against a plain tutorial loop (one-hot, nn.LSTMCell over time)", f"{ratio:.2f} times", "1.2")
    recipe_step()


def recipe_step() -> None:
    """A step of `configs/shakespeare.toml`, with all that keeps it from overfitting, and one of a plain `nn.LSTM`, in turn."""
    recipe = ask(ROOT / "configs" / "shakespeare.toml")
    trainer = _trainer_on(prepare(read_corpus(Config().data.text), recipe))
    steps, train = _forever(trainer), recipe.config.train
    plain = PlainLSTM(trainer.prepared.vocabulary.size)
    ids = torch.randint(trainer.prepared.vocabulary.size, (train.seq_len + 1, train.batch_size))
    ratios = [median_seconds(lambda: next(steps), 5) / median_seconds(lambda: plain.step(ids), 5) for _ in range(5)]
    row("a step of the recipe, of the time of a plain nn.LSTM's step", f"{statistics.median(ratios):.2f}", "1.15")


_READ_LARGE = """
import re, sys, time
from itertools import islice
from pathlib import Path
import charlstm.training.trainer
from charlstm.text.batches import batches, fit_layout
from charlstm.config import DataConfig
from charlstm.text.corpus import read_corpus
from charlstm.training.prepared import prepare
def memory(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before, begin = memory("VmRSS"), time.perf_counter()
corpus = read_corpus([sys.argv[1]])
seconds = time.perf_counter() - begin
layout = fit_layout(corpus.split(DataConfig())[0], 32, 64)
for _ in islice(batches(corpus.ids, layout), 20_000): pass
print(seconds, memory("VmHWM") - before)
"""


def large() -> None:
    """A text of 1 GB, read twice in processes of their own, each time followed by 20,000 batches of 32 x 64. Linux only."""
    english = read_corpus(["builtin:python-docs"])
    some = english.vocabulary.decode(english.ids.tolist()).encode()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        with file.open("wb") as out:
            for _ in range(10**9 // len(some) + 1):
                out.write(some)
        for which, reach in (("first", ""), ("second", "3 s, 600 MB")):
            told = subprocess.run(
                [sys.executable, "-c", _READ_LARGE, str(file)],
                env={**os.environ, "XDG_CACHE_HOME": folder},
                check=True,
                capture_output=True,
                text=True,
            )
            took, memory = map(float, told.stdout.split())
            row(f"1 GB of text, {which} start", f"{took:.1f} s, {memory:.0f} MB more than importing", reach)


def saving() -> None:
    """How long training waits for its saves: of the time, at one a minute, and with an evaluation every five steps."""
    trainer = _trainer("train.save_every=0.1 min")
    waits, seconds_in_all = _waits(trainer, steps=60)
    share = statistics.mean(waits[1:]) / 60  # the first save is waited for, so that a run can be resumed from its beginning
    row(
        "waiting for saves, 2x512, one a minute, of the time",
        f"{share:.2%} ({statistics.mean(waits[1:]) * 1000:.0f} ms each, of {len(waits) - 1} in {seconds_in_all:.0f} s)",
        "1%",
    )
    asked = ask(ROOT / "configs" / "tutorial.toml")
    tutorial = asked.config
    trainer = _trainer_on(prepare(read_corpus(tutorial.data.text), asked))
    waits, seconds_in_all = _waits(trainer, steps=3 * tutorial.train.eval_every)
    row(
        f"waiting for saves, tutorial, an evaluation every {tutorial.train.eval_every} steps, of the time",
        f"{sum(waits[1:]) / seconds_in_all:.2%} ({len(waits) - 1} in {seconds_in_all:.0f} s)",
        "1%",
    )


def _waits(trainer: Trainer, steps: int) -> tuple[list[float], float]:
    """Seconds that each save kept training waiting, and those that so many steps took in all."""
    save = trainer._save
    waits: list[float] = []

    def timed(folder: RunFolder, models: Mapping[Path, SavedModel] | None = None) -> None:
        begin = time.perf_counter()
        save(folder, models)
        waits.append(time.perf_counter() - begin)

    trainer._save = timed  # type: ignore[method-assign]
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, closing(trainer.fit(RunFolder(Path(folder)))) as records:
        for record in records:
            if isinstance(record, StepRecord) and record.step == steps + 1:
                break
        seconds_in_all = time.perf_counter() - begin
    return waits, seconds_in_all


def encoding() -> None:
    """From a file to ids in an empty cache. The best of three: another process can only slow it down."""
    ascii_text = read_corpus(["builtin:python-docs"])
    english = "".join(c for c in ascii_text.vocabulary.decode(ascii_text.ids.tolist()) if c.isascii())
    several = english[:40_000] + "Съешь ещё этих мягких булок. 色は匂へど散りぬるを 다람쥐 😀\n" * 2000
    for what, text, reach in (("ASCII", english, "50"), ("mixed", several, "20")):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "text.txt"
            file.write_bytes(text.encode() * (100_000_000 // len(text.encode())))
            size = file.stat().st_size / 1e6
            rate = max(size / _reading(file, Path(folder) / f"cache{i}") for i in range(3))
        row(f"encoding 100 MB of {what} text, one thread", f"{rate:.0f} MB/s", reach)


def _reading(file: Path, cache: Path) -> float:
    os.environ["XDG_CACHE_HOME"] = str(cache)
    begin = time.perf_counter()
    read_corpus([str(file)])
    return time.perf_counter() - begin


def help_time() -> None:
    """`charlstm --help` against importing torch, each a process of its own."""

    def process(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    ratios = []
    for _ in range(3):
        ratios.append(median_seconds(process("-m", "charlstm", "--help"), 1) / median_seconds(process("-c", "import torch"), 1))
    row("charlstm --help, of the time of importing torch", f"{statistics.median(ratios):.2f}", "0.2")


def one_epoch(corpus: Corpus) -> None:
    """One pass over tiny Shakespeare from scratch, and what 8 bits cost the model that comes out of it."""
    prepared = _shakespeare(corpus, "train.epochs=1")
    with tempfile.TemporaryDirectory() as folder:
        record = _train(prepared, Path(folder))
        weights = read_weights(Path(folder))
        _ = weights.tensors  # while the folder is there
    row(
        "one epoch of tiny Shakespeare, batch 16 x 64, stateful validation loss",
        f"{record.validation_loss:.4f} in {record.seconds:.0f} s",
        "1.62",
    )
    loss_of_precisions(weights, prepared.ids[prepared.split :])


def same_budget(corpus: Corpus) -> None:
    """A character GPT of 4 layers and 128 units in nanoGPT's setting for a CPU, then an LSTM in the same wall-clock time."""
    prepared = _shakespeare(corpus)
    train = torch.from_numpy(prepared.ids[: prepared.split].astype(np.int64))
    gpt = TinyGPT(prepared.vocabulary.size)
    begin = time.perf_counter()
    for x, y in gpt.batches(train, steps=2000):
        gpt.step(x, y)
    budget = time.perf_counter() - begin
    theirs = gpt.loss(torch.from_numpy(prepared.ids[prepared.split :].astype(np.int64)))
    steps = int(0.95 * budget / _seconds_a_step(prepared))  # a little less, so that a slower minute does not break the budget
    with tempfile.TemporaryDirectory() as folder:
        record = _train(_shakespeare(corpus, f"train.max_steps={steps}"), Path(folder))
        cold = evaluation.cold(load_model(Path(folder)).model, prepared.ids, prepared.split, TinyGPT.window).loss
    ours = record.characters / record.chars_per_second  # as for the GPT: training without the evaluation after it
    row(
        f"the training time of a 4x128 character GPT ({budget:.0f} s, it reaches {theirs:.3f} cold-64)",
        f"{record.validation_loss:.3f} stateful, {cold:.3f} cold-64, in {ours:.0f} s",
        "1.75",
    )


def _seconds_a_step(prepared: Prepared) -> float:
    steps = _forever(_trainer_on(prepared))
    list(islice(steps, 5))
    begin = time.perf_counter()
    list(islice(steps, 80))
    return (time.perf_counter() - begin) / 80


def _trainer(*settings: str) -> Trainer:
    asked = ask(None, settings)
    data = asked.config.data
    return _trainer_on(prepare(read_corpus(data.text, data), asked))


def _trainer_on(prepared: Prepared) -> Trainer:
    return Trainer(prepared, new_training(prepared, CPU))


def _shakespeare(corpus: Corpus, *settings: str) -> Prepared:
    short = ("train.batch_size=16", "train.seq_len=64", "train.learning_rate=4e-3", "model.dropout=0.0", "train.epochs=10")
    return prepare(corpus, ask(None, [*short, *settings]))


def _forever(trainer: Trainer) -> Iterator[object]:
    with tempfile.TemporaryDirectory() as folder:
        yield from trainer.fit(RunFolder(Path(folder)))


def _train(prepared: Prepared, folder: Path) -> Record:
    records = [r for r in _trainer_on(prepared).fit(RunFolder(folder)) if isinstance(r, Record)]
    return records[-1]


if __name__ == "__main__":
    main()
