from __future__ import annotations

import random
from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from charlstm.config import SampleConfig
from charlstm.errors import CharlstmError, ConfigError
from charlstm.model.char_lstm import CharLSTM
from charlstm.sampling.controls import Controls
from charlstm.sampling.engines.torch_engine import TorchEngine
from charlstm.sampling.generate import generate_text, read_ids
from charlstm.sampling.session import Draft, Place
from charlstm.text.vocabulary import ByteVocabulary, CharVocabulary

LETTERS = CharVocabulary("abcdefghi\n ")
SETTINGS = SampleConfig(prime="ab", length=12, temperature=1.0)


class Counting(TorchEngine):
    """Counts the ids that were read."""

    read = 0

    def prefill(self, ids, state=None):  # type: ignore[no-untyped-def]
        self.read += len(ids)
        return super().prefill(ids, state)


@pytest.fixture
def engine(make_model: Callable[..., CharLSTM]) -> Counting:
    return Counting(make_model())


@pytest.fixture
def draft(engine: Counting) -> Draft:
    return Draft(engine, Controls(SETTINGS, LETTERS), seed=5)


def text(draft: Draft) -> str:
    return draft.place.text()


def assert_stands_where_its_text_says(draft: Draft, engine: Counting) -> None:
    assert draft.place.length == len(text(draft))
    if draft.place.length:
        assert draft.place.cursor is not None
        whole = read_ids(engine, LETTERS.encode(text(draft)))
        np.testing.assert_allclose(draft.place.cursor.logits, whole.logits, atol=1e-5)
        assert draft.place.cursor.history.tolist() == whole.history.tolist()
    else:
        assert draft.place.cursor is None


def test_turns_are_one_text_and_each_continuation_is_that_of_all_before_it(draft: Draft, engine: Counting) -> None:
    for number, typed in enumerate(("ab", "", "hi\n", "c")):
        draft.add(typed)
        before = text(draft)
        assert before.endswith(typed)
        written = "".join(draft.go_on())
        assert written == "".join(
            generate_text(engine, Controls(SETTINGS.model_copy(update={"prime": before}), LETTERS), 5 + number)
        )
        assert text(draft) == before + written


def test_any_order_of_commands_stands_where_its_text_says(draft: Draft, engine: Counting) -> None:
    """Against lists of whole texts."""
    chance = random.Random(1)
    now, done, undone, kept = "", list[str](), list[str](), dict[str, str]()
    written = ""  # what a retry replaces
    for _ in range(300):
        action = chance.choice(["add", "go_on", "retry", "undo", "undo", "redo", "branch", "go_to", "new"])
        before = now
        if action == "add":
            now += (typed := chance.choice(["a", "bc\n", "i i"]))
            draft.add(typed)
        elif action in ("go_on", "retry"):
            start = draft.before_retry if action == "retry" else draft.place
            if not start.length:
                with pytest.raises(CharlstmError, match="no text to go on from"):
                    getattr(draft, action)()
                continue
            assert now.startswith(start.text())
            assert action == "go_on" or not draft.place.is_generated or now == start.text() + draft.place.added
            written = "".join(islice(pieces := getattr(draft, action)(), chance.randint(1, 20)))
            pieces.close()
            now = start.text() + written
        elif action in ("undo", "redo"):
            back, forth = (done, undone) if action == "undo" else (undone, done)
            if not back:
                with pytest.raises(CharlstmError, match=f"nothing to {action}"):
                    getattr(draft, action)()
                continue
            getattr(draft, action)()
            forth.append(now)
            now = back.pop()
            assert text(draft) == now
            continue
        elif action == "branch":
            kept[name := chance.choice("xyz")] = now
            draft.branch(name, overwrite=True)
            continue
        elif action == "go_to":
            if not kept:
                continue
            now = kept[name := chance.choice(list(kept))]
            draft.go_to(name)
        else:
            now = ""
            draft.start_anew()
        done.append(before)
        undone.clear()
        assert text(draft) == now
        assert_stands_where_its_text_says(draft, engine)
    assert len(done) > 20


def test_a_text_that_is_left_goes_on_from_what_was_taken(draft: Draft, engine: Counting) -> None:
    draft.add("ab")
    pieces = draft.go_on()
    taken = "".join(islice(pieces, 5))
    pieces.close()
    assert text(draft) == "ab" + taken
    assert_stands_where_its_text_says(draft, engine)
    draft.go_on().close()
    assert text(draft) == "ab" + taken, "nothing was taken"


