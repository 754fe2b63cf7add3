"""Options of generation, by the names that Hugging Face's `generate` has, and what decodes so."""

import functools
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from tftransformer.core import is_int, is_number, require
from tftransformer.data.columns import is_unicode
from tftransformer.decoding import (
    BadWords,
    BeamSearch,
    ContrastiveSearch,
    ForcedEnd,
    ForcedStart,
    Greedy,
    MinLength,
    MinNewTokens,
    NoRepeatNgrams,
    PowerLengthPenalty,
    Processor,
    Renormalized,
    RepetitionPenalty,
    Sampling,
    Strategy,
)
from tftransformer.pretrained.entries import words

Options = Mapping[str, Any]
# What acts where tokens are drawn, and only there.
DRAWING = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "seed",
)
# Values with which they do nothing.
IDLE = {
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
}


class GenerationOptions(TypedDict, total=False):
    """Options of generation, by the names that Hugging Face's `generate` has.

    Args:
        max_new_tokens: most new tokens.
        max_length: most tokens, those that a text begins with included.
        min_new_tokens: fewest new tokens.
        min_length: fewest tokens, those that a text begins with included.
        num_beams: hypotheses of a beam search; 1: the best token is taken each time.
        num_return_sequences: texts that are kept of the beams.
        length_penalty: power of the length by which the score of a hypothesis is divided.
        early_stopping: see `BeamSearch`.
        do_sample: whether tokens are drawn.
        temperature: of what is drawn: above 1 is bolder.
        top_k: likeliest tokens that are drawn from, or that contrastive search compares.
        top_p: share of the probability that is drawn from.
        min_p: least probability of what is drawn, as a share of the best one's.
        typical_p: share of the probability that is drawn from, most typical tokens first.
        epsilon_cutoff: least probability of what is drawn.
        eta_cutoff: the same, less where nothing is likely.
        seed: of what is drawn.
        penalty_alpha: of contrastive search, from 0 to 1: what likeness to earlier tokens costs.
        repetition_penalty: divides scores of tokens that were there; above 1.
        no_repeat_ngram_size: of so many tokens in a row none is written twice.
        bad_words_ids: rows of ids that are never written.
        suppress_tokens: ids that are never written.
        forced_bos_token_id: id that each text begins with.
        forced_eos_token_id: id that a text ends with where a limit cuts it.
        renormalize_logits: whether scores are probabilities again behind what changes them.
        stop: strings before which a text ends.
    """

    max_new_tokens: int | None
    max_length: int | None
    min_new_tokens: int | None
    min_length: int | None
    num_beams: int | None
    num_return_sequences: int | None
    length_penalty: float | None
    early_stopping: bool | str | None
    do_sample: bool | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float | None
    epsilon_cutoff: float | None
    eta_cutoff: float | None
    seed: int | None
    penalty_alpha: float | None
    repetition_penalty: float | None
    no_repeat_ngram_size: int | None
    bad_words_ids: Sequence[Sequence[int]] | None
    suppress_tokens: Sequence[int] | None
    forced_bos_token_id: int | None
    forced_eos_token_id: int | None
    renormalize_logits: bool | None
    stop: Sequence[str] | str | None


OPTIONS = tuple(GenerationOptions.__annotations__)
# What a folder may say of other ways to generate, and what it says where it means none of them.
NEUTRAL: dict[str, tuple] = {
    "begin_suppress_tokens": (None,),
    "constraints": (None,),
    "diversity_penalty": (None, 0.0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "encoder_repetition_penalty": (None, 1.0),
    "exponential_decay_length_penalty": (None,),
    "force_words_ids": (None,),
    "forced_decoder_ids": (None,),
    "guidance_scale": (None, 1.0),
    "max_time": (None,),
    "num_beam_groups": (None, 1),
    "remove_invalid_values": (None, False),
    "sequence_bias": (None,),
}
# What of a folder's file is no way to generate: ids, which models and tokenizers tell, and files.
OTHERS = words("""
    _from_model_config bos_token_id cache_implementation decoder_start_token_id eos_token_id
    low_memory
    output_attentions output_hidden_states output_logits output_scores pad_token_id prefix
    return_dict_in_generate transformers_version use_cache
    """)


@dataclass(frozen=True)
class Generation:
    """How texts are generated; it compares and hashes as what it says.

    Attributes:
        strategy: how to decode.
        processors: what changes the scores before.
        max_new_tokens: most new tokens; None: as the task has it.
        max_length: most tokens of prompt and new ones together; None: they do not count so.
        stop: strings before which a text ends.
        forces_end: whether the last token that may be is made the end token.
    """

    strategy: Strategy
    processors: tuple = ()
    max_new_tokens: int | None = None
    max_length: int | None = None
    stop: tuple[str, ...] = ()
    forces_end: bool = False

    def with_processors(self, processors: Sequence[Any]) -> "Generation":
        """The same, with processors behind its own."""
        return replace(self, processors=(*self.processors, *processors))


# What the value of an option has to be, in words and as a check; the others are looked at closer
# where they act.
WHOLE, COUNT = (
    (f"an int ≥ {least}", functools.partial(is_int, at_least=least)) for least in (0, 1)
)
NUMBER, FLAG = ("a number", is_number), ("True or False", lambda value: isinstance(value, bool))
VALUES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("max_new_tokens", "max_length", "num_beams", "num_return_sequences"), COUNT),
    **dict.fromkeys(("min_new_tokens", "min_length", "no_repeat_ngram_size"), WHOLE),
    **dict.fromkeys(("top_k", "seed", "forced_bos_token_id", "forced_eos_token_id"), WHOLE),
    **dict.fromkeys(("length_penalty", "penalty_alpha", "repetition_penalty"), NUMBER),
    **dict.fromkeys(DRAWING[:1] + DRAWING[2:-1], NUMBER),
    **dict.fromkeys(("do_sample", "renormalize_logits"), FLAG),
    "suppress_tokens": ("a list of ids", lambda ids: is_list(ids) and all(map(is_int, ids))),
    "bad_words_ids": (
        "a list of lists of ids",
        lambda ids: is_list(ids) and all(map(is_list, ids)),
    ),
    "stop": (
        "strings that are not empty",
        lambda stop: all(is_text(text) for text in listed(stop)),
    ),
}


