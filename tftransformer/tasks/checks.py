"""Whether what a task is given goes together: arguments, model, tokenizers and settings."""

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from tftransformer.core import check_ints, is_int, require
from tftransformer.decoding import Strategy
from tftransformer.models import StackModel


def check_known(given: Mapping[str, Any], taker: Callable, *others: Callable) -> None:
    """Raises a TypeError for an argument that `taker` does not take.

    Args:
        given: arguments by name.
        taker: gets them.
        *others: those whose arguments may have been meant, too.
    """
    known = inspect.signature(taker).parameters.keys()
    if unknown := sorted(given.keys() - known):
        meant = {*known, *(name for each in others for name in inspect.signature(each).parameters)}
        close = get_close_matches(unknown[0], meant, 1)
        advice = f": {close[0]!r} is one" if close else ""
        raise TypeError(f"{unknown[0]!r} is an argument of neither fit nor Trainer{advice}.")


def check_number(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises a ValueError unless a setting is an int from `least` to `most`."""
    limit = "" if most is None else f" and ≤ {most}, the positions that the model knows"
    fits = is_int(value, least) and (most is None or value <= most)
    require(fits, name, value, f"an int ≥ {least}{limit}")


def check_settings(translator: Any) -> None:
    """Raises a TypeError or a ValueError where a setting of a translator has no sense."""
    if not isinstance(translator.strategy, Strategy | None):
        raise TypeError(
            "strategy must be a decoding strategy such as BeamSearch(4), not "
            f"{translator.strategy!r}."
        )
    check_ints(1, batch_size=translator.batch_size, parallel=translator.parallel)
    if not all(callable(processor) for processor in translator.processors):
        raise TypeError(
            "processors must be functions (scores, ids, length) -> scores, such as "
            f"NoRepeatNgrams(3), not {translator.processors!r}."
        )


def check_writes(model: Any, task: str) -> None:
    """Raises a ValueError where a model cannot write at all."""
    if not hasattr(model, "start_decoding"):
        raise ValueError(
            f"{type(model).__name__} cannot write: it has no start_decoding, by which a {task} "
            "writes token by token. A model of your own has it as a subclass of tt.StackModel or "
            "tt.EncoderDecoder."
        )


def check_two_stacks(model: Any, task: str) -> None:
    """Raises a ValueError for a model that reads no source beside what it writes."""
    check_writes(model, task)
    if isinstance(model, StackModel):
        raise ValueError(
            f"{type(model).__name__} is one stack, and a {task} needs a model that reads a text by "
            "one and writes by another, such as Bart, T5 or a Marian. A language model, such as "
            "Gpt2, writes behind a prompt: give it to a TextGenerator."
        )


def check_vocabularies(model: Any, tokenizers: Any) -> None:
    """Raises a ValueError where a tokenizer has pieces that the model does not know."""
    for side in ("source", "target"):
        pieces = getattr(tokenizers, f"{side}_tokenizer").vocab_size
        known = getattr(model, f"{side}_vocab_size", pieces)
        if pieces > known:
            raise ValueError(
                f"the {side} tokenizer has {pieces} pieces and the model knows {known}: give the "
                "tokenizers that it was trained with."
            )


def check_special_ids(model: Any, tokenizers: Any, start_id: int) -> None:
    """Raises a ValueError where a text could not be begun, ended or padded."""
    source, target = tokenizers.source_tokenizer, tokenizers.target_tokenizer
    missing = [
        name
        for name, found in (
            ("end token of the source", "end" in source.special_ids),
            ("start token of the target", start_id >= 0),
            ("end token of the target", "end" in target.special_ids),
            ("pad token of the target", "pad" in target.special_ids),
        )
        if not found
    ]
    if missing:
        raise ValueError(
            f"the tokenizers have no {', no '.join(missing)}: give tokenizers whose vocabulary "
            "holds them, such as a fitted DataProcess."
        )
    pad = source.special_ids.get("pad")
    known = getattr(model, "pad_id", pad)
    if pad != known:
        raise ValueError(
            f"the source tokenizer pads with id {pad} and the model takes {known} "
            f"as padding: make the model with pad_id={pad}."
        )