def test_a_stop_text_is_not_part_of_it_and_nothing_written_changes_nothing(draft: Draft, engine: Counting) -> None:
    draft.add("ab")
    whole = "".join(draft.go_on())
    draft.undo()
    draft.seed, draft.controls = 5, Controls(SETTINGS.model_copy(update={"stop": (whole[3:5],)}), LETTERS)
    assert "".join(draft.go_on()) == whole[:3]
    assert_stands_where_its_text_says(draft, engine)
    place = draft.place
    draft.controls = Controls(SETTINGS.model_copy(update={"stop": tuple(LETTERS.symbols)}), LETTERS)
    assert "".join(draft.go_on()) == ""
    assert draft.place is place


def test_a_retry_draws_from_the_next_seed_and_an_undo_brings_back_what_it_replaced(draft: Draft) -> None:
    draft.add("ab")
    first = "".join(draft.go_on())
    second = "".join(draft.retry())
    assert first != second
    assert text(draft) == "ab" + second
    draft.undo()
    assert text(draft) == "ab" + first
    draft.undo()
    assert text(draft) == "ab"
    draft.seed = 6
    assert "".join(draft.retry()) == second, "from what was typed it goes on"


def test_to_return_is_to_read_nothing(draft: Draft, engine: Counting) -> None:
    draft.add("ab" * 1000)
    draft.branch("x")
    draft.add("c")
    before = engine.read
    draft.undo()
    draft.redo()
    draft.go_to("x")
    draft.start_anew()
    draft.undo()
    assert engine.read == before == 2001


def test_what_fails_leaves_all_as_it_was(draft: Draft) -> None:
    draft.add("ab")
    draft.branch("here")
    place = draft.place
    attempts: list[tuple[Callable[[], object], str]] = [
        (lambda: draft.add("a★é"), "the model never saw '★' (U+2605), 'é' (U+00E9): nothing was added"),
        (lambda: draft.add("a\udc80"), "is not UTF-8: nothing was added"),
        (lambda: draft.go_to("her"), "no branch 'her': did you mean here?"),
        (lambda: draft.branch("here"), "there is a branch 'here': take another name, or overwrite=True"),
        (lambda: draft.set("temprature", "1"), "did you mean sample.temperature?"),
        (lambda: draft.set("temperature", "-1"), "sample.temperature = -1: expected a number at least 0"),
        (lambda: draft.set("ban", "★"), "'★'"),
        (lambda: draft.set("ban", "abcdefghi\n "), "ban"),
    ]
    for attempt, said in attempts:
        with pytest.raises(CharlstmError) as error:
            attempt()
        assert said in str(error.value)
    assert (draft.place, draft.settings, list(draft.branches)) == (place, SETTINGS, ["here"])


def test_settings_are_set_as_in_toml_or_bare_and_count_from_then_on(draft: Draft) -> None:
    for name, value in (("length", "7"), ("top-k", "3"), ("sample.stop", '["a", "b"]'), ("bias", "e=-0.5"), ("ban", "cd")):
        draft.set(name, value)
    changed = {"length": 7, "top_k": 3, "stop": ("a", "b"), "bias": ("e=-0.5",), "ban": "cd"}
    assert draft.settings == SETTINGS.model_copy(update=changed)
    draft.set("stop", "[]")
    draft.add("ab")
    written = "".join(draft.go_on())
    assert len(written) == 7
    assert not set("cd") & set(written)
    draft.set("ban", '""')
    assert draft.settings.ban == ""
    with pytest.raises(ConfigError, match=r"more than sample\.length"):
        draft.set("min_length", "8")


def test_a_least_length_above_the_default_length_is_set_where_the_texts_are_longer(draft: Draft) -> None:
    draft.set("length", "900")
    draft.set("min_length", "700")
    assert (draft.settings.length, draft.settings.min_length) == (900, 700)


def test_bytes_left_in_the_middle_of_a_character(make_model: Callable[..., CharLSTM]) -> None:
    engine = TorchEngine(make_model(256))
    draft = Draft(engine, Controls(SETTINGS, ByteVocabulary()), seed=1)
    draft.add("é")
    list(draft.go_on())
    assert draft.place.length == 13
    assert draft.place.cursor is not None
    assert draft.place.cursor.history[:2].tolist() == [195, 169]


def test_the_end_of_a_text() -> None:
    place = Place(Place(Place(Place(), "one", length=3), " ", length=4), "two", length=7)
    assert [place.end(n) for n in (0, 2, 3, 4, 5, 7, 99)] == ["", "wo", "two", " two", "e two", "one two", "one two"]
