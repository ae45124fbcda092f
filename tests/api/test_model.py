from __future__ import annotations

import copy
import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charlstm
from charlstm.cli import main
from charlstm.scoring.evaluation import stateful


def sampled(run: charlstm.Run, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["sample", str(run.path), *arguments]) == 0
    return capsys.readouterr().out


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main([*arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({}, ()),
        ({"top_k": 3, "temperature": 0.5}, ("--top-k", "3", "--temperature", "0.5")),
        ({"stop": "\n", "ban": "a"}, ("--stop", "\n", "--ban", "a")),
        (
            {"bias": ["e=1.5"], "min_length": 5, "stop": ("l", "o")},
            ("--bias", "e=1.5", "--min-length", "5", "--stop", "l", "--stop", "o"),
        ),
    ],
    ids=str,
)
def test_a_text_is_the_one_of_the_command(
    run: charlstm.Run, model: charlstm.Model, capsys: pytest.CaptureFixture[str], settings: Any, flags: tuple[str, ...]
) -> None:
    text = model.generate("green ", length=60, seed=7, **settings)
    assert text == sampled(run, capsys, "--prime", "green ", "--length", "60", "--seed", "7", "--no-prime", *flags)
    assert text == "".join(model.stream("green ", length=60, seed=7, **settings))
    (completion,) = model.completions("green ", length=60, seed=7, **settings)
    assert (completion.text, completion.seed) == (text, 7)


def test_without_a_prime_the_runs_own_and_without_a_seed_another_text_each_time(model: charlstm.Model) -> None:
    assert model.generate(length=30, seed=1) == model.generate(model.config.sample.prime, length=30, seed=1)
    assert len({model.generate(length=80, temperature=2.0) for _ in range(3)}) == 3


