"""What options of generation ask for: a strategy, processors and limits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from tftransformer.pretrained.entries import GENERATION, SAID_THERE
from tftransformer.tasks.generation_options import (
    DRAWING,
    IDLE,
    NEUTRAL,
    OPTIONS,
    Options,
    check_options,
    check_room,
    listed,
    options_that_count,
)


@dataclass(frozen=True)
class Generation:
    """How texts are generated; it compares and hashes as what it says.

    Attributes:
        strategy: how to decode.
        end_ids: tokens that end a text; -1: none does.
        processors: what changes the scores before.
        max_new_tokens: most new tokens; None: as the task has it.
        max_length: most tokens of prompt and new ones together; None: they do not count so.
        stop: strings before which a text ends.
        forces_end: whether the last token that may be is made the end token.
    """

    strategy: Strategy
    end_ids: tuple[int, ...]
    processors: tuple = ()
    max_new_tokens: int | None = None
    max_length: int | None = None
    stop: tuple[str, ...] = ()
    forces_end: bool = False

    def with_processors(self, processors: Sequence[Any]) -> "Generation":
        """The same, with processors behind its own."""
        return replace(self, processors=(*self.processors, *processors))


def generation_of(options: Options, strategy: Strategy, end_id: int) -> Generation:
    """Returns what options of generation mean.

    Args:
        options: by name; what is not there stays as `strategy` has it.
        strategy: how to decode where no option says it.
        end_id: the token that ends texts, where no option says it; -1: none does.

    Raises:
        TypeError: if there is no such option.
        ValueError: if a value has no sense, alone or beside others.
    """
    check_options(options)
    options = {name: value for name, value in options.items() if name not in NEUTRAL}
    options = options_that_count(options)
    check_room(options)
    ends = listed(options.get("eos_token_id", end_id))
    forced = options.get("forced_eos_token_id")
    return Generation(
        _strategy(options, strategy),
        ends,
        tuple(_processors(options, [end for end in ends if end >= 0])),
        options.get("max_new_tokens"),
        options.get("max_length"),
        stop=listed(options.get("stop", ())),
        forces_end=forced is not None,
    )


# Which option is which attribute of a processor.
OPTION_OF: dict[type[Processor], tuple[str, str]] = {
    RepetitionPenalty: ("repetition_penalty", "penalty"),
    NoRepeatNgrams: ("no_repeat_ngram_size", "size"),
    BadWords: ("bad_words_ids", "words"),
    MinLength: ("min_length", "min_length"),
    MinNewTokens: ("min_new_tokens", "min_new_tokens"),
    ForcedStart: ("forced_bos_token_id", "token_id"),
    ForcedEnd: ("forced_eos_token_id", "end_id"),
}


def options_of(how: Generation) -> dict[str, Any]:
    """Returns options of which `generation_of` makes the same; None for all others.

    Raises:
        ValueError: if there are none.
    """
    strategy = how.strategy
    options: dict[str, Any] = {"num_beams": 1}
    if isinstance(strategy, BeamSearch):
        options = {
            "num_beams": strategy.num_beams,
            "num_return_sequences": strategy.num_return,
            "early_stopping": strategy.early_stopping,
            "length_penalty": getattr(strategy.length_penalty, "alpha", None),
        }
    elif isinstance(strategy, ContrastiveSearch):
        options = {"penalty_alpha": strategy.penalty, "top_k": strategy.top_k}
    elif isinstance(strategy, Sampling):
        drawing = {name: getattr(strategy, name) for name in DRAWING if name != "seed"}
        options = {"do_sample": True, "num_return_sequences": strategy.num_return, **drawing}
    for processor in how.processors:
        if type(processor) in OPTION_OF:
            name, attribute = OPTION_OF[type(processor)]
            options[name] = getattr(processor, attribute)
    options |= {
        "renormalize_logits": True if Renormalized() in how.processors else None,
        "max_new_tokens": how.max_new_tokens,
        "max_length": how.max_length,
        "eos_token_id": [end for end in how.end_ids if end >= 0] or None,
    }
    options = {name: value for name, value in options.items() if value is not None}
    same = vars(generation_of(options, Greedy(), -1))
    if lost := [f"{name}={value!r}" for name, value in vars(how).items() if value != same[name]]:
        raise ValueError(
            f"generation_config.json cannot express {', '.join(lost)}: use options of Hugging "
            'Face\'s instead, such as {"num_beams": 4, "length_penalty": 1.0}.'
        )
    return {**dict.fromkeys({*OPTIONS} & (GENERATION | SAID_THERE)), **options}


def _strategy(options: Options, default: Strategy) -> Strategy:
    """The strategy that options ask for."""
    several = {"do_sample": ["num_beams"], "penalty_alpha": ["num_beams", "num_return_sequences"]}
    for way, names in several.items():
        for name in names:
            if options.get(way) and options.get(name, 1) != 1:
                raise ValueError(
                    f"{name}={options[name]!r} and {way}={options[way]!r}: the latter takes tokens "
                    "one by one, without beams. Choose one of the two."
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
        count = options.get("num_return_sequences", 1)
        return Sampling(**{name: drawing[name] for name in drawing.keys() - idle}, num_return=count)
    of_beams = {
        "num_beams": options.get("num_beams"),
        "num_return": options.get("num_return_sequences"),
        "early_stopping": options.get("early_stopping"),
        "length_penalty": options.get("length_penalty"),
    }
    given = {name: value for name, value in of_beams.items() if value is not None}
    if not given:
        return default
    if given.keys() == {"num_return"} and isinstance(default, Sampling):
        return replace(default, **given)
    if "length_penalty" in given:
        given["length_penalty"] = PowerLengthPenalty(float(given["length_penalty"]))
    if given.get("num_beams", 1) > 1 and not isinstance(default, BeamSearch):
        return BeamSearch(**{"length_penalty": PowerLengthPenalty(1.0), **given})
    if given.get("num_beams") == 1 or not isinstance(default, BeamSearch):
        if given.get("num_return", 1) > given.get("num_beams", 1):
            raise ValueError(
                f"num_return_sequences={given['num_return']} needs as many beams, num_beams, or "
                "drawn texts, do_sample=True: the best token alone makes one text."
            )
        return Greedy()
    return replace(default, **given)


def _processors(options: Options, end_ids: Sequence[int]) -> list[Processor]:
    """The processors that options ask for, in the order that they act in."""
    chain: list[Processor] = []
    lone = [[end] for end in end_ids]
    if options.get("repetition_penalty", 1.0) != 1.0:
        chain.append(RepetitionPenalty(options["repetition_penalty"]))
    if options.get("no_repeat_ngram_size", 0):
        chain.append(NoRepeatNgrams(options["no_repeat_ngram_size"]))
    words = [word for word in options.get("bad_words_ids", ()) if list(word) not in lone]
    banned = [*words, *([i] for i in options.get("suppress_tokens", ()))]
    if banned:
        chain.append(BadWords(banned))
    if options.get("min_length", 0) and end_ids:
        chain.append(MinLength(options["min_length"], end_ids))
    if options.get("min_new_tokens", 0) and end_ids:
        chain.append(MinNewTokens(options["min_new_tokens"], end_ids))
    if options.get("forced_bos_token_id") is not None:
        chain.append(ForcedStart(options["forced_bos_token_id"]))
    if options.get("forced_eos_token_id") is not None:
        chain.append(ForcedEnd(None, options["forced_eos_token_id"]))
    if options.get("renormalize_logits"):
        chain.append(Renormalized())
    return chain
