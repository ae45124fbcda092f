"""One engine, used by several threads at once."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pytest

from charlstm.config import SampleConfig
from charlstm.model.char_lstm import CharLSTM
from charlstm.sampling.completions import generate_completions
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines import Engine
from charlstm.sampling.engines.blend import BlendEngine
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.sampling.generate import Cursor, generate_text, read_ids
from charlstm.text.vocabulary import CharVocabulary
from tests.sampling.engines.test_engines import onnx

LETTERS = CharVocabulary("abcdefghijk")
CONTROLS = Controls(SampleConfig(prime="abc", length=150, temperature=1.0, repetition_penalty=1.1), LETTERS)
THREADS = 8
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _often_interrupted() -> Iterator[None]:
    """Threads take turns after a hundredth of the usual time: what two of them share shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=["torch", "float32", "int8", "blend"])
def engine(request: pytest.FixtureRequest, make_model: Callable[..., CharLSTM]) -> Engine:
    model = make_model(hidden_size=48)
    if request.param == "torch":
        return TorchEngine(model)
    if request.param == "blend":
        return BlendEngine([onnx(model), onnx(make_model(num_layers=1))], [1, 2])
    return onnx(model, request.param)


def at_once(does: Callable[[int], T]) -> list[T]:
    """What a function gives for 0, 1, ... in threads of their own, which begin together."""
    start = threading.Barrier(THREADS)

    def begin(number: int) -> T:
        start.wait()
        return does(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_each_thread_gives_what_it_gives_alone(engine: Engine) -> None:
    def texts(number: int) -> list[str]:
        return ["".join(generate_text(engine, CONTROLS, seed)) for seed in (number, 100 + number)]

    alone = [texts(number) for number in range(THREADS)]
    assert at_once(texts) == alone
    assert len({text for pair in alone for text in pair}) == 2 * THREADS


def test_all_go_on_from_one_cursor_several_texts_each(engine: Engine) -> None:
    """A state of one thread is read by the others, while its own thread goes on from it too."""
    cursor = read_ids(engine, LETTERS.encode("abcdefgh"))

    def texts(number: int) -> list[str]:
        return [c.text for c in generate_completions(engine, CONTROLS, cursor, 10 * number, 3)]

    alone = [texts(number) for number in range(THREADS)]
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            "".join(generate_text(engine, CONTROLS, 1))

    beside = threading.Thread(target=go_on)
    beside.start()
    try:
        assert at_once(texts) == alone
    finally:
        stop.set()
        beside.join()


def test_a_text_may_go_from_thread_to_thread(engine: Engine) -> None:
    ids = np.random.default_rng(4).integers(11, size=40)
    expected = read_ids(engine, ids).logits

    def read(number: int) -> np.ndarray:
        cursor: Cursor | None = None
        for part in np.split(ids, 8):
            with ThreadPoolExecutor(1) as pool:  # each part in a thread that ends then
                cursor = pool.submit(read_ids, engine, part, cursor).result()
        assert cursor is not None
        return cursor.logits

    for logits in at_once(read):
        assert logits == pytest.approx(expected, abs=1e-6)


def test_what_threads_that_have_ended_made_is_kept_no_longer(make_model: Callable[..., CharLSTM]) -> None:
    """Also where they all went on from one cursor that stays."""
    engine = onnx(make_model())
    cursor = read_ids(engine, LETTERS.encode("ab"))
    made: list[weakref.ref[object]] = []

    def go_on(seed: int) -> None:
        _, state = engine.step(np.array([seed % 11]), cursor.state)
        made.append(weakref.ref(state.buffers))

    for seed in range(20):
        thread = threading.Thread(target=go_on, args=(seed,))
        thread.start()
        thread.join()
    gc.collect()
    assert sum(ref() is not None for ref in made) == 0