def test_completions_are_what_the_command_answers(
    run: charlstm.Run, model: charlstm.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    completions = model.completions("gre", count=3, seed=5, length=20, logprobs=2, require="e", tries=9)
    flags = ("--count", "3", "--seed", "5", "--length", "20", "--json", "--logprobs", "2", "--require", "e", "--tries", "9")
    lines = sampled(run, capsys, "--prime", "gre", *flags).splitlines()
    assert [completion.text for completion in completions] == [json.loads(line)["text"] for line in lines]
    assert all(len(one.choices) == 20 and len(one.choices[0].alternatives) == 2 for one in completions)
    said = json.loads(lines[0])["logprobs"]
    assert [choice.logprob for choice in completions[0].choices] == pytest.approx([one["logprob"] for one in said], abs=1e-5)


def test_the_most_probable_text_is_that_of_a_beam(
    run: charlstm.Run, model: charlstm.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert model.search("gre", beam=3, length=12) == sampled(
        run, capsys, "--prime", "gre", "--beam", "3", "--length", "12", "--no-prime"
    )


def test_a_blend_with_itself_is_the_model(run: charlstm.Run, model: charlstm.Model) -> None:
    (blended,) = model.completions("gre", seed=2, length=30, blend={str(run.path): 2.0})
    assert blended.text == model.generate("gre", seed=2, length=30)


def test_texts_that_copy_are_drawn_again(model: charlstm.Model, poems: Path) -> None:
    (free,) = model.completions("green ", seed=1, length=40, novelty=poems)
    assert free.text
    with pytest.raises(
        charlstm.NoneFitError, match=r"reject_copied=1: 0 of 1 texts fit, each drawn up to 2 times; give more tries"
    ):
        model.completions("green ", seed=1, length=40, novelty=poems, reject_copied=1, tries=2)


def test_a_score_is_that_of_the_command_and_of_each_character(
    run: charlstm.Run, model: charlstm.Model, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = "green bottles,\nhanging"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    expected = answer(capsys, "score", str(run.path), str(tmp_path / "a.txt"), "--by", "document", "--per-char", "--json")
    score = model.score(text)
    assert (score.loss, score.bpc, score.perplexity, score.rank) == pytest.approx(
        tuple(expected[key] for key in ("nats", "bpc", "perplexity", "rank")), rel=1e-5
    )
    assert "".join(one.character for one in score.characters) == text
    assert sum(one.nats or 0 for one in score.characters) == pytest.approx(score.nats)
    assert [one.rank for one in score.characters] == [rank for _, _, rank in expected["characters"]]
    assert f"{score.loss:.4f} nats" in repr(score)


def test_a_text_without_characters_costs_nothing(model: charlstm.Model) -> None:
    assert repr(model.score("")) == "TextScore(no character to score)"


def test_an_evaluation_is_that_of_the_command(
    run: charlstm.Run, model: charlstm.Model, capsys: pytest.CaptureFixture[str], poems: Path
) -> None:
    found = model.evaluate(poems, part="validation", dynamic=True)
    expected = answer(capsys, "eval", str(run.path), str(poems), "--validation", "--dynamic", "--json")
    assert {name: one.chars for name, one in found.items()} == {name: one["chars"] for name, one in expected.items()}
    assert {name: one.loss for name, one in found.items()} == pytest.approx(
        {name: one["nats"] for name, one in expected.items()}
    )
    assert list(found) == ["stateful", "cold-256", "stateful, dynamic"]
    (only,) = model.evaluate(str(poems), protocol="cold", window=64).items()
    assert only[0] == "cold-64"


def test_a_model_says_what_it_is(run: charlstm.Run, model: charlstm.Model) -> None:
    assert model.parameters == model.network.parameters_count
    assert model.config.model.hidden_size == 16
    assert model.facts.epoch == 2
    assert str(run.path) in repr(model)
    assert "LSTM 2 x 16" in repr(model)


def test_a_trace_has_the_numbers_of_the_model(model: charlstm.Model) -> None:
    trace = model.trace("green bottles")
    T, L, H = 13, 2, 16
    for array in (trace.input_gate, trace.forget_gate, trace.output_gate, trace.candidate, trace.cell, trace.hidden):
        assert array.shape == (T, L, H)
        assert array.dtype == np.float32
    # The cell's own equation, from arrays alone.
    kept = trace.forget_gate[1:] * trace.cell[:-1] + trace.input_gate[1:] * trace.candidate[1:]
    assert np.allclose(trace.cell[1:], kept, atol=1e-6)
    assert np.allclose(trace.hidden, trace.output_gate * np.tanh(trace.cell), atol=1e-6)
    logits = trace.logits[5] - trace.logits[5].max()
    assert trace.probabilities()[5] == pytest.approx(float(np.exp(logits[trace.ids[6]]) / np.exp(logits).sum()), rel=1e-5)
    assert trace.text == "green bottles"
    assert repr(trace) == "TextTrace(13 characters, 2 layers, 16 neurons each)"


def test_gradients_are_those_of_each_position(model: charlstm.Model) -> None:
    trace = model.trace("green bottles")
    every = trace.gradients(window=4)
    assert every.shape == (12, 4)
    for position in (1, 5, 12):
        alone = trace.gradient(position, window=4)
        assert np.allclose(every[position - 1][-len(alone) :], alone, rtol=1e-4)
    for wrong in (0, 13, -1):
        with pytest.raises(charlstm.CharlstmError, match=rf"position={wrong}: expected a position from 1 to 12"):
            trace.gradient(wrong)


def test_a_step_is_explained_by_the_numbers_of_the_command(
    run: charlstm.Run, model: charlstm.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    step = model.explain("green bottles", at=4, layer=1)
    expected = answer(capsys, "explain", str(run.path), "green bottles", "--at", "4", "--layer", "1", "--json")
    for name, column in step.columns().items():
        assert np.allclose(column, expected["neurons"][name], rtol=1e-3, atol=1e-6), name
    with pytest.raises(charlstm.CharlstmError, match="layer=2: expected a number from 0 to 1"):
        model.explain("green", layer=2)


def test_memory_is_measured_on_a_text(model: charlstm.Model, poems: Path) -> None:
    memory = model.memory(poems, places=4)
    assert memory.places == 4
    assert memory.contexts[-1].chars == 1024
    short = poems.with_name("short.txt")
    short.write_text(poems.read_text(encoding="utf-8")[:1600], encoding="utf-8")
    with pytest.raises(charlstm.TextError, match=r"at least 2,536 are needed for so many places"):
        model.memory(short, places=1000)


def test_line_ends_are_read_as_the_model_knows_them(poems: Path, tmp_path: Path) -> None:
    run = charlstm.train(poems, run=tmp_path / "lf", max_steps=1, hidden_size=4, embedding_size=0, newlines="lf", curves=False)
    lf = run.model()
    assert lf.score("green\r\nbottles").nats == lf.score("green\nbottles").nats
    assert lf.trace("green\r\nbottles").text == "green\nbottles"


def test_classification_is_that_of_the_command(
    run: charlstm.Run, model: charlstm.Model, poems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = charlstm.train(poems, run=tmp_path / "o", max_steps=1, hidden_size=4, embedding_size=0, curves=False).model()
    (tmp_path / "a.txt").write_text("green bottles", encoding="utf-8")
    flags = ("--model", f"a={run.path}", "--model", f"b={tmp_path / 'o'}", "--json")
    expected = answer(capsys, "classify", str(tmp_path / "a.txt"), *flags)["probabilities"]
    (found,) = charlstm.classify({"a": model, "b": other}, ["green bottles"])
    assert found == pytest.approx(expected, abs=1e-6)
    (sure,) = charlstm.classify({"a": model, "b": other}, ["g"], priors={"a": 1e-30, "b": 1.0})
    assert sure["b"] > 0.999
    for models, priors in (
        ({"a": model}, None),
        ({"a": model, "b": other}, {"a": 1.0}),
        ({"a": model, "b": other}, {"a": 0.0, "b": 1.0}),
    ):
        with pytest.raises(charlstm.CharlstmError):
            charlstm.classify(models, ["g"], priors=priors)


def load_with(model: charlstm.Model, **wrong: Any) -> charlstm.Model:
    return charlstm.load(model, **wrong)


@pytest.mark.parametrize(
    ("call", "kind", "key", "message"),
    [
        (
            lambda m: m.generate("The", top_k=-1),
            charlstm.ConfigError,
            "sample.top_k",
            "top_k=-1: expected a whole number at least 0",
        ),
        (lambda m: m.generate("é", seed=1), charlstm.CharlstmError, None, "unknown='skip'"),
        (lambda m: m.generate("g", lenght=3), charlstm.ConfigError, None, "lenght=3: no such"),
        (lambda m: m.generate("g", seed=-1), charlstm.CharlstmError, "seed", "seed=-1: expected a whole number at least 0"),
        (
            lambda m: m.completions("g", tries=2),
            charlstm.CharlstmError,
            None,
            "tries does nothing without require or unique or reject_copied",
        ),
        (lambda m: m.generate(""), charlstm.CharlstmError, None, "the prime is empty"),
        (lambda m: m.completions("g", require="("), charlstm.CharlstmError, "require", "require='(': not a regular expression"),
        (lambda m: m.score("é"), charlstm.UnknownCharactersError, None, "unknown='skip' leaves such characters out"),
        (lambda m: m.evaluate("nowhere.txt"), charlstm.TextError, None, "no such file: nowhere.txt"),
        (lambda m: m.evaluate(), charlstm.TextError, "text", "text: expected at least one text"),
        (lambda m: m.evaluate("a", part="v"), charlstm.CharlstmError, "part", "part='v': expected all, validation or test"),
        (lambda m: m.evaluate("a", protocol="x"), charlstm.CharlstmError, "protocol", "expected stateful or cold"),
        (lambda m: m.evaluate("a", window=0), charlstm.CharlstmError, "window", "window=0: expected from 1 to"),
        (lambda m: m.evaluate("a", protocol="stateful", window=9), charlstm.CharlstmError, "window", "has no windows"),
        (lambda m: m.memory("a", places=1), charlstm.CharlstmError, "places", "places=1: expected from 2 to 2,000"),
        (lambda m: m.score(Path("a")), charlstm.TextError, "text", "expected one text, as a str; read the file first"),
        (lambda m: m.generate(5), charlstm.TextError, "prime", "prime=5: expected one text"),
        (lambda m: m.generate("g", unknown="x"), charlstm.CharlstmError, "unknown", "expected error or skip"),
        (lambda m: m.explain("g", at=1.0), charlstm.CharlstmError, "at", "at=1.0: expected a number from"),
        (lambda m: load_with(m, engine="x"), charlstm.CharlstmError, "engine", "engine='x': expected auto, torch or onnx"),
        (lambda m: load_with(m, precision="x"), charlstm.CharlstmError, "precision", "expected auto, float32, int8 or int4"),
        (lambda m: m.trace("g"), charlstm.TextError, None, "at least 2 are needed"),
        (lambda m: charlstm.load("nowhere"), charlstm.ModelError, None, "no such model: nowhere"),
        (lambda m: charlstm.load(m.path, device="tpu").generate("g"), charlstm.DeviceError, "device", "device="),
    ],
)
def test_errors_are_worded_for_python(
    model: charlstm.Model, call: Any, kind: type[charlstm.CharlstmError], key: str | None, message: str
) -> None:
    with pytest.raises(kind) as caught:
        call(model)
    assert message in str(caught.value)
    assert "--" not in str(caught.value)
    if key:
        assert caught.value.key == key


def test_numbers_of_numpy_are_numbers(model: charlstm.Model) -> None:
    drawn = model.generate("gre", seed=np.int64(3), length=np.int64(9), temperature=np.float32(0.5))  # type: ignore[arg-type]
    assert drawn == model.generate("gre", seed=3, length=9, temperature=0.5)


def test_one_character_can_be_explained(model: charlstm.Model) -> None:
    assert np.allclose(model.explain("g").hidden_before, 0)


def test_a_stop_text_that_can_not_occur_is_a_warning(model: charlstm.Model) -> None:
    with pytest.warns(UserWarning, match="the stop text '★' can't occur"):
        model.generate("gre", stop="★", length=3)


def test_a_model_is_copied_and_sent_as_what_it_was_loaded_from(model: charlstm.Model) -> None:
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), charlstm.load(model)):
        assert other.generate("gre", seed=1, length=20) == model.generate("gre", seed=1, length=20)


def test_a_file_that_is_replaced_changes_no_model(run: charlstm.Run, tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    shutil.copy(run.path / "best.safetensors", file)
    model = charlstm.load(file)
    expected = run.model().score("green").nats
    file.unlink()
    assert model.score("green").nats == expected


def test_a_list_of_one_text_is_wanted_and_not_a_text(model: charlstm.Model) -> None:
    with pytest.raises(charlstm.CharlstmError, match="texts='green': expected several texts; give a list"):
        charlstm.classify({"a": model, "b": model}, "green")


def test_too_little_memory_is_said_as_that(model: charlstm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("charlstm.scoring.surprise.Scorer.score", fail)
    with pytest.raises(charlstm.OutOfMemoryError, match="out of memory: take a smaller model"):
        model.score("green")


def test_unknown_characters_are_left_out_where_that_is_asked(model: charlstm.Model) -> None:
    assert model.generate("égreen", unknown="skip", seed=1, length=9) == model.generate("green", seed=1, length=9)
    assert model.score("égreen", unknown="skip").chars == 5
    assert model.trace("égreen", unknown="skip").text == "green"


def test_several_threads_share_a_model(run: charlstm.Run) -> None:
    """One that nobody has used yet: opening it is part of what happens at once."""
    fresh = run.model()
    texts = {seed: run.model().generate("gre", length=120, seed=seed) for seed in range(3)}
    with ThreadPoolExecutor(6) as pool:
        found = list(
            pool.map(lambda i: (i % 3, fresh.generate("gre", length=120, seed=i % 3), fresh.score("green").nats), range(12))
        )
    assert {(seed, text) for seed, text, _ in found} == set(texts.items())
    assert len({nats for *_, nats in found}) == 1


def test_in_a_notebook_a_score_is_coloured_and_safe(model: charlstm.Model) -> None:
    score = model.score("green bottles\n")
    assert score._repr_html_().count('<span title="') == len("green bottles\n")
    hostile = charlstm.TextScore(
        1.0, 1, 1, (charlstm.CharacterSurprise("<", 1.0, 1), charlstm.CharacterSurprise("\x1b", None, None))
    )
    html = hostile._repr_html_()
    assert "&lt;</span>" in html
    assert "\x1b" not in html


def test_in_a_notebook_a_trace_is_a_page_in_a_frame_of_its_own(model: charlstm.Model) -> None:
    html = model.trace("green bottles, hanging on the wall")._repr_html_()
    assert html.startswith("<iframe ")
    assert 'sandbox="allow-scripts"' in html
    assert "&lt;!doctype html&gt;" in html.lower()


def test_a_figure_agrees_with_the_protocol_it_names(model: charlstm.Model, poems: Path) -> None:
    ids = model.vocabulary.encode(poems.read_text(encoding="utf-8"))
    assert model.evaluate(poems)["stateful"].loss == pytest.approx(stateful(model.network, ids).loss)
