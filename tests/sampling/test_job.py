from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from charlstm.cli import main
from charlstm.cli.wording import said
from charlstm.errors import CharlstmError, NoneFitError
from charlstm.runs.model_file import Weights, read_weights
from charlstm.sampling import request as request_module
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.onnx_engine import OnnxEngine
from charlstm.sampling.engines.selection import Opened, open_engine
from charlstm.sampling.generate import encode_prime, generate_text
from charlstm.sampling.job import SampleJob, resolve
from charlstm.sampling.request import SampleRequest
from charlstm.sampling.stops import NO_END
from tests.commands.test_sample import folder

__all__ = ["folder"]


@pytest.fixture
def weights(folder: Path) -> Weights:
    return read_weights(folder / "m")


def whole(job: SampleJob) -> list[str]:
    texts = [""] * job.count
    for number, piece in job.pieces():
        texts[number] += piece
    return texts


def test_texts_are_those_of_the_settings_and_of_their_seeds(weights: Weights) -> None:
    job = resolve(SampleRequest({"length": 20, "top_k": 4}, seed=7, count=3), weights)
    settings = weights.config.sample.model_copy(update={"length": 20, "top_k": 4})
    engine = open_engine(weights).engine
    expected = ["".join(generate_text(engine, Controls(settings, weights.vocabulary), 7 + i)) for i in range(3)]
    assert (job.prime, job.settings, job.vocabulary) == ("ab", settings, weights.vocabulary)
    assert [completion.text for completion in job.completions()] == whole(job) == expected
    assert whole(job) == expected, "as often as one likes"


def test_a_prime_stands_in_place_of_that_of_the_settings(weights: Weights) -> None:
    assert resolve(SampleRequest(), weights).prime == "ab"
    assert resolve(SampleRequest({"prime": "c"}), weights).prime == "c"
    assert resolve(SampleRequest({"prime": "c"}), weights, prime="gh").prime == "gh"
    job = resolve(SampleRequest(unknown="skip"), weights, prime="d★e")
    assert (job.prime, job.ids.tolist()) == ("de", encode_prime("de", weights.vocabulary).tolist())
    with pytest.raises(CharlstmError) as raised:
        resolve(SampleRequest(), weights, prime="d★e")
    problem = "the prime has characters that the model never saw: '★' (U+2605); use "
    assert str(raised.value) == f"{problem}unknown='skip' to leave them out"
    assert said(raised.value) == f"{problem}--unknown skip to leave them out"


def test_a_fresh_seed_is_told_and_gives_the_same_text_again(weights: Weights) -> None:
    job = resolve(SampleRequest(), weights)
    assert whole(job) == whole(resolve(SampleRequest(seed=job.seed), weights))
    assert job.seed != resolve(SampleRequest(), weights).seed


