"""Models with more tokens or positions than they were trained with."""

from typing import Any, NamedTuple

import keras
from keras import ops

from tftransformer.models.further import take_further
from tftransformer.positions import LearnedPositions

_SIZES = "vocab_size", "source_vocab_size", "target_vocab_size"


class Grown(NamedTuple):
    """What `grow` returns.

    Attributes:
        model: the larger model.
        changes: what became of each weight that grew, a line each.
    """

    model: Any
    changes: list[str]


def grow(model: keras.Model, new_rows: str = "initializer", **sizes: int) -> Grown:
    """Returns a copy of a trained model with a larger vocabulary or more positions.

    Known tokens and positions keep their ids and weights; new ones are added after them, in tables,
    in the biases and weights of heads (tied or not), and in the last cluster of an adaptive
    vocabulary. For known tokens hidden states and logits stay the same, but probabilities are
    shared with more tokens. The given model is not changed.

    Args:
        model: a family of this package, built, such as `load_model` or `from_pretrained` return,
            or the `model_` of a task. Its tokenizer grows by `with_tokens`, which keeps all ids; a
            task goes on with both: `tt.TextClassifier(grown.model, tokenizer=larger)`.
        new_rows: how the rows of new tokens start: "initializer" draws them as the model drew its
            first ones, "mean" sets them to the mean of all known tokens, so that none is likely at
            first (Hewitt 2021). New positions are always drawn.
        **sizes: arguments of the model's constructor: `vocab_size` (or `source_vocab_size` and
            `target_vocab_size`), `num_positions`.

    Raises:
        ValueError: the model has no such size or is larger already, one of its heads has another
            vocabulary, or the weights do not fit.

    Example:

    >>> model = tt.Gpt2(vocab_size=20, num_layers=1, d_model=8, num_heads=2, num_positions=16)
    >>> grown = grow(model, vocab_size=25, num_positions=32)
    >>> for change in grown.changes:
    ...     print(change)
    stack/embeddings/position/table/embeddings: 16 rows kept, 16 new
    stack/embeddings/table/embeddings: 20 rows kept, 5 new
    >>> grown.model.vocab_size
    25

    With the tokenizer, for a domain with words of its own:

    >>> tokenizer = tt.WordPieceTokenizer(["[UNK]", "a", "runs", "ze", "##bra"])
    >>> model = tt.Gpt2(tokenizer.vocab_size, num_layers=1, d_model=8, num_heads=2)
    >>> larger = tokenizer.with_tokens(["zebra"])
    >>> grown = grow(model, new_rows="mean", vocab_size=larger.vocab_size)
    >>> write = tt.TextGenerator(grown.model, tokenizer=larger)
    """
    if new_rows not in ("initializer", "mean"):
        raise ValueError(f"new_rows={new_rows!r} was given; expected 'initializer' or 'mean'.")
    config = model.get_config()
    _check_sizes(model, config, sizes)
    larger = type(model).from_config({**config, **sizes})
    take_further(larger, model)
    _check_heads(larger, sizes)
    pairs = _pairs(model, larger)
    positions = {
        id(variable)
        for layer in larger._flatten_layers()
        if isinstance(layer, LearnedPositions)
        for variable in layer.variables
    }
    changes = []
    for old, new in pairs:
        kept, rows = old.value, 0
        if old.shape != new.shape:
            rows = new.shape[0] - old.shape[0]
            drawn = new.value[old.shape[0] :]
            if new_rows == "mean" and id(new) not in positions:
                drawn = ops.zeros_like(drawn) + ops.mean(kept, axis=0)
            kept = ops.concatenate([kept, ops.cast(drawn, kept.dtype)])
            path = new.path.split("/", 1)[-1]
            changes.append(f"{path}: {old.shape[0]} rows kept, {rows} new")
        new.assign(kept)
    return Grown(larger, changes)


def _check_sizes(model: keras.Model, config: dict[str, Any], sizes: dict[str, int]) -> None:
    can = [name for name in (*_SIZES, "num_positions") if config.get(name) is not None]
    if not sizes or not {*sizes} <= {*can}:
        raise ValueError(
            f"a {type(model).__name__} cannot grow in {sorted({*sizes} - {*can})}; it has the sizes"
            f" {can}: positions that are computed need no growth, and of `model.only(head)` the "
            "model itself grows."
        )
    for name, size in sizes.items():
        if not size >= config[name]:
            raise ValueError(
                f"{name}={size} is less than the model's {config[name]}: what it knows would lose "
                "its weights. Give a larger one."
            )


def _check_heads(larger: keras.Model, sizes: dict[str, int]) -> None:
    vocabularies = {sizes[name] for name in sizes if name in _SIZES}
    for layer in larger._flatten_layers(include_self=False):
        own = getattr(layer, "vocab_size", None)
        if vocabularies and own is not None and own not in vocabularies:
            others = {getattr(larger, name, None) for name in _SIZES if name not in sizes}
            if own not in others:
                raise ValueError(
                    f"the layer {layer.name!r} was given to the model with a vocabulary of {own} "
                    "of its own, which does not grow with it. Make the model with the head's name."
                )


def _pairs(model: keras.Model, larger: keras.Model) -> list[tuple[Any, Any]]:
    """Returns the weights of both, of equal shape but for more rows in the second."""
    old, new = model.weights, larger.weights
    names = [[variable.path.split("/", 1)[-1] for variable in own] for own in (old, new)]
    if names[0] != names[1] or not old:
        raise ValueError(
            "the model has other weights than its constructor makes: build it first, and "
            "`recipes.merge_lora(model)` where it has LoRA."
        )
    for one, other in zip(old, new, strict=True):
        same_rows = one.shape[1:] == other.shape[1:] and len(one.shape) == len(other.shape)
        if not same_rows or (one.shape and one.shape[0] > other.shape[0]):
            raise ValueError(
                f"the weight {one.path!r} of shape {one.shape} would have to become {other.shape}, "
                "which is more than new rows."
            )
    return list(zip(old, new, strict=True))
