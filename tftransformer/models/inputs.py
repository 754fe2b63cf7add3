"""Names of model inputs: other libraries' names are understood, unknown ones refused."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras

from tftransformer.masks import Mask

OF_HEADS = (
    "pooled_positions",
    "mask_positions",
    "span_mask",
    "start_positions",
    "class_positions",
    "sentence_numbers",
)


def known_inputs(
    inputs: Mapping[str, Any],
    names: Iterable[str],
    aliases: Mapping[str, str],
    masks: Iterable[Mask],
    heads: Iterable[keras.layers.Layer] = (),
) -> dict[str, Any]:
    """Returns the inputs under the names of this package.

    Args:
        inputs: the inputs as given.
        names: names that the model itself reads.
        aliases: names of Hugging Face and Keras, and ours.
        masks: masks, which may read further entries.
        heads: heads, which may read further entries.

    Raises:
        ValueError: for an entry that nothing reads, or that is given twice.
    """
    leaves = [leaf for mask in masks for leaf in leaves_of(mask)]
    of_masks = {entry for leaf in leaves for entry in leaf.entries}
    names = {*names, *of_masks}
    named: dict[str, Any] = {}
    for name, value in inputs.items():
        ours = name if name in names else aliases.get(name, name)
        if ours in named or (ours != name and ours in inputs):
            raise ValueError(f"the inputs hold {ours!r} twice: it is also called {name!r}.")
        if value is not None:
            named[ours] = value
    unread = sorted({*named} - names - {*OF_HEADS})
    if unread and all(map(_is_ours, (*leaves, *heads))):
        raise ValueError(
            f"nothing reads the inputs {', '.join(map(repr, unread))}: the model reads "
            f"{sorted(names - of_masks)}, its masks {sorted(of_masks)}, its heads "
            f"{sorted(OF_HEADS)}. An input of a mask needs a model with that mask: "
            "mask=(CausalMask() | PrefixMask()) & … for 'prefix_lengths', mask=… & DocumentMask() "
            "for 'query_documents' and 'key_documents'."
        )
    return named


def leaves_of(mask: Mask) -> Iterator[Mask]:
    """Yields the masks that an expression consists of."""
    parts = [value for value in vars(mask).values() if isinstance(value, Mask)]
    for part in parts:
        yield from leaves_of(part)
    if not parts:
        yield mask


def _is_ours(part: Any) -> bool:
    """Whether it is of this package, of which is known what it reads."""
    return type(part).__module__.split(".")[0] == __name__.split(".")[0]
