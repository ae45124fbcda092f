"""Measure how fast texts are written: the rows on sampling of `scripts/bench.py`.

python scripts/bench_sampling.py                                                        all but the last row, about two minutes
python scripts/bench_sampling.py --model runs/laptop --shakespeare tinyshakespeare.txt  the loss of 8 and 4 bits too
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from plain import plain_sampling
from report import median_ratio, row, seconds

from charlstm.config import Config, SampleConfig
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts, Weights, read_weights
from charlstm.runs.saved_model import SavedModel, save_model
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.base import Engine
from charlstm.sampling.engines.graph import build_graph
from charlstm.sampling.engines.onnx_engine import OnnxEngine
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.sampling.generate import Row, generate, read_ids
from charlstm.sampling.types import Precision
from charlstm.text.corpus import read_corpus
from charlstm.text.types import Ids
from charlstm.text.vocabulary import CharVocabulary

VOCABULARY = CharVocabulary("".join(map(chr, range(32, 97))))
PLAIN = SampleConfig(prime="A", length=10**9, temperature=0.8)
EVERY = {"top_k": 40, "top_p": 0.95, "min_p": 0.02, "repetition_penalty": 1.1, "stop": ("~~", "THE END")}
ROUNDS = 5


def sampling() -> None:
    """All rows that need no text."""
    model = CharLSTM(VOCABULARY.size, Config().model, torch.Generator().manual_seed(0)).eval()
    tensors = {name: p.detach().numpy() for name, p in model.state_dict().items()}
    engines: dict[Precision, OnnxEngine] = {
        name: OnnxEngine(build_graph(tensors, model.config, name)) for name in ("int8", "int4", "float32")
    }
    one_text(model, engines)
    limit_of_memory(tensors, engines["int8"])
    many_texts(engines["int8"])
    long_prime(model, engines)
    controls(engines["int8"])
    first_character(model)


def one_text(model: CharLSTM, engines: dict[Precision, OnnxEngine]) -> None:
    """One text from a 2x512, against `nn.LSTM` stepped a character at a time."""
    settings = PLAIN.model_copy(update={"top_k": 5})

    def slow() -> float:
        return 150 / seconds(lambda: plain_sampling(model, 0, 150, settings))

    for name, engine in engines.items():
        pairs = [(speed(engine, settings), slow()) for _ in range(ROUNDS)]
        fast, plain = (statistics.median(side) for side in zip(*pairs, strict=True))
        value = f"{median_ratio(pairs):.1f} times ({fast:,.0f} against {plain:,.0f} chars/s)"
        row(f"one text, 2x512, {name}, against a plain `nn.LSTM` one-step loop", value, "28, goal 45" if name == "int8" else "")


def limit_of_memory(tensors: dict[str, np.ndarray], engine: OnnxEngine) -> None:
    """One text, of the rate at which a loop in C reads as many 8-bit weights as a character takes."""
    what, reach = "one text, int8, of the limit that memory sets", "0.4, goal 0.6"
    sweeps = list(compiled_sweeps())
    if not sweeps:
        row(what, "not measured: no C compiler is here (cc)", reach)
        return
    weights = sum(tensor.size for name, tensor in tensors.items() if "lstm.weight_hh" in name or name == "lstm.weight_ih_l1")
    more = 4 * (tensors["head.weight"].size + 4 * 512)  # the head, and a row of the table, are read in float32
    pairs = []
    for _ in range(ROUNDS):
        ours = speed(engine, PLAIN)
        pairs.append((ours, max(sweep(weights) for sweep in sweeps) / (weights + more)))
    rate = statistics.median(limit for _, limit in pairs) * (weights + more)
    row(what, f"{median_ratio(pairs):.2f} (of {rate / 1e9:.1f} GB/s, {(weights + more) / 1e6:.2f} MB a character)", reach)


def compiled_sweeps() -> Sequence[Callable[[int], float]]:
    """`sweep.c` as this machine's compiler makes it, with its usual vectors and with long ones: bytes a second."""
    if not (compiler := shutil.which("cc")):
        return []
    folder = tempfile.mkdtemp()
    sweeps = []
    for number, flags in enumerate(([], ["-mprefer-vector-width=512"])):
        program = Path(folder) / f"sweep{number}"
        source = Path(__file__).with_name("sweep.c")
        command = [compiler, "-O3", "-march=native", *flags, "-pthread", str(source), "-o", str(program)]
        if not subprocess.run(command, check=False, capture_output=True).returncode:
            sweeps.append(partial(_swept, program))
    return sweeps


