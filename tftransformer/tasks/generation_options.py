"""Options of generation, most by the names of Hugging Face's `generate`, and what they may be."""

import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypedDict, get_args, get_type_hints

from tftransformer.core import check_names, is_int, is_number, require
from tftransformer.data.columns import is_unicode
from tftransformer.pretrained.entries import COUNTED, words
from tftransformer.pretrained.folder import read_json
from tftransformer.pretrained.load import GENERATION_FILE, read_config

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


is_id = functools.partial(is_int, at_least=0)


def is_ids(values: Sequence[Any]) -> bool:
    """Whether values are ids, one at least."""
    return len(values) > 0 and all(map(is_id, values))


def listed(value: Any) -> tuple:
    """One value, or several, as several."""
    return tuple(value) if is_list(value) else (value,)


Count = Annotated[int, Must("an int ≥ 1", functools.partial(is_int, at_least=1))]
Whole = Annotated[int, Must("an int ≥ 0", is_id)]
Number = Annotated[float, Must("a number", is_number)]
Flag = Annotated[bool, Must("True or False", lambda value: isinstance(value, bool))]
Ids = Annotated[
    Sequence[int], Must("a list of ids", lambda ids: is_list(ids) and all(map(is_id, ids)))
]
EndIds = Annotated[
    int | Sequence[int],
    Must(
        "an id, or a list of ids",
        lambda ids: is_ids(listed(ids)),
    ),
]
RowsOfIds = Annotated[
    Sequence[Sequence[int]],
    Must(
        "a list of lists of ids",
        lambda rows: is_list(rows) and all(is_list(row) and is_ids(row) for row in rows),
    ),
]
Texts = Annotated[
    Sequence[str] | str,
    Must("strings that are not empty", lambda texts: all(map(is_text, listed(texts)))),
]


