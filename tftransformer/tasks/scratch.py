"""Models from scratch: a family by its name, with sizes."""

import inspect
from collections.abc import Mapping
from typing import Any

from tftransformer import models
from tftransformer.core import require

FAMILIES = sorted(
    name
    for name, value in vars(models).items()
    if isinstance(value, type)
    and issubclass(value, models.StackModel | models.EncoderDecoder)
    and value not in (models.StackModel, models.EncoderDecoder)
)


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
        ValueError: there is no such family.
        TypeError: it has no such argument.
    """
    asked = {**(chosen or {}), **vocabulary}
    family = asked.pop("family", sizes["family"])
    require(family in FAMILIES, "family", family, f"one of {', '.join(FAMILIES)}")
    make = getattr(models, family)
    taken = inspect.signature(make).parameters
    unknown = sorted(asked.keys() - taken.keys())
    if unknown and "options" not in taken:  # which go to its stacks, and are looked at there
        name = unknown[0]
        named = [key for key in taken if taken[key].kind is not inspect.Parameter.VAR_KEYWORD]
        raise TypeError(f"{name}={asked[name]!r} was given; {family} takes {', '.join(named)}.")
    own = sizes.keys() if family == sizes["family"] else sizes.keys() & taken.keys()
    known = {name: told[name] for name in told.keys() & taken.keys()}
    known |= {name: sizes[name] for name in own - {"family"}}
    return make(**{**known, **asked})
