"""A trained model for programs and notebooks: it generates, scores, and shows what goes on inside.

Knows: which packages answer which question, and what of a model is loaded when.
Does not know: how anything is computed or shown; torch, until it is needed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, Unpack, get_args

from charlstm.api.scores import CharacterSurprise, TextScore
from charlstm.api.settings import GenerationSettings, plain, plain_number, require_text
from charlstm.api.text import warned_of
from charlstm.api.trace import TextTrace
from charlstm.api.wording import in_keywords_each, worded
from charlstm.config import Config
from charlstm.errors import CharlstmError, TextError, require_choice, shown
from charlstm.insight.explanation import LayerStep, layer_steps
from charlstm.model.shapes import count_parameters
from charlstm.runs.model_file import Facts, explained, read_weights
from charlstm.sampling.completions import Completion
from charlstm.sampling.controls import Controls
from charlstm.sampling.job import SampleJob, resolve
from charlstm.sampling.request import SampleRequest
from charlstm.sampling.stops import impossible_stops
from charlstm.sampling.types import EngineName, Precision, PrecisionChoice
from charlstm.scoring.totals import Evaluation
from charlstm.text.corpus import Corpus, read_corpus
from charlstm.text.excerpts import excerpt_of
from charlstm.text.line_ends import Newlines, with_line_ends
from charlstm.text.passages import Passage
from charlstm.text.reading import as_trained
from charlstm.text.vocabulary import Vocabulary
from charlstm.words import counted

if TYPE_CHECKING:
    from charlstm.insight.memory import Memory
    from charlstm.model.char_lstm import CharLSTM
    from charlstm.runs.saved_model import SavedModel
    from charlstm.sampling.engines.base import Engine
    from charlstm.scoring.parts import Part
    from charlstm.scoring.protocols import Protocol

Unknown = Literal["error", "skip"]
"""What to do with characters that the model never saw: raise UnknownCharactersError or CharlstmError, or leave them out."""
TextSource = str | os.PathLike[str]
"""A file, a folder, a glob, `builtin:NAME` or `data:NAME`."""
PathLike = str | os.PathLike[str]


@worded
def load(path: PathLike, *, engine: EngineName = "auto", precision: PrecisionChoice = "auto", device: str = "cpu") -> Model:
    """Load a run folder (its best model) or a `.safetensors` file. ModelError says what is wrong with it.

    `engine` and `precision` say what steps the model when it generates, `device` (`auto`, `cpu`, `cuda`, `cuda:1`, `mps`) where
    it does and where it is scored: as for `charlstm sample` and `charlstm eval`.
    """
    require_choice("engine", engine, get_args(EngineName))
    require_choice("precision", precision, ("auto", *get_args(Precision)))
    return Model(Path(path), engine, precision, device)


class Model:
    """A trained model. `charlstm.load` makes one.

    What generates and what scores is opened when it is first asked for, and kept. One model may be used from several threads at
    once: each text is what it would be alone.
    """

    def __init__(self, path: Path, engine: EngineName, precision: PrecisionChoice, device: str) -> None:
        self.path = path
        self._file = read_weights(path)
        _ = self._file.tensors  # now: the file may be another one by the time that they are asked for
        self._engine_name, self._precision, self._device = engine, precision, device
        self._opening = Lock()
        self._engine: Engine | None = None
        self._saved: SavedModel | None = None

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __reduce__(self) -> tuple[type[Model], tuple[Path, EngineName, PrecisionChoice, str]]:
        """Copied and sent to other processes as what it was loaded from."""
        return Model, (self.path, self._engine_name, self._precision, self._device)

    def __repr__(self) -> str:
        model, vocabulary = self.config.model, self._file.vocabulary
        layers = f"LSTM {model.num_layers} x {model.hidden_size}, {self.parameters:,} parameters"
        return f"Model({str(self.path)!r}: {layers}, {counted(vocabulary.size, vocabulary.noun)})"

    @property
    def config(self) -> Config:
        """The settings that it was trained with, but for where its text was."""
        return self._file.config

    @property
    def facts(self) -> Facts:
        """How far it was trained, and its losses in nats per character."""
        return self._file.facts

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that it knows, or the 256 bytes."""
        return self._file.vocabulary

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return count_parameters(self._file.vocabulary.size, self.config.model)

    @property
    def network(self) -> CharLSTM:
        """The network in torch, on its device, ready to use. It is loaded once; who trains it further changes this model."""
        return self._network().model

    @worded
    def generate(
        self,
        prime: str | None = None,
        *,
        seed: int | None = None,
        unknown: Unknown = "error",
        **settings: Unpack[GenerationSettings],
    ) -> str:
        """The text that follows a prime (the run's own where it is None): that of `charlstm sample` with the same seed.

        `settings` are those of [sample]; what is left out is as the run has it. Without a seed each call draws a fresh one.
        CharlstmError says which of them can't be used, and which characters of the prime the model never saw.
        """
        return "".join(self.stream(prime, seed=seed, unknown=unknown, **settings))

    @worded
    def stream(
        self,
        prime: str | None = None,
        *,
        seed: int | None = None,
        unknown: Unknown = "error",
        **settings: Unpack[GenerationSettings],
    ) -> Iterator[str]:
        """The same text in pieces, each as soon as it is certain. What is wrong is raised here, before the first."""
        job = self._job(SampleRequest(given=plain(settings), seed=plain_number(seed), unknown=unknown), prime)
        return in_keywords_each(piece for _, piece in job.pieces())

    @worded
    def completions(
        self,
        prime: str | None = None,
        *,
        primes: Sequence[str] = (),
        count: int = 1,
        seed: int | None = None,
        unknown: Unknown = "error",
        logprobs: int | None = None,
        require: str | None = None,
        unique: bool = False,
        novelty: TextSource | Sequence[TextSource] = (),
        encoding: str | None = None,
        errors: Literal["strict", "replace", "ignore"] | None = None,
        newlines: Newlines | None = None,
        reject_copied: int | None = None,
        tries: int | None = None,
        blend: Mapping[PathLike, float] | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> list[Completion]:
        """`count` texts as values, generated side by side: text i with the seed `seed + i`, the same alone or among others.

        With `primes` there are `count` of each, in their order: text i is of prime `i // count`. `unique` draws a text again
        that another one is already.
        With `logprobs` each has, of every id, its log-probability in nats and so many others. A text in which the regular
        expression `require` is not found, or that has `reject_copied` characters in a row of the texts `novelty` (read as
        `encoding`, `errors` and `newlines` say), is drawn again, `tries` times at most (20); NoneFitError where one never was
        as asked. `blend` mixes other models in, by their weights.
        """
        request = SampleRequest(
            given=plain(settings),
            unknown=unknown,
            seed=plain_number(seed),
            primes=_several_texts("primes", primes),
            count=plain_number(count),
            require=require,
            unique=unique,
            tries=tries,
            novelty=_text_arguments(novelty),
            encoding=encoding,
            errors=errors,
            newlines=newlines,
            reject_copied=reject_copied,
            blend=[f"{os.fspath(model)}:{weight}" for model, weight in (blend or {}).items()],
            logprobs=logprobs,
            engine=self._engine_name,
            precision=self._precision,
            device=self._device,
        )
        job = self._job(request, prime)
        found = list(job.completions())
        job.require_all(len(found))
        return found

    @worded
    def search(
        self, prime: str | None = None, *, beam: int = 8, unknown: Unknown = "error", **settings: Unpack[GenerationSettings]
    ) -> str:
        """The most probable text that a beam search of this width finds after a prime."""
        return self._job(SampleRequest(given=plain(settings), unknown=unknown, beam=beam), prime).find().text

    @worded
    def score(self, text: str, *, unknown: Unknown = "error") -> TextScore:
        """What each character of a text costs, read as the beginning of a line: as `charlstm score --by document` has it."""
        from charlstm.scoring.surprise import Scorer, by_character

        require_text("text", text)
        saved = self._network()
        scorer = Scorer(saved.model, saved.vocabulary, skip_unknown=unknown == "skip")
        passage = Passage("the text", 1, self._as_read(text), "document")
        (score,) = scorer.score([passage])
        total = score.total
        characters = tuple(CharacterSurprise(*one) for one in by_character(score, saved.vocabulary))
        return TextScore(total.nats, total.chars, total.ranks, characters, saved.vocabulary.noun)

    @worded
    def evaluate(
        self,
        *text: TextSource,
        part: Part = "all",
        protocol: Protocol | None = None,
        window: int | None = None,
        dynamic: bool = False,
        unknown: Unknown = "error",
        encoding: str | None = None,
        errors: Literal["strict", "replace", "ignore"] | None = None,
        newlines: Newlines | None = None,
    ) -> dict[str, Evaluation]:
        """The losses on a text by the names of their protocols, *stateful* and *cold-256*: as `charlstm eval` has them.

        `part` (`validation`, `test`) scores only what training kept, `protocol` (`stateful`, `cold`) by one of them,
        `window` sets another than 256, `dynamic` adds *stateful, dynamic*.
        With `unknown="skip"` characters that the model lacks are left out, and each loss says how many in `skipped`.
        TextError where the text can't be read or is too short, UnknownCharactersError where the model lacks characters of it.
        """
        from charlstm.scoring.parts import evaluate_part, require_part
        from charlstm.scoring.protocols import require_protocol

        require_protocol(protocol, window, dynamic)
        require_part(part, self.config.data)
        corpus = self._corpus(text, {"encoding": encoding, "errors": errors, "newlines": newlines}, unknown)
        found = evaluate_part(self._network(), corpus, part, protocol, window, dynamic)
        return {name: replace(one, skipped=corpus.findings.unknown) for name, one in found.items()}

    @worded
    def trace(self, text: str, *, unknown: Unknown = "error") -> TextTrace:
        """Every gate and state at every character of a text, read from a zero state, as numpy arrays.

        They take 24 L H + 4 V bytes a character: 26 KB of a model of 2x512.
        """
        from charlstm.insight.tracing import trace

        require_text("text", text)
        excerpt = excerpt_of([self._as_read(text)], self.vocabulary, skip_unknown=unknown == "skip")
        network = self._network().model
        seen = trace(network, excerpt.ids)
        title = f"{self.path.name} on a text"
        return TextTrace(seen.ids, seen.values, seen.logits, seen.start, excerpt, self.vocabulary, network, title)

    @worded
    def explain(self, text: str, *, at: int = -1, layer: int = 0, unknown: Unknown = "error") -> LayerStep:
        """What one layer does as it reads the character `at` of a text (-1: the last): every number of the six equations."""
        from charlstm.insight.tracing import trace

        require_text("text", text)
        known = self._as_read(text)
        known = self.vocabulary.without_unknown(known) if unknown == "skip" else known
        if not known:
            raise TextError("the text is empty", key="text", value=text)
        seen = trace(self.network, self.vocabulary.encode(known))
        for key, value, least, most in (("at", at, -len(seen.ids), len(seen.ids) - 1), ("layer", layer, 0, seen.layers - 1)):
            if type(value) is not int or not least <= value <= most:
                raise CharlstmError(f"expected a number from {least} to {most}", key=key, value=value)
        return list(layer_steps(seen, layer, self._file.tensors))[at]

    @worded
    def memory(
        self,
        *text: TextSource,
        places: int = 100,
        unknown: Unknown = "error",
        encoding: str | None = None,
        errors: Literal["strict", "replace", "ignore"] | None = None,
        newlines: Newlines | None = None,
    ) -> Memory:
        """How long it remembers, at so many places of a text: what context is worth, how a planted character fades.

        Losses and effects are in nats. TextError where the text is too short for the places.
        """
        from charlstm.insight.memory import measure_memory, require_enough
        from charlstm.insight.places import require_places

        require_places(places)
        ids = self._corpus(text, {"encoding": encoding, "errors": errors, "newlines": newlines}, unknown).ids
        require_enough(ids, places, self.vocabulary)
        return measure_memory(self._network().model, ids, places)

    def _corpus(self, text: Sequence[TextSource], asked: Mapping[str, str | None], unknown: Unknown) -> Corpus:
        """A text as this model reads it; `asked` are keys of [data], None where they are left open."""
        if not text:
            raise TextError("expected at least one text", key="text")
        require_choice("unknown", unknown, get_args(Unknown))
        known = {key: value for key, value in asked.items() if value is not None}
        data = as_trained([self.config.data], known, [self.vocabulary])
        return warned_of(read_corpus(_text_arguments(text), data, self.vocabulary, skip_unknown=unknown == "skip"))

    def _as_read(self, text: str) -> str:
        """A text with the line ends that the model knows."""
        return with_line_ends(text, as_trained([self.config.data], vocabularies=[self.vocabulary]).newlines)

    def _job(self, request: SampleRequest, prime: str | None) -> SampleJob:
        if prime is not None:
            require_text("prime", prime)
        return resolve(request, self._file, prime=prime, engine=self._stepping(), checked=_note_stops)

    def _stepping(self) -> Engine:
        """What steps the model, opened once."""
        from charlstm.sampling.engines.selection import open_engine

        with self._opening:
            if self._engine is None:
                self._engine = open_engine(self._file, self._engine_name, self._precision, self._device).engine
            return self._engine

    def _network(self) -> SavedModel:
        """The model in torch, loaded once."""
        from charlstm.model.device import find_device
        from charlstm.runs.saved_model import SavedModel, model_of

        with self._opening:
            if self._saved is None:
                device = find_device(self._device)
                with explained(self.path):
                    model = model_of(self._file, device)
                self._saved = SavedModel(model, self.vocabulary, self.config, self.facts)
            return self._saved


def _note_stops(controls: Controls) -> None:
    for stop in impossible_stops(controls.config, controls.vocabulary):
        warnings.warn(f"the stop text {shown(stop)} can't occur", stacklevel=6)


def _several_texts(key: str, texts: Sequence[str]) -> tuple[str, ...]:
    """TextError where these are not several texts: one alone is a sequence of its characters."""
    if isinstance(texts, str):
        raise TextError("expected several texts, as a list", key=key, value=texts)
    for text in texts:
        require_text(key, text)
    return tuple(texts)


def _text_arguments(text: TextSource | Sequence[TextSource]) -> list[str]:
    """TEXT arguments as the core takes them."""
    several = [text] if isinstance(text, str | os.PathLike) else text
    return [os.fspath(one) for one in several]
