"""The options of `sample`.

Knows: options and their help.
Does not know: how anything is done.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from charlstm.cli.app import app
from charlstm.cli.options import ENCODING_DEFAULT, NEWLINES_DEFAULT, ConfigOption, ModelArgument

_TEXT, _CONTROLS, _MANY, _OUTPUT, _SPEED = "What to write", "Controls", "Many texts", "Output", "Speed"


def _option(panel: str, name: str, metavar: str, what: str, default: str | bool = "the run's") -> Any:
    """An option that takes a value, which is None where it is not given."""
    return typer.Option(*name.split(), metavar=metavar, help=what, show_default=default, rich_help_panel=panel)


def _flag(panel: str, name: str, what: str) -> Any:
    return typer.Option(name, help=what, rich_help_panel=panel)


@app.command()
def sample(
    model: ModelArgument,
    prime: Annotated[
        str | None,
        _option(
            _TEXT,
            "--prime",
            "TEXT",
            "What to start from, - to read standard input; the run's is A unless set, or else its text's first character.",
        ),
    ] = None,
    prime_file: Annotated[str | None, _option(_TEXT, "--prime-file", "FILE", "A file with what to start from.", False)] = None,
    primes: Annotated[
        str | None,
        _option(_MANY, "--primes", "FILE", "A file with a prime on each line; - to read standard input.", False),
    ] = None,
    unknown: Annotated[
        Literal["error", "skip"],
        typer.Option(
            "--unknown", help="What to do with characters of the prime that the model never saw.", rich_help_panel=_TEXT
        ),
    ] = "error",
    length: Annotated[
        int | None, _option(_TEXT, "--length --max-length", "N", "Characters to write after the prime, at most.")
    ] = None,
    min_length: Annotated[
        int | None, _option(_TEXT, "--min-length", "N", "A stop text before so many characters does not end the text.")
    ] = None,
    stop: Annotated[
        list[str] | None, _option(_TEXT, "--stop", "TEXT", "End before this text where it occurs; may be repeated.")
    ] = None,
    stop_at_newline: Annotated[bool, _flag(_TEXT, "--stop-at-newline", "End before the first newline.")] = False,
    keep_stop: Annotated[bool, _flag(_TEXT, "--keep-stop", "Keep the stop text that ends the text at its end.")] = False,
    forever: Annotated[bool, _flag(_TEXT, "--forever", "Write until stopped.")] = False,
    seed: Annotated[int | None, _option(_TEXT, "--seed", "S", "The same seed writes the same text.", "a fresh one")] = None,
    config: ConfigOption = None,
    temperature: Annotated[
        float | None, _option(_CONTROLS, "--temperature", "T", "Lower is more cautious; 0 takes the most probable.")
    ] = None,
    top_k: Annotated[
        int | None, _option(_CONTROLS, "--top-k", "K", "Draw from the K most probable characters; 0 for all.")
    ] = None,
    top_p: Annotated[
        float | None, _option(_CONTROLS, "--top-p", "P", "Draw from the fewest that together have probability P; 1 for all.")
    ] = None,
    min_p: Annotated[
        float | None, _option(_CONTROLS, "--min-p", "P", "Leave out those with less than P of the highest probability.")
    ] = None,
    typical_p: Annotated[
        float | None,
        _option(_CONTROLS, "--typical-p", "P", "Draw from those that surprise as expected, with probability P; 1 for all."),
    ] = None,
    repetition_penalty: Annotated[
        float | None,
        _option(
            _CONTROLS, "--repetition-penalty", "X", "Above 1, what was written lately is less probable; 1 for no difference."
        ),
    ] = None,
    penalty_window: Annotated[
        int | None, _option(_CONTROLS, "--penalty-window", "N", "How many characters back the repetition penalty looks.")
    ] = None,
    no_repeat_ngram: Annotated[
        int | None, _option(_CONTROLS, "--no-repeat-ngram", "N", "No N characters in a row twice; 0 to allow it.")
    ] = None,
    ban: Annotated[str | None, _option(_CONTROLS, "--ban", "CHARS", "Characters that are never written.")] = None,
    allow: Annotated[str | None, _option(_CONTROLS, "--allow", "CHARS", "The only characters that may be written.")] = None,
    bias: Annotated[
        list[str] | None,
        _option(_CONTROLS, "--bias", "CHAR=NUMBER", "Add to the logit of a character, such as e=-0.5; may be repeated."),
    ] = None,
    beam: Annotated[
        int | None,
        _option(_CONTROLS, "--beam", "W", "Look for the most probable text, W candidates at a time; nothing is drawn.", False),
    ] = None,
    blend: Annotated[
        list[str] | None,
        _option(
            _CONTROLS,
            "--blend",
            "MODEL:WEIGHT",
            "Mix in another model with the same vocabulary; MODEL itself has weight 1. May be repeated.",
            False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        _option(
            _MANY, "--count", "N", "Texts to write, side by side (for each prime); text i has the seed S + i, from 0.", "1"
        ),
    ] = None,
    require: Annotated[
        str | None,
        _option(_MANY, "--require", "REGEX", "Draw a text again until this is found in what follows the prime.", False),
    ] = None,
    unique: Annotated[bool, _flag(_MANY, "--unique", "Draw a text again where an earlier one is the same.")] = False,
    tries: Annotated[int | None, _option(_MANY, "--tries", "N", "How often a text is drawn, at most.", "20")] = None,
    novelty: Annotated[
        list[str] | None,
        _option(_MANY, "--novelty", "TEXT", "Say how much of each text is copied from this one; may be repeated.", False),
    ] = None,
    reject_copied: Annotated[
        int | None,
        _option(_MANY, "--reject-copied", "N", "Draw a text again that has N characters in a row from --novelty.", False),
    ] = None,
    encoding: Annotated[
        str | None,
        _option(_MANY, "--encoding", "NAME", "How the bytes of --novelty and of files with primes are read.", ENCODING_DEFAULT),
    ] = None,
    errors: Annotated[
        Literal["strict", "replace", "ignore"] | None,
        typer.Option(
            "--errors",
            help="What to do with bytes of them that the encoding does not allow.",
            show_default="strict",
            rich_help_panel=_MANY,
        ),
    ] = None,
    newlines: Annotated[
        Literal["keep", "lf", "crlf", "cr"] | None,
        typer.Option(
            "--newlines",
            help="Leave line ends of --novelty as they are, or make each the same one.",
            show_default=NEWLINES_DEFAULT,
            rich_help_panel=_MANY,
        ),
    ] = None,
    separator: Annotated[
        str | None,
        _option(
            _MANY,
            "--separator",
            "TEXT",
            r"What stands between texts; \n, \t, \0 and \\ are understood.",
            "three dashes on a line",
        ),
    ] = None,
    no_prime: Annotated[bool, _flag(_OUTPUT, "--no-prime", "Print only what follows the prime.")] = False,
    output: Annotated[
        str | None,
        _option(_OUTPUT, "--output", "FILE", "Write to a file; with {} or {:03} in its name, each text to its own.", False),
    ] = None,
    as_json: Annotated[bool, _flag(_OUTPUT, "--json", "One JSON object a text, each on a line.")] = False,
    logprobs: Annotated[
        int | None,
        _option(_OUTPUT, "--logprobs", "K", "In JSON, each character's log-probability, and the K most probable ones.", False),
    ] = None,
    raw: Annotated[bool, _flag(_OUTPUT, "--raw", "Exact bytes on a terminal too, control characters obeyed.")] = False,
    engine: Annotated[
        Literal["auto", "torch", "onnx"],
        typer.Option("--engine", help="What steps the model; onnx on the CPU, torch on any device.", rich_help_panel=_SPEED),
    ] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "int8", "int4"],
        typer.Option(
            "--precision",
            help="Of the weights; auto takes 8 bits for larger models, where they cost next to nothing.",
            rich_help_panel=_SPEED,
        ),
    ] = "auto",
    device: Annotated[
        str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.", rich_help_panel=_SPEED)
    ] = "cpu",
    verbose: Annotated[bool, _flag(_SPEED, "--verbose", "Say which engine and precision were taken, and why.")] = False,
) -> None:
    """Write text. What is not given here comes from --config, or else from the settings that the run was trained with."""
    stops = [*(stop or []), *(["\n"] if stop_at_newline else [])]
    flags = {
        "prime": None if prime == "-" else prime,
        "length": length,
        "min_length": min_length,
        "stop": stops or None,
        "keep_stop": keep_stop or None,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "typical_p": typical_p,
        "repetition_penalty": repetition_penalty,
        "penalty_window": penalty_window,
        "no_repeat_ngram": no_repeat_ngram,
        "ban": ban,
        "allow": allow,
        "bias": bias or None,
    }
    from charlstm.commands.sample import sample_texts
    from charlstm.commands.sample_request import SampleOptions
    from charlstm.sampling.request import SampleRequest

    request = SampleRequest(
        {key: value for key, value in flags.items() if value is not None},
        config=config,
        unknown=unknown,
        seed=seed,
        count=count,
        forever=forever,
        require=require,
        unique=unique,
        tries=tries,
        novelty=novelty or (),
        encoding=encoding if novelty else None,
        errors=errors if novelty else None,
        newlines=newlines,
        reject_copied=reject_copied,
        beam=beam,
        blend=blend or (),
        logprobs=logprobs,
        engine=engine,
        precision=precision,
        device=device,
    )
    sample_texts(
        SampleOptions(
            model,
            request,
            prime_file=prime_file,
            primes_file=primes,
            is_prime_piped=prime == "-",
            reading={key: value for key, value in (("encoding", encoding), ("errors", errors)) if value is not None},
            no_prime=no_prime,
            output=output,
            separator=separator,
            as_json=as_json,
            raw=raw,
            verbose=verbose,
        )
    )