def _swept(program: Path, weights: int) -> float:
    threads = os.environ.get("OMP_NUM_THREADS") or str(torch.get_num_threads())
    command = [str(program), str(weights // 1024), "1024", threads, "2000"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def many_texts(engine: OnnxEngine) -> None:
    """64 texts at once, against one."""
    pairs = [(speed(engine, PLAIN, 64), speed(engine, PLAIN)) for _ in range(ROUNDS)]
    fast, slow = (statistics.median(side) for side in zip(*pairs, strict=True))
    what = "64 texts at once, characters a second in all, against one text"
    row(what, f"{median_ratio(pairs):.1f} times ({fast:,.0f} against {slow:,.0f})", "2.5, goal 5")


def long_prime(model: CharLSTM, engines: dict[Precision, OnnxEngine]) -> None:
    """A prime of 100,000 characters, against stepping through it. Of what is stepped, a part stands for the whole."""
    ids = np.random.default_rng(0).integers(VOCABULARY.size, size=(100_000, 1))
    for name in ("int8", "float32"):
        engine = engines[name]
        pairs = [(100_000 / seconds(partial(engine.prefill, ids)), stepping(engine, ids[:5_000])) for _ in range(3)]
        fast, slow = (statistics.median(side) for side in zip(*pairs, strict=True))
        value = f"{median_ratio(pairs):.1f} times ({fast:,.0f} against {slow:,.0f} chars/s)"
        row(f"a prime of 100,000 characters, {name}, against stepping through it", value, "4, goal 8" if name == "int8" else "")
    torch_engine = TorchEngine(model)
    fast = 10_000 / seconds(lambda: torch_engine.prefill(ids[:10_000]))
    slow = stepping(torch_engine, ids[:300])
    row("the same with torch, 10,000 characters", f"{fast / slow:.1f} times ({fast:,.0f} against {slow:,.0f} chars/s)", "")


def stepping(engine: Engine, ids: Ids) -> float:
    """Characters a second."""
    _, state = engine.prefill(ids[:1])
    begin = time.perf_counter()
    for column in ids:
        _, state = engine.step(column, state)
    return len(ids) / (time.perf_counter() - begin)


def controls(engine: OnnxEngine) -> None:
    """Top-k, top-p, min-p, repetition penalty and stop texts together, against temperature alone: time a character."""
    every = PLAIN.model_copy(update=EVERY)
    pairs = [(speed(engine, PLAIN), speed(engine, every)) for _ in range(2 * ROUNDS)]
    without, with_all = (1e6 / statistics.median(side) for side in zip(*pairs, strict=True))
    what = "all controls together (top-k, top-p, min-p, penalty, stop), one text, more time a character"
    row(what, f"{median_ratio(pairs) - 1:.1%} ({with_all:.0f} against {without:.0f} microseconds)", "under 35%, goal 10%")


def first_character(model: CharLSTM) -> None:
    """From the shell prompt to the first character, against importing torch, each a process of its own, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        save_model(file, SavedModel(model, VOCABULARY, Config(), Facts(1, 1, 1)))
        command = [sys.executable, "-m", "charlstm", "sample", str(file), "--prime", "A", "--no-prime"]
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        first = until_first_byte(command, environment)
        torch_alone = [sys.executable, "-c", "import torch"]
        pairs = [
            (until_first_byte(command, environment), seconds(lambda: subprocess.run(torch_alone, check=True)))
            for _ in range(ROUNDS)
        ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    value = f"{median_ratio(pairs):.2f} ({ours:.2f} against {theirs:.2f} s; {first / theirs:.2f} when a model is first opened)"
    row("from the shell prompt to the first character, of the time of importing torch", value, "0.5, goal 0.3")


def until_first_byte(command: list[str], environment: dict[str, str]) -> float:
    """Seconds until a process has written something to standard output."""
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        took = time.perf_counter() - begin
        process.kill()
    return took


def loss_of_precisions(weights: Weights, ids: Ids) -> None:
    """What 8 and 4 bits cost a trained model on the validation part of its text.

    64 lanes, each from a zero state; all precisions read the same characters from the same states.
    """
    engines = {
        name: OnnxEngine(build_graph(weights.tensors, weights.config.model, name)) for name in ("float32", "int8", "int4")
    }
    length = len(ids) // 64
    lanes = ids[: 64 * length].reshape(64, length).T.astype(np.int64)
    losses = {name: lanes_loss(engine, lanes) for name, engine in engines.items()}
    for name, reach in (("int8", "0.005, goal 0.001"), ("int4", "")):
        what = f"loss on the last tenth of tiny Shakespeare ({lanes.size:,} characters), {name} against float32"
        row(what, f"{losses[name] - losses['float32']:+.5f} nats a character", reach)


def lanes_loss(engine: OnnxEngine, lanes: Ids) -> float:
    """Nats a character of lanes (T, B), each character but the first of a lane."""
    state, nats = engine.zero_state(lanes.shape[1]), 0.0
    for column, target in pairwise(lanes):
        logits, state = engine.step(column, state)
        exact = logits.astype(np.float64)
        nats += float((np.log(np.exp(exact).sum(axis=1)) - exact[np.arange(len(target)), target]).sum())
    return nats / lanes[1:].size


def speed(engine: OnnxEngine, settings: SampleConfig, count: int = 1) -> float:
    """Characters a second of so many texts, all that belongs to generating them counted."""
    characters = 1500 if count == 1 else 200
    cursor = read_ids(engine, VOCABULARY.encode("A"))
    chosen = settings.model_copy(update={"length": characters})
    made = Controls(chosen, VOCABULARY)
    rows = [Row(made, cursor, seed) for seed in range(count)]
    begin = time.perf_counter()
    for _ in generate(engine, made, cursor, rows):
        pass
    return sum(row.ending.characters for row in rows) / (time.perf_counter() - begin)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure how fast texts are written.")
    parser.add_argument("--model", type=Path, help="a model trained on tiny Shakespeare")
    parser.add_argument("--shakespeare", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    sampling()
    if arguments.model and arguments.shakespeare:
        trained = read_weights(arguments.model)
        corpus = read_corpus([str(arguments.shakespeare)], vocabulary=trained.vocabulary)
        loss_of_precisions(trained, corpus.ids[corpus.split(trained.config.data)[0] :])