def test_an_engine_that_is_open_is_used_and_none_is_opened(
    weights: Weights, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, blend = SampleRequest(seed=3), SampleRequest(seed=3, blend=[f"{folder / 'other'}:2"])
    expected = [whole(resolve(request, weights)) for request in (alone, blend)]
    engine = open_engine(weights).engine
    opened: list[Weights] = []

    def noting(other: Weights, *_: object) -> Opened:
        opened.append(other)
        return open_engine(other)

    monkeypatch.setattr("charlstm.sampling.job.open_engine", noting)
    jobs = [resolve(request, weights, engine=engine) for request in (alone, blend)]
    assert [whole(job) for job in jobs] == expected
    assert jobs[0].engine is engine
    assert [len(job.opened) for job in jobs] == [0, 1]
    assert len(opened) == 1, "the one that is mixed in"


def test_without_an_end(weights: Weights) -> None:
    job = resolve(SampleRequest({"min_length": 50}, forever=True, seed=1), weights)
    assert job.settings.length == NO_END
    pieces = job.pieces()
    assert "".join(next(pieces)[1] for _ in range(200)).startswith(whole(resolve(SampleRequest(seed=1), weights))[0])


def test_a_beam_is_one_text_and_what_belongs_to_a_draw_does_not_count(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[sample]\ntop_k = 1\ntemperature = 9.0\nlength = 12\n", encoding="utf-8")
    job = resolve(SampleRequest({"length": 12}, beam=3), weights)
    found = job.find()
    assert whole(job) == [found.text]
    assert resolve(SampleRequest(config=tmp_path / "c.toml", beam=3), weights).find() == found


def test_texts_that_are_not_as_asked_for_are_drawn_again(weights: Weights) -> None:
    request = SampleRequest({"length": 9}, seed=2, count=4, require="^[^a]{3}")
    job = resolve(request, weights)
    assert job.tries == 20
    texts = [completion.text for completion in job.completions()]
    assert len(texts) == 4
    assert all("a" not in text[:3] for text in texts)
    assert list(job.pieces()) == list(enumerate(texts)), "each in one piece"
    job.require_all(4)
    with pytest.raises(NoneFitError) as raised:
        resolve(SampleRequest(count=4, require="nothing like it", tries=1), weights).require_all(1)
    assert str(raised.value) == (
        "require='nothing like it': 1 of 4 texts fit, each drawn once; "
        "give more tries, another seed, or a pattern that fits more"
    )


def test_what_is_copied_is_drawn_again(weights: Weights, tmp_path: Path) -> None:
    (text,) = whole(resolve(SampleRequest(seed=4), weights))
    (tmp_path / "corpus.txt").write_text(text, encoding="utf-8")
    seen: list[int] = []
    request = SampleRequest(seed=4, novelty=[str(tmp_path / "corpus.txt")], reject_copied=20, require="a")
    job = resolve(request, weights, progress=lambda done, total: seen.append(done))
    (again,) = [completion.text for completion in job.completions()]
    assert again != text
    copied = job.copied(again)
    assert copied is not None
    assert copied.longest < 20
    assert seen, "reading the corpus is told"
    with pytest.raises(NoneFitError) as raised:
        job.require_all(0)
    assert said(raised.value).startswith("--require a and --reject-copied 20: 0 of 1 texts fit, each drawn up to 20 times; ")
    assert resolve(SampleRequest(), weights).copied(text) is None


def test_one_call_makes_everything_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Controls, the pattern, what a blend says, the prime's ids, each engine."""
    counts: dict[str, int] = {}

    def counting(owner: object, name: str, of: Callable[..., bool] = lambda *_: True) -> None:
        real = getattr(owner, name)

        def counted(*arguments: object, **more: object) -> object:
            counts[name] = counts.get(name, 0) + of(*arguments)
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, counted)

    counting(Controls, "__init__")
    counting(re, "compile", lambda pattern, *_: pattern == "once[^x]|a")
    counting(request_module, "parse_blend")
    counting(OnnxEngine, "prefill", lambda _, ids, *__: len(ids) == 5)
    counting(OnnxEngine, "__init__")
    blend = f"{folder / 'other'}:2"
    for model in ("m", "other"):  # so that no engine is made to be measured
        main(["sample", str(folder / model), "--length", "1"])
    counts.clear()
    monkeypatch.chdir(tmp_path)
    arguments = ["--prime", "abcde", "--require", "once[^x]|a", "--count", "3", "--seed", "1", "--json", "--blend", blend]
    assert main(["sample", str(folder / "m"), *arguments]) == 0
    capfd.readouterr()
    # Each of the two engines reads the prime.
    assert counts == {"__init__": 1 + 2, "compile": 1, "parse_blend": 1, "prefill": 2}


def test_controls_that_do_not_fit_are_found_before_an_engine_is_opened(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charlstm.sampling.job.open_engine", lambda *_: pytest.fail("opened"))
    with pytest.raises(CharlstmError, match=r"sample\.ban.*'★'"):
        resolve(SampleRequest({"ban": "★"}), weights)
