"""Make faults happen for real, many times, and count how often all held that must. docs/reliability.md has the counts.

python scripts/torture.py                every part in full: about 8 minutes on two cores
python scripts/torture.py --only kill    one part
python scripts/torture.py --short        a few of each, as the tests do

Exit code 1 where anything did not hold. Needs a POSIX system (fork, signals, limits); memory needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch reads it: a fork must find no threads

from refusal import can_refuse, end_it, start_with_it

if __name__ == "__main__":
    start_with_it()

import numpy as np
import torch
import torch._dynamo  # which the first optimizer would import in each child anew, for seconds; others that children need follow
from child import Child, Ended, Watch
from faults import announce, count_steps, hang_once, kill_inside_save
from places import PLACES, Visitor
from together import Starts

from charlstm.commands import text as texts
from charlstm.errors import ModelError
from charlstm.runs.folder import RunFolder
from charlstm.runs.model_file import read_tensors
from charlstm.runs.records import StepRecord
from charlstm.runs.saved_model import load_model
from charlstm.sampling.controls import Controls
from charlstm.scoring import evaluation
from charlstm.text.batches import Batch
from charlstm.text.cache import DamagedEntry, TextCache
from charlstm.training import resume as resuming
from charlstm.training import trainer
from charlstm.training.resume import load_training
from charlstm.training.trainer import Trainer

trainer.PREVIEW_LENGTH = 20  # nobody reads them
INTERVAL = 10
TEXT = "".join(f"{n} green bottles, hanging on the wall;\nand if one green bottle should fall,\n" for n in range(60))
TINY = {
    "model.embedding_size": 8,
    "model.hidden_size": 16,
    "train.batch_size": 4,
    "train.seq_len": 8,
    "track.curves": "false",  # a new interpreter for each training, and seconds of a core; disk, memory and lock have them
}
ENDLESS = {
    **TINY,
    "train.epochs": 1_000_000,
    "train.final_rate": 1,
    "train.warmup_steps": 0,
    "train.save_every": f"{INTERVAL} steps",
}
"""With a constant learning rate the same step is the same whenever training is to end."""
CHANCE = random.Random()

Result = tuple[int, int, str]
"""How many held, of how many, and what else there is to say."""


def settings(values: dict[str, object]) -> list[str]:
    """As options."""
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


def start(home: Path, values: dict[str, object]) -> list[str]:
    """The arguments that train in `home/r`: from the beginning, or on from where it stopped."""
    begin = ["--resume"] if RunFolder(home / "r").held() else ["text.txt"]
    return ["train", *begin, "--run", "r", *settings(values)]


def digest(run: RunFolder) -> str:
    """SHA-256 over weights, moments, random states and hidden state of the newest save."""
    import hashlib

    _, tensors = read_tensors(run.resume)
    parts = (name.encode() + tensors[name].tobytes() for name in sorted(tensors))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def saved_step(run: RunFolder) -> int:
    """The step of the newest whole save."""
    return int(load_training(run)[0].position.step)


def resume(home: Path, rounds: int) -> Result:
    """Stopped at a random step and resumed: the same SHA-256 as uninterrupted. Without a part of the save: another."""
    total = 300
    values = {**ENDLESS, "train.max_steps": total, "model.dropout": 0.3, "train.eval_every": 70}
    held = 0
    Child(home, start(home, values)).end()
    expected, run = digest(RunFolder(home / "r")), RunFolder(home / "r")
    for _ in range(rounds):
        _stop_at(home, values, CHANCE.randrange(1, total))
        Child(home, start(home, values)).end()
        held += digest(run) == expected
    for part in ("random", "state.", "position"):
        _stop_at(home, values, CHANCE.randrange(1, total - 1))
        _lose(run, part)
        Child(home, start(home, values)).end()
        held += digest(run) != expected
    return held, rounds + 3, f"stopped after {rounds} of {total} steps, at random, and 3 negative controls"


def _stop_at(home: Path, values: dict[str, object], step: int) -> None:
    """Train anew, and stop as a signal would after a step."""

    def stop() -> None:
        take = Trainer._step

        def taking(self: Trainer, batch: Batch) -> StepRecord:
            record = take(self, batch)
            if record.step == step and self.position.epoch:  # and not while it only estimates its speed
                self.stop()
            return record

        Trainer._step = taking  # type: ignore[method-assign]

    shutil.rmtree(home / "r", ignore_errors=True)
    Child(home, start(home, values), stop).end()
    assert saved_step(RunFolder(home / "r")) == step


def _lose(run: RunFolder, part: str) -> None:
    """Write the newest save again without a part of it."""
    saved, _ = load_training(run)
    tensors, position = dict(saved.tensors), saved.position
    if part == "position":
        position = replace(position, batch=position.batch - 1)
    elif part == "random":
        tensors["random.cpu"] = torch.Generator().manual_seed(CHANCE.randrange(2**32)).get_state()
    else:
        tensors = {name: value for name, value in tensors.items() if not name.startswith(part)}
    replace(saved, position=position, tensors=tensors).write(run)


def kill(home: Path, rounds: int) -> Result:
    """kill -9, in every other round inside a save. In the end the same weights as never killed."""
    run, watch, held, most = RunFolder(home / "r"), Watch(), 0, 0
    values = {**ENDLESS, "train.eval_every": 23, "model.dropout": 0.3}
    for number in range(rounds):
        inside = number % 2 == 1

        def prepare(inside: bool = inside) -> None:
            count_steps(watch, run)
            if inside:
                kill_inside_save(CHANCE.randrange(1, 60))

        CHANCE.seed(CHANCE.random())  # a child draws from where its parent stands
        before = watch.steps
        child = Child(home, start(home, values), prepare)
        if not inside:
            child.wait_for(lambda before=before: watch.steps != before)  # type: ignore[misc]
            time.sleep(CHANCE.uniform(0, 0.25))
            child.send(signal.SIGKILL)
        died = child.end().code == -signal.SIGKILL
        lost = watch.steps - saved_step(run) if run.held() else watch.steps
        most = max(most, lost)
        held += died and not watch.announced and lost <= INTERVAL
    end = {**values, "train.max_steps": saved_step(run) + 50}
    Child(home, start(home, end)).end()
    killed = digest(run)
    shutil.rmtree(run.path)
    Child(home, start(home, end)).end()
    same = killed == digest(run)
    return held + same, rounds + 1, f"at most {most} steps lost, the interval is {INTERVAL}; in the end the same SHA-256"


PHASES: dict[str, tuple[Any, str, str]] = {
    "reading": (texts, "read_corpus", "the same command begins again"),
    "training": (Trainer, "_step", "train --resume --run r"),
    "evaluating": (evaluation, "stateful", "train --resume --run r"),
    "saving": (resuming, "write_tensors", "train --resume --run r"),
    "sampling": (Controls, "choose", "stopped"),
}


def signals(home: Path, rounds: int) -> Result:
    """Ctrl-C and SIGTERM in each phase of a 2x256 model; every fifth time a second Ctrl-C."""
    values = {"model.hidden_size": 256, "train.epochs": 1000, "train.eval_every": 4, "train.save_every": "3 steps"}
    values |= {"data.validation": 0.5, "track.curves": "false"}
    (home / "long.txt").write_text(TEXT * 12_000, encoding="utf-8")  # 60 MB, which take a while to read
    Child(home, start(home, {**values, "train.max_steps": 1})).end()
    shutil.copytree(home / "r", home / "model")
    held, slowest = 0, 0.0
    kinds = [(phase, number) for phase in PHASES for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    for round_number in range(rounds):
        phase, number = kinds[round_number % len(kinds)]
        ended = _interrupt(home, values, phase, number)
        slowest = max(slowest, ended.seconds)
        held += ended.code == 128 + number and ended.seconds < 5 and PHASES[phase][2] in ended.last_line
    twice = max(1, rounds // 10)
    for _ in range(twice):
        ended = _interrupt(home, values, "saving", signal.SIGINT, twice=True)
        held += ended.code == 130 and ended.seconds < 2 and saved_step(RunFolder(home / "r")) >= 0
    return (
        held,
        rounds + twice,
        f"5 phases, the slowest took {slowest:.1f} s; {twice} more with a second Ctrl-C and a disk that hangs",
    )


def _interrupt(home: Path, values: dict[str, object], phase: str, number: int, twice: bool = False) -> Ended:
    watch, (module, name, _) = Watch(), PHASES[phase]
    shutil.rmtree(home / "r", ignore_errors=True)
    arguments = start(home, values)
    if phase == "sampling":
        arguments = ["sample", "model", "--length", "1000000"]
    elif phase == "reading":
        arguments = ["train", "long.txt", "--run", "r"]
    # A step is taken four times to see how long it will take, and it is saved once at the start.
    after = {"training": 4, "saving": 1}.get(phase, 0) + (1 if phase == "reading" else CHANCE.randrange(1, 4))

    def prepare() -> None:
        announce(watch, module, name)
        if twice:
            hang_once(lambda: watch.announced >= after)

    child = Child(home, arguments, prepare)
    child.wait_for(lambda: watch.announced >= after)
    time.sleep(CHANCE.uniform(0, 0.05))
    child.send(number)
    if twice:
        time.sleep(1)  # a save hangs now, and the first Ctrl-C waits for it
        child.send(number)
    ended = child.end()
    if phase in ("training", "evaluating", "saving"):
        load_training(RunFolder(home / "r"))
    return ended


def disk(home: Path, rounds: int) -> Result:
    """No file may grow beyond a limit that falls upon a training at a random moment: for it, the disk is full."""
    run, held, codes = RunFolder(home / "r"), 0, 0
    values = {**ENDLESS, "train.save_every": "1000 min", "train.eval_every": 20, "track.curves": "true"}
    written = [run.metrics, run.samples, run.best, run.last, run.resume]  # models behind the training, and so after samples
    for number in range(rounds):
        if number % 5 == 0:
            shutil.rmtree(run.path, ignore_errors=True)
        watch = Watch()
        child = Child(home, start(home, values), lambda watch=watch: count_steps(watch))  # type: ignore[misc]
        child.wait_for(lambda watch=watch: watch.steps % 20 > 3 and all(file.exists() for file in written))  # type: ignore[misc]
        target = CHANCE.choice([run.metrics, run.samples, run.last, run.resume])
        limit = max(1, target.stat().st_size - CHANCE.randrange(1, 50))
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (limit, limit))
        ended = child.end()
        codes += ended.code == 1
        whole = saved_step(run) >= 0 and all(load_model(file) for file in (run.best, run.last))
        lines = [line for line in ended.said.splitlines() if line.startswith("charlstm: can't write")]
        clean = not list(run.path.glob(".*.tmp")) and _are_records(run.metrics)
        held += ended.code == 1 and len(lines) == 1 and ended.last_line == lines[0] and whole and clean
    return held, rounds, "one line, exit code 1, the files before it whole, no temporary left"


def _are_records(metrics: Path) -> bool:
    steps = [json.loads(line)["step"] for line in metrics.read_text(encoding="utf-8").splitlines()]
    return steps == sorted(set(steps))


def damage(home: Path, rounds: int) -> Result:
    """One bit flipped, or a file cut short: saves (the one before is taken), models (refused), all else (named)."""
    Child(home, start(home, {**ENDLESS, "train.max_steps": 60, "train.eval_every": 20})).end()
    run, held, cache = RunFolder(home / "r"), 0, TextCache(home)
    saved, _ = load_training(run)
    cache.save("text", [np.arange(256, dtype=np.uint8)] * 20, dict)
    files = [run.resume, run.best, run.last, run.metrics, run.samples, run.config, home / "text.ids"]
    kept = {file: file.read_bytes() for file in [*files, run.previous]}
    for number in range(rounds):
        for file, data in kept.items():
            file.write_bytes(data)
        file = files[number % len(files)]
        data, place = kept[file], CHANCE.randrange(len(kept[file]))
        flipped = data[:place] + bytes([data[place] ^ 1 << CHANCE.randrange(8)]) + data[place + 1 :]
        file.write_bytes(flipped if CHANCE.random() < 0.5 else data[:place])
        if file == run.resume:
            held += "going on from the save before it" in load_training(run)[1]
        elif file in (run.best, run.last):
            held += _refuses(lambda file=file: load_model(file))  # type: ignore[misc]
        elif file == run.config:
            held += not run.holds_config(saved.config)
        elif file in (run.metrics, run.samples):
            held += run.go_back_to(saved.marks) == [file.name]
        else:
            held += _refuses(lambda: cache.load("text"))
    return held, rounds, f"found, each time, in {len(files)} kinds of files"


def _refuses(read: Callable[[], object]) -> bool:
    try:
        read()
    except (ModelError, DamagedEntry):
        return True
    return False


def divergence(home: Path, rounds: int) -> Result:
    """A weight becomes NaN or infinite after a random step: back to the save before, and on to the end."""
    held = 0
    for _ in range(rounds):
        shutil.rmtree(home / "r", ignore_errors=True)
        step, value = CHANCE.randrange(1, 190), CHANCE.choice([float("nan"), float("inf")])

        def spoil(step: int = step, value: float = value) -> None:
            take = Trainer._step
            done: list[int] = []

            def taking(self: Trainer, batch: Batch) -> StepRecord:
                record = take(self, batch)
                if record.step == step and self.position.epoch and not done:
                    done.append(step)
                    with torch.no_grad():
                        CHANCE.choice(list(self.model.parameters())).view(-1)[0] = value
                return record

            Trainer._step = taking  # type: ignore[method-assign]

        ended = Child(home, start(home, {**ENDLESS, "train.max_steps": 200, "train.eval_every": 50}), spoil).end()
        run = RunFolder(home / "r")
        finite = all(p.isfinite().all() for file in (run.best, run.last) for p in load_model(file).model.parameters())
        told = ended.said.count("with half the learning rate (1 of at most 3 times)") == 1
        held += ended.code == 0 and told and finite and saved_step(run) == 200 and _are_records(run.metrics)
    return held, rounds, "trained to the end, saved nothing that is not finite"


def memory(home: Path, rounds: int) -> Result:
    """Less memory than a step needs: from the beginning, or all of a sudden in the middle."""
    held = 0
    (home / "long.txt").write_text(TEXT * 200, encoding="utf-8")
    small: dict[str, object] = {"model.hidden_size": 256, "train.save_every": "2 steps"}
    for number in range(rounds):
        shutil.rmtree(home / "r", ignore_errors=True)
        sudden, watch = number % 2 == 1, Watch()
        arguments = ["train", "long.txt", "--run", "r", *settings({**small, "train.batch_size": 100 if sudden else 4000})]
        child = Child(home, arguments, lambda watch=watch: count_steps(watch))  # type: ignore[misc]
        child.wait_for((lambda watch=watch: watch.steps > 3) if sudden else (home / "r").exists, 0.5 + 60 * sudden)  # type: ignore[misc]
        in_use = int(Path(f"/proc/{child.pid}/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        limit = in_use + CHANCE.randrange(2**20, 2**26)
        resource.prlimit(child.pid, resource.RLIMIT_AS, (limit, limit))
        ended = child.end()
        whole = not sudden or saved_step(RunFolder(home / "r")) >= 2
        told = "out of memory" in ended.last_line and "train.batch_size" in ended.last_line
        held += whole and ended.code == 1 and told
    return held, rounds, "one line that names a smaller batch and sequence, exit code 1, the last save whole"


def lock(home: Path, rounds: int) -> Result:
    """A second training in the same folder is refused; after kill -9 of the first, it is not."""
    held, drawn = 0, {**ENDLESS, "track.curves": "true"}
    for _ in range(rounds):
        shutil.rmtree(home / "r", ignore_errors=True)
        watch = Watch()
        first = Child(home, start(home, drawn), lambda watch=watch: count_steps(watch))  # type: ignore[misc]
        first.wait_for(lambda watch=watch: watch.steps > 0)  # type: ignore[misc]
        second = Child(home, ["train", "--resume", "--run", "r"]).end()
        first.send(signal.SIGKILL)
        first.end()
        third = Child(home, start(home, {**drawn, "train.max_steps": watch.steps + 20})).end()
        held += second.code == 2 and "another training" in second.last_line and third.code == 0
    return held, rounds, "refused while it runs, free once it is killed"


def places(home: Path, rounds: int) -> Result:
    """Homes, caches, locks, links and file systems as they are elsewhere: the same model, with at most a warning."""
    if not can_refuse():
        return 0, 0, "there is no C compiler, or this is not Linux"
    visitor = Visitor(home, settings(TINY))
    kinds = list(PLACES)
    visited = [*kinds * (rounds // len(kinds)), *CHANCE.sample(kinds, rounds % len(kinds))]
    failed = [name for name in visited if not visitor.holds(PLACES[name])]
    return rounds - len(failed), rounds, f"{len(set(visited))} kinds of places{', not: ' * bool(failed)}{', '.join(failed)}"


def together(home: Path, rounds: int) -> Result:
    """Trainings, searches and samples that start in the same moment: each takes a name of its own, and each is done."""
    starts = Starts(home, settings({**TINY, "train.max_steps": 4}), CHANCE)
    held, of = starts.count(rounds)
    return held, of, f"{rounds} times {starts.AT_ONCE} starts at once, of trainings, searches and samples"


PARTS: dict[str, tuple[Callable[[Path, int], Result], int, int]] = {
    "resume": (resume, 20, 1),
    "kill": (kill, 100, 6),
    "signals": (signals, 60, 10),
    "disk": (disk, 40, 3),
    "damage": (damage, 2000, 100),
    "divergence": (divergence, 20, 1),
    "memory": (memory, 10, 2),
    "lock": (lock, 10, 1),
    "places": (places, 28, 3),
    "together": (together, 20, 3),
}
"""Each with its number of rounds, in full and in short."""


def torture(names: list[str], short: bool) -> bool:
    """Run parts, print a row each -> whether all held."""
    all_held = True
    for name in names:
        part, full, few = PARTS[name]
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as home:
            (Path(home) / "text.txt").write_text(TEXT, encoding="utf-8")
            held, of, about = part(Path(home), few if short else full)
        print(f"| {name} | {held} of {of} | {about} | {time.monotonic() - begin:.0f} s |", flush=True)
        all_held = all_held and held == of
    return all_held


def run() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make faults happen for real, and count what held.")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--short", action="store_true", help="a few of each")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    CHANCE.seed(arguments.seed)
    torch.set_num_threads(1)
    end_it()
    return 0 if torture(arguments.only or list(PARTS), arguments.short) else 1


if __name__ == "__main__":
    sys.exit(run())