def check_options(options: Options) -> None:
    """Raises a TypeError for an option that nobody here knows, a ValueError for odd values."""
    for name, value in options.items():
        if name in VALUES and value is not None:
            expected, fits = VALUES[name]
            require(fits(value), name, value, expected)
        if name in NEUTRAL:
            if value not in NEUTRAL[name]:
                raise ValueError(
                    f"{name}={value!r}: there is no such way to generate here, only "
                    f"{NEUTRAL[name][-1]!r}. There are {', '.join(OPTIONS)}."
                )
        elif name not in OPTIONS:
            raise TypeError(f"{name!r} is no option of generation; they are {', '.join(OPTIONS)}.")


def is_list(value: Any) -> bool:
    """Whether a value is several others."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def is_text(value: Any) -> bool:
    """Whether a value is a text of Unicode that is not empty."""
    return isinstance(value, str) and value != "" and is_unicode(value)


def listed(value: Any) -> tuple:
    """One value, or several, as several."""
    return tuple(value) if is_list(value) else (value,)


def check_drawing(options: Options) -> None:
    """Raises a ValueError where a person says how to draw, and not that it should be done."""
    for name in DRAWING:
        of_contrast = name == "top_k" and options.get("penalty_alpha")
        if name in options and not options.get("do_sample") and not of_contrast:
            raise ValueError(
                f"{name}={options[name]!r} says how to draw tokens, and the best one is taken each "
                "time unless do_sample=True."
            )


def together(*layers: Options) -> dict[str, Any]:
    """Returns the options of several layers, of which the first one has the last word.

    A number of new tokens takes the place of a length that a later layer sets.
    """
    options: dict[str, Any] = {}
    for layer in reversed(layers):
        require(isinstance(layer, Mapping), "options", layer, "names and their values, in a dict")
        if "max_new_tokens" in layer:
            options.pop("max_length", None)
        elif "max_length" in layer:
            options.pop("max_new_tokens", None)
        options |= layer
    return {name: value for name, value in options.items() if value is not None}


def generation_of(options: Options, strategy: Strategy, end_id: int) -> Generation:
    """Returns what options of generation mean.

    Args:
        options: by name; what is not there stays as `strategy` has it.
        strategy: how to decode where no option says it.
        end_id: the token that ends texts; -1: none does.

    Raises:
        TypeError: if there is no such option.
        ValueError: if a value has no sense, alone or beside others.
    """
    check_options(options)
    options = {name: value for name, value in options.items() if name not in NEUTRAL}
    limits = {name: options.get(name) for name in ("max_new_tokens", "max_length")}
    if limits["max_new_tokens"]:
        limits["max_length"] = None
    forced = options.get("forced_eos_token_id")
    return Generation(
        _strategy(options, strategy),
        tuple(_processors(options, end_id)),
        **limits,
        stop=listed(options.get("stop", ())),
        forces_end=forced is not None,
    )


def _strategy(options: Options, default: Strategy) -> Strategy:
    """The strategy that options ask for."""
    for way in ("do_sample", "penalty_alpha"):
        for name in ("num_beams", "num_return_sequences"):
            if options.get(way) and options.get(name, 1) != 1:
                raise ValueError(
                    f"{name}={options[name]!r} and {way}={options[way]!r}: one text is written so, "
                    "and beams are another way. Choose one of the two."
                )
    if options.get("penalty_alpha"):
        if options.get("do_sample"):
            raise ValueError(
                "penalty_alpha searches and do_sample=True draws: choose one of the two."
            )
        return ContrastiveSearch(options.get("top_k", 4), options["penalty_alpha"])
    if options.get("do_sample"):
        drawing = {name: options[name] for name in DRAWING if name in options}
        idle = {name for name, value in drawing.items() if value == IDLE.get(name)}
        return Sampling(**{name: drawing[name] for name in drawing.keys() - idle})
    of_beams = {
        "num_beams": options.get("num_beams"),
        "num_return": options.get("num_return_sequences"),
        "early_stopping": options.get("early_stopping"),
        "length_penalty": options.get("length_penalty"),
    }
    given = {name: value for name, value in of_beams.items() if value is not None}
    if not given:
        return default
    if "length_penalty" in given:
        given["length_penalty"] = PowerLengthPenalty(float(given["length_penalty"]))
    if given.get("num_beams", 1) > 1 and not isinstance(default, BeamSearch):
        return BeamSearch(**{"length_penalty": PowerLengthPenalty(1.0), **given})
    if given.get("num_beams") == 1 or not isinstance(default, BeamSearch):
        if given.get("num_return", 1) > given.get("num_beams", 1):
            raise ValueError(
                f"num_return_sequences={given['num_return']} needs as many beams: give num_beams."
            )
        return Greedy()
    return replace(default, **given)


def _processors(options: Options, end_id: int) -> list[Processor]:
    """The processors that options ask for, in the order that they act in."""
    chain: list[Processor] = []
    if options.get("repetition_penalty", 1.0) != 1.0:
        chain.append(RepetitionPenalty(options["repetition_penalty"]))
    if options.get("no_repeat_ngram_size", 0):
        chain.append(NoRepeatNgrams(options["no_repeat_ngram_size"]))
    banned = [*options.get("bad_words_ids", ()), *([i] for i in options.get("suppress_tokens", ()))]
    if banned:
        chain.append(BadWords(banned))
    if options.get("min_length", 0) and end_id >= 0:
        chain.append(MinLength(options["min_length"], end_id))
    if options.get("min_new_tokens", 0) and end_id >= 0:
        chain.append(MinNewTokens(options["min_new_tokens"], end_id))
    if options.get("forced_bos_token_id") is not None:
        chain.append(ForcedStart(options["forced_bos_token_id"]))
    if options.get("forced_eos_token_id") is not None:
        length = options.get("max_length")
        if options.get("max_new_tokens"):
            length = options["max_new_tokens"] + 1
        if length:
            chain.append(ForcedEnd(max(length, 2), options["forced_eos_token_id"]))
    if options.get("renormalize_logits"):
        chain.append(Renormalized())
    return chain


def folder_options(
    folder: pathlib.Path, kind: str, prefix: str | None = None
) -> tuple[dict[str, Any], str]:
    """Reads how a Hugging Face folder says that texts are generated.

    Of `config.json` the parameters of a task count before `generation_config.json`. Whether tokens
    are drawn is not for a folder to say: texts are the same each time unless a person asks.

    Args:
        folder: the folder.
        kind: of the task: what the names of its parameters in `task_specific_params` begin with.
        prefix: that of the parameters that count, where there are several of the kind.

    Returns:
        the options, and the prefix that stands before each text.

    Raises:
        ValueError: if it asks for a way to generate that is not there, or has several of the kind.
    """
    config = _json(folder / "config.json")
    specific = config.get("task_specific_params") or {}
    kinds = {name: own for name, own in specific.items() if name.startswith(kind)}
    fits = [own for own in kinds.values() if prefix in (None, own.get("prefix"))]
    if len(fits) > 1:
        known = ", ".join(repr(own.get("prefix")) for own in fits)
        raise ValueError(f"{folder} does several of {kind}: choose one by its prefix, of {known}.")
    own: dict[str, Any] = fits[0] if fits else {}
    written = folder / "generation_config.json"
    # Where that file is lacking, older folders have its entries in config.json.
    general = (
        _json(written) if written.is_file() else {n: config[n] for n in OPTIONS if n in config}
    )
    options = together(own, general)
    options = {name: v for name, v in options.items() if name not in (*OTHERS, "do_sample")}
    unknown = sorted(options.keys() - {*OPTIONS, *NEUTRAL})
    if unknown:
        raise ValueError(
            f"{folder} asks for {unknown[0]!r}, which is no option of generation here."
        )
    check_options(options)
    options = {name: value for name, value in options.items() if name not in NEUTRAL}
    return options, prefix or own.get("prefix") or config.get("prefix") or ""


def _json(path: pathlib.Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no object.")
    return found
