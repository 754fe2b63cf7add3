"""Freezing parts of a model, and unfreezing them one by one."""

from typing import Any

import keras

from tftransformer.core import check_ints
from tftransformer.training.recipes.low_rank import adapted_layers
from tftransformer.training.trainable import (
    may_be_trained,
    parts_of,
    train_all_but,
    trained_weights,
)


def freeze(model: keras.Model, below: int) -> int:
    """Freezes the lowest parts of a model, and makes all others trainable.

    The parts are, from the bottom up: the embeddings, with all that layers share (a head tied to
    them is frozen with them); each layer of the stacks, those of an encoder first; the heads, if
    they have their own weights. For other Keras models the parts are `model.layers`.

    Args:
        model: built.
        below: number of parts to freeze; if negative, number of parts to train.

    Returns:
        how many weights are trained.

    Raises:
        ValueError: no part would be trained, or the model has LoRA.

    Example:

    >>> model = tt.Gpt2(vocab_size=20, num_layers=2, d_model=8, num_heads=2, num_positions=16)
    >>> freeze(model, below=2)  # the embeddings and the first layer
    888
    >>> [len(layer.trainable_variables) for layer in model.stack.layers]
    [0, 16]
    """
    check_no_lora(model)
    parts = parts_of(model)
    if not parts:
        raise ValueError("the model has no weights yet: build it first, or call it once.")
    frozen = below if below >= 0 else max(0, len(parts) + below)
    if frozen >= len(parts):
        raise ValueError(
            f"below={below} would freeze all {len(parts)} parts of the model: give {len(parts) - 1}"
            " or less."
        )
    train_all_but(model, [layer for part in parts[:frozen] for layer in part])
    return trained_weights(model)


def check_no_lora(model: keras.Model) -> None:
    """Raises a ValueError for a model with LoRA, of which single weights of a layer are frozen."""
    if adapted_layers(model):
        raise ValueError(
            "the model has LoRA: what freezes and unfreezes its parts would train the weights that "
            "LoRA leaves as they are. Do one or the other; merge_lora(model) ends LoRA."
        )


class GradualUnfreezing(keras.callbacks.Callback):
    """Trains only the heads at first, and one more part with each epoch (Howard and Ruder 2018).

    See §3.3. The parts are those of `freeze`; parts frozen beforehand are trained when their turn
    comes. It works in `Trainer` and in `fit`. A resumed `Trainer` continues as if it had not been
    interrupted, since the epoch determines what is frozen.

    Args:
        every: number of epochs between two parts.
        start: number of parts trained in the first epoch.

    Example:

    >>> model = tt.Gpt2(vocab_size=20, num_layers=2, d_model=8, num_heads=2, num_positions=16,
    ...                 heads={"lm": tt.LanguageModelHead(20)}).only("lm")
    >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> ids = np.ones((2, 4), "int32")
    >>> _ = model.fit(ids, ids, epochs=2, verbose=0, callbacks=[GradualUnfreezing()])
    >>> [len(layer.trainable_variables) for layer in model.model.stack.layers]
    [0, 16]
    """

    def __init__(self, every: int = 1, start: int = 1):
        super().__init__()
        check_ints(1, every=every, start=start)
        self.every, self.start = every, start

    def on_train_begin(self, logs: Any = None) -> None:
        check_no_lora(self.model)
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(may_be_trained(self.model))
        known = {id(variable) for variable in optimizer._trainable_variables}
        if not all(id(variable) in known for variable in may_be_trained(self.model)):
            raise ValueError(
                "the optimizer was built while parts of the model were frozen, so it cannot train "
                "them later: compile the model anew, with nothing frozen."
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        trained = self.start + epoch // self.every
        freeze(self.model, below=max(0, len(parts_of(self.model)) - trained))
        if getattr(self.model, "train_function", None) is not None:  # of `fit`: it is traced anew
            self.model.make_train_function(force=True)