class GenerationOptions(TypedDict, total=False):
    """Options of generation, by the names that Hugging Face's `generate` has.

    Two are our own: `seed`, and `stop`, whose strings are no part of the text.

    Args:
        max_new_tokens: most new tokens.
        max_length: the same, those that a text begins with included, where that is not told.
        min_new_tokens: fewest new tokens.
        min_length: the same, those that a text begins with included, where that is not told.
        num_beams: hypotheses of a beam search; 1: the best token is taken each time.
        num_return_sequences: texts that are kept of the beams, or that are drawn.
        length_penalty: power of the length by which the score of a hypothesis is divided.
        early_stopping: see `BeamSearch`.
        do_sample: whether tokens are drawn.
        temperature: temperature of what is drawn: above 1 is bolder.
        top_k: likeliest tokens that are drawn from, or that contrastive search compares.
        top_p: share of the probability that is drawn from.
        min_p: least probability of what is drawn, as a share of the best one's.
        typical_p: share of the probability that is drawn from, most typical tokens first.
        epsilon_cutoff: least probability of what is drawn.
        eta_cutoff: the same, less where nothing is likely.
        seed: seed of what is drawn.
        penalty_alpha: penalty of contrastive search for similarity to earlier tokens, from 0 to 1.
        repetition_penalty: divides scores of tokens that were there; above 1.
        no_repeat_ngram_size: no sequence of this many tokens is written twice.
        bad_words_ids: rows of ids that are never written; a row of an end token alone bans nothing.
        suppress_tokens: ids that are never written.
        eos_token_id: ids that end a text, or one; default: as a folder says, else the tokenizer's.
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
    eos_token_id: EndIds | None
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
# What holds ids of the vocabulary that texts are written of.
OF_IDS = (
    "eos_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "suppress_tokens",
    "bad_words_ids",
)
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
    _from_model_config bos_token_id cache_implementation decoder_start_token_id low_memory
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
            advice = " Before which strings a text ends is said by stop." * (name == "stop_strings")
            check_names([name], OPTIONS, "option of generation", advice)


def check_drawing(options: Options) -> None:
    """Raises a ValueError where a person says how to draw, and not that it should be done."""
    for name in DRAWING:
        of_contrast = name == "top_k" and options.get("penalty_alpha")
        if name in options and not options.get("do_sample") and not of_contrast:
            raise ValueError(
                f"{name}={options[name]!r} says how to draw tokens, and the best one is taken each "
                "time unless do_sample=True."
            )


def check_ids(options: Options, pieces: int) -> None:
    """Raises a ValueError where a person names an id beyond a vocabulary of so many pieces."""
    for name in OF_IDS:
        for several in listed(options.get(name, ())):
            for one in listed(several):
                if is_int(one) and one >= pieces:
                    raise ValueError(
                        f"{name}={options[name]!r} holds {one}, and the vocabulary that texts are "
                        f"written of has {pieces} pieces, from 0 to {pieces - 1}."
                    )


def check_room(options: Options) -> None:
    """Raises a ValueError where fewest tokens are more than most of them."""
    for fewest, most in _crossing(options, options):
        if (fewest, most) != ("min_length", "max_new_tokens"):  # a prompt counts
            raise ValueError(
                f"{fewest}={options[fewest]} and {most}={options[most]}: the fewest tokens cannot "
                "be more than the most."
            )


def options_that_count(options: Options) -> Options:
    """Returns options without lengths beside numbers of new tokens, which count before them."""
    told = {whole for new, whole in COUNTED if options.get(new) is not None}
    return {name: value for name, value in options.items() if name not in told}


def _crossing(fewest: Options, most: Options) -> list[tuple[str, str]]:
    """Names of fewest tokens in some options and of most in others, where those are more."""
    return [
        (least, limit)
        for least in ("min_new_tokens", "min_length")
        for limit in ("max_new_tokens", "max_length")
        if is_int(fewest.get(least)) and is_int(most.get(limit)) and fewest[least] > most[limit]
    ]


def together(*layers: Options) -> dict[str, Any]:
    """Returns the options of several layers, of which the first one has the last word.

    Most or fewest tokens, new ones or all, take the place of those of a later layer, most tokens
    that of fewest which they leave no room for, and drawing or contrastive search that of its
    beams.
    """
    options: dict[str, Any] = {}
    for layer in reversed(layers):
        require(isinstance(layer, Mapping), "options", layer, "names and their values, in a dict")
        for counted in COUNTED:
            if not layer.keys().isdisjoint(counted):
                for name in counted:
                    options.pop(name, None)
        if layer.get("do_sample") or layer.get("penalty_alpha"):
            for beams in ("num_beams", "num_return_sequences"):
                options.pop(beams, None)
        for fewest, _ in _crossing(options, layer):
            options.pop(fewest, None)
        options |= layer
    return {name: value for name, value in options.items() if value is not None}


def folder_options(
    folder: pathlib.Path, kind: str, pieces: int, prefix: str | None = None
) -> tuple[dict[str, Any], str]:
    """Reads how a Hugging Face folder says that texts are generated.

    Of `config.json` the parameters of a task count before `generation_config.json`. Whether tokens
    are drawn is not for a folder to say: texts are the same each time unless a person asks.
    End tokens without a piece, such as those of another vocabulary, count for nothing.

    Args:
        folder: the folder.
        kind: kind of the task: what the names of its parameters in `task_specific_params` begin
            with.
        pieces: how many there are that texts are written of.
        prefix: that of the parameters that count, where there are several of the kind.

    Returns:
        the options, and the prefix that stands before each text.

    Raises:
        ValueError: if it asks for a way to generate that is not there, or has several of the kind.
    """
    config, general = folder_entries(folder)
    specific = config.get("task_specific_params") or {}
    kinds = {name: own for name, own in specific.items() if name.startswith(kind)}
    fits = [own for own in kinds.values() if prefix in (None, own.get("prefix"))]
    if len(fits) > 1:
        known = ", ".join(repr(own.get("prefix")) for own in fits)
        raise ValueError(f"{folder} does several of {kind}: choose one by its prefix, of {known}.")
    own: dict[str, Any] = fits[0] if fits else {}
    if general is config:
        general = {name: config[name] for name in (*OPTIONS, *NEUTRAL) if name in config}
    left_out = [*OTHERS, "do_sample"]
    if own.get("do_sample") or general.get("do_sample"):
        left_out.append("num_return_sequences")
    layers = ({n: v for n, v in layer.items() if n not in left_out} for layer in (own, general))
    options = together(*layers)
    unknown = sorted(options.keys() - {*OPTIONS, *NEUTRAL})
    if unknown:
        raise ValueError(
            f"{folder} asks for {unknown[0]!r}, which is no option of generation here."
        )
    ends = [i for i in listed(options.pop("eos_token_id", ())) if i in range(pieces)]
    options |= {"eos_token_id": ends} if ends else {}
    check_options(options)
    options = {name: value for name, value in options.items() if name not in NEUTRAL}
    return options, prefix or own.get("prefix") or config.get("prefix") or ""


def without_ends(options: Options) -> dict[str, Any]:
    """Options of a folder without its end tokens: training further teaches the tokenizer's."""
    return {name: value for name, value in options.items() if name != "eos_token_id"}


def folder_entries(folder: pathlib.Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads config.json and generation_config.json, of which older folders have one alone.

    With what transformers assumes of entries that config.json lacks, of special tokens above all.
    """
    config, written = read_config(folder), folder / GENERATION_FILE
    return config, read_json(written) if written.is_file() else config


def start_of_targets(folder: pathlib.Path, pieces: int) -> int | None:
    """The id that a Hugging Face folder says targets begin with; None: it is none of the pieces."""
    names = "decoder_start_token_id", "bos_token_id"
    config, general = folder_entries(folder)
    said = [entries.get(name) for entries in (general, config) for name in names]
    first = next((start for start in said if start is not None), None)
    return first if first in range(pieces) else None
