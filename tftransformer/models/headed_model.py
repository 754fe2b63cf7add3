"""HeadedModel."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Configurable, register
from tftransformer.models.exporting import ExportedByNames

Heads = Iterable[str] | Mapping[str, Any]


class HeadedModel(Configurable, keras.Model):
    """A model with any number of heads: outputs are a dict, with each head's by name.

    A subclass calls `make_heads` in its constructor and defines
    `answer(inputs, heads, training=None)`, which runs some of its heads.

    Attributes:
        heads: dict of the heads by name.
    """

    def make_heads(
        self, wanted: Heads, makers: Mapping[str, Callable], *, kernel_initializer: Any = None
    ) -> None:
        """Makes the heads.

        Args:
            wanted: names of heads; or a dict from names to the arguments of the head
                (`{"sequence_classification": {"labels": 3}}`), or to a ready-made layer, which is
                called as `head(hidden)`, with `inputs` and `training` where its `call` has them.
            makers: for each name the family knows, a function from such arguments to the head.
            kernel_initializer: of what is made, where the family has one.
        """
        taken = sorted({*wanted} & {"hidden", "memory", "hidden_states", "attentions"})
        if taken:
            raise ValueError(
                f"a head cannot be called {taken[0]!r}, which is an output of the model itself: "
                "choose another name."
            )
        self.heads = {}
        common = {"kernel_initializer": kernel_initializer} if kernel_initializer else {}
        if not isinstance(wanted, Mapping):
            wanted = {name: {} for name in wanted}
        for name, head in wanted.items():
            if not isinstance(head, keras.layers.Layer):
                if name not in makers:
                    raise ValueError(
                        f"{type(self).__name__} has no head {name!r}. It has {sorted(makers)}; for "
                        f"one of your own pass a layer: heads={{{name!r}: layer}}."
                    )
                head = makers[name](**{**common, **head}, dtype=self.dtype_policy, name=name)
            self.heads[name] = head

    def call(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        """Runs the stack and all heads; inputs and outputs are those of the class."""
        return self.answer(inputs, self.heads, training=training)

    def only(self, head: str) -> "OneHead":
        """Returns a model with the same weights whose output is that of one head: to train it.

        >>> bert = tt.Bert(vocab_size=100, num_layers=1, d_model=16, num_heads=2, dff=32,
        ...                heads=["masked_lm"])
        >>> model = bert.only("masked_lm")
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        """
        return OneHead(self, head)


@register
class OneHead(ExportedByNames, Configurable, keras.Model):
    """A `HeadedModel` whose output is that of one head alone; made by `HeadedModel.only`.

    Args:
        model: the model, whose weights it shares.
        head: name of the head.
    """

    def __init__(self, model: HeadedModel, head: str, **kwargs: Any):
        super().__init__(**kwargs)
        if head not in model.heads:
            raise ValueError(f"the model has no head {head!r}; it has {sorted(model.heads)}.")
        self.model, self.head, self.d_model = model, head, model.d_model
        self.exported_inputs = model.exported_inputs
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the output of the head."""
        return self.model.answer(inputs, [self.head], training=training)[self.head]


def of_rows(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs with one value for each row, (batch,): what masks read."""
    return {
        name: value for name, value in inputs.items() if value is not None and ops.ndim(value) == 1
    }


def call_head(
    head: keras.layers.Layer, hidden: Any, inputs: Mapping[str, Any], training: bool | None
) -> Any:
    """Calls a head with those of the model's inputs and of `training` that it takes."""
    given = {"inputs": inputs, "training": training}
    taken = list(inspect.signature(head.call).parameters)[1:]  # the first is the hidden states
    return head(hidden, **{name: value for name, value in given.items() if name in taken})
