"""Models from scratch: a family by its name, with sizes."""

import inspect
from collections.abc import Mapping
from typing import Any

from tftransformer import models
from tftransformer.core import check_choice
from tftransformer.layers import EncoderLayer

FAMILIES = sorted(
    name
    for name, value in vars(models).items()
    if isinstance(value, type)
    and issubclass(value, models.StackModel | models.EncoderDecoder)
    and value not in (models.StackModel, models.EncoderDecoder)
)


def sizes_of(source: int, target: int | None) -> dict[str, int]:
    """The arguments of a model that say how many pieces one tokenizer has, or each of two."""
    if target is None:
        return {"vocab_size": source}
    return {"source_vocab_size": source, "target_vocab_size": target}


def new_model(
    sizes: Mapping[str, Any],
    chosen: Mapping[str, Any] | None,
    vocabulary: Mapping[str, int],
    **told: Any,
) -> Any:
    """Returns a new model.

    Args:
        sizes: defaults of its arguments, and as `family` the name of its class.
        chosen: what differs from them.
        vocabulary: the arguments that say how many ids there are.
        **told: what tokenizer and task know. A family takes those that it has arguments for, as
            another family than that of `sizes` does of these; of the other two it must take all.

    Raises:
        ValueError: there is no such family, or it has one vocabulary where there are two.
        TypeError: it has no such argument.
    """
    asked = {**(chosen or {}), **vocabulary}
    family = asked.pop("family", sizes["family"])
    check_choice(FAMILIES, family=family)
    make = getattr(models, family)
    taken = inspect.signature(make).parameters
    if not vocabulary.keys() <= taken.keys():
        fit = [
            n
            for n in FAMILIES
            if vocabulary.keys() <= inspect.signature(getattr(models, n)).parameters.keys()
        ]
        raise ValueError(
            f"family={family!r} has one vocabulary for what it reads and writes, and the "
            f"tokenizers have one each: choose {' or '.join(map(repr, fit))}."
        )
    named = [key for key in taken if taken[key].kind is not inspect.Parameter.VAR_KEYWORD]
    if "options" in taken:  # which go to its layers
        named += sorted(inspect.signature(EncoderLayer).parameters.keys() - {"kwargs", *named})
    if unknown := sorted(asked.keys() - set(named)):
        name = unknown[0]
        raise TypeError(f"{name}={asked[name]!r} was given; {family} takes {', '.join(named)}.")
    own = sizes.keys() if family == sizes["family"] else sizes.keys() & taken.keys()
    known = {name: told[name] for name in told.keys() & taken.keys()}
    known |= {name: sizes[name] for name in own - {"family"}}
    return make(**{**known, **asked})
