"""Options of generation, by the names that Hugging Face's `generate` has, and what they may be."""

import functools
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypedDict, get_args, get_type_hints

from tftransformer.core import check_names, is_int, is_number, require
from tftransformer.data.columns import is_unicode
from tftransformer.pretrained.entries import words

Options = Mapping[str, Any]


class Must(NamedTuple):
    """What the value of an option has to be, beside its type.

    Attributes:
        be: in words.
        fits: the check.
    """

    be: str
    fits: Callable[[Any], bool]


def is_list(value: Any) -> bool:
    """Whether a value is several others."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def is_text(value: Any) -> bool:
    """Whether a value is a text of Unicode that is not empty."""
    return isinstance(value, str) and value != "" and is_unicode(value)


def listed(value: Any) -> tuple:
    """One value, or several, as several."""
    return tuple(value) if is_list(value) else (value,)


Count = Annotated[int, Must("an int ≥ 1", functools.partial(is_int, at_least=1))]
Whole = Annotated[int, Must("an int ≥ 0", functools.partial(is_int, at_least=0))]
Number = Annotated[float, Must("a number", is_number)]
Flag = Annotated[bool, Must("True or False", lambda value: isinstance(value, bool))]
Ids = Annotated[
    Sequence[int], Must("a list of ids", lambda ids: is_list(ids) and all(map(is_int, ids)))
]
RowsOfIds = Annotated[
    Sequence[Sequence[int]],
    Must("a list of lists of ids", lambda rows: is_list(rows) and all(map(is_list, rows))),
]
Texts = Annotated[
    Sequence[str] | str,
    Must("strings that are not empty", lambda texts: all(map(is_text, listed(texts)))),
]


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

    max_new_tokens: Count | None
    max_length: Count | None
    min_new_tokens: Whole | None
    min_length: Whole | None
    num_beams: Count | None
    num_return_sequences: Count | None
    length_penalty: Number | None
    early_stopping: bool | str | None
    do_sample: Flag | None
    temperature: Number | None
    top_k: Whole | None
    top_p: Number | None
    min_p: Number | None
    typical_p: Number | None
    epsilon_cutoff: Number | None
    eta_cutoff: Number | None
    seed: Whole | None
    penalty_alpha: Number | None
    repetition_penalty: Number | None
    no_repeat_ngram_size: Whole | None
    bad_words_ids: RowsOfIds | None
    suppress_tokens: Ids | None
    forced_bos_token_id: Whole | None
    forced_eos_token_id: Whole | None
    renormalize_logits: Flag | None
    stop: Texts | None


OPTIONS = tuple(GenerationOptions.__annotations__)
# What the types say; the others are looked at closer where they act.
MUST = {
    name: must
    for name, hint in get_type_hints(GenerationOptions, include_extras=True).items()
    for allowed in get_args(hint)
    for must in getattr(allowed, "__metadata__", ())
}
# Cuts of what is drawn, with the values that cut nothing.
IDLE = {
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
}
# What acts where tokens are drawn, and only there.
DRAWING = ("temperature", *IDLE, "seed")
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


def check_options(options: Options) -> None:
    """Raises a TypeError for an option that nobody here knows, a ValueError for odd values."""
    for name, value in options.items():
        if name in MUST and value is not None:
            require(MUST[name].fits(value), name, value, MUST[name].be)
        if name in NEUTRAL:
            if value not in NEUTRAL[name]:
                raise ValueError(
                    f"{name}={value!r}: there is no such way to generate here, only "
                    f"{NEUTRAL[name][-1]!r}. There are {', '.join(OPTIONS)}."
                )
        else:
            check_names([name], OPTIONS, "option of generation")


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
