"""HeadedModel."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import Configurable, build_once, register
from tftransformer.heads import LanguageModelHead
from tftransformer.models.exporting import ExportedByNames

Heads = Iterable[str] | Mapping[str, Any]

# What models return beside the outputs of heads, when they are called or asked for details.
_OF_MODELS = {"hidden", "memory"} | {
    f"{stack}{kind}"
    for stack in ("", "query_", "cross_", "encoder_", "decoder_")
    for kind in ("hidden_states", "attentions")
}


class HeadedModel(Configurable, keras.Model):
    """A model with any number of heads; its outputs are a dict with one entry for each head.

    A subclass calls `make_heads` in its constructor and defines `forward(inputs, heads,
    training=None)`, which runs the named heads with `head_output`.

    Attributes:
        heads: dict of the heads by name.
        head_names: names of the heads that the family defines.
        masked_head: name of the head that predicts masked tokens, in a family that has one.
    """

    masked_head = "masked_lm"

    def make_heads(
        self, wanted: Heads, makers: Mapping[str, Callable], *, kernel_initializer: Any = None
    ) -> None:
        """Makes the heads.

        Args:
            wanted: names of heads; or a dict from names to the arguments of the head
                (`{"sequence_classification": {"labels": 3}}`), or to a layer, which is called as
                `head(hidden, inputs=…, training=…)`, without those of the two that its `call` does
                not take.
            makers: for each name that the family defines, a function from such arguments to the
                head.
            kernel_initializer: initializer of the heads, where the family has one.
        """
        taken = sorted({*wanted} & _OF_MODELS)
        if taken:
            raise ValueError(
                f"a head cannot be called {taken[0]!r}, which is an output of the model itself: "
                "choose another name."
            )
        self.heads, self.head_names = {}, tuple(sorted(makers))
        common = {"kernel_initializer": kernel_initializer} if kernel_initializer else {}
        if not isinstance(wanted, Mapping):
            wanted = {name: {} for name in wanted}
        for name, head in wanted.items():
            if not isinstance(head, keras.layers.Layer):
                if name not in makers:
                    raise ValueError(
                        f"{type(self).__name__} has no head {name!r}. It has "
                        f"{[*self.head_names]}; for one of your own pass a layer: "
                        f"heads={{{name!r}: layer}}."
                    )
                head = makers[name](**{**common, **head}, dtype=self.dtype_policy, name=name)
            self.heads[name] = head
        # Heads of this package have one signature; a plain layer may take its input alone.
        self._head_arguments = {
            name: [argument for argument in ("inputs", "training") if argument in taken_by(head)]
            for name, head in self.heads.items()
        }

    def build_heads(self) -> None:
        """Builds the heads, which read hidden states (batch, length, d_model)."""
        for head in self.heads.values():
            build_once(head, (None, None, self.d_model))

    def check_head(self, head: str) -> None:
        """Raises a ValueError if there is no such head to write with."""
        if head not in self.heads:
            raise ValueError(
                f"the model has no head {head!r} to write with; it has {sorted(self.heads)}."
            )

    def head_output(
        self, name: str, hidden: Any, inputs: Mapping[str, Any], training: bool | None
    ) -> Any:
        """Returns the output of a head for hidden states and the inputs of the model."""
        given = {"inputs": inputs, "training": training}
        taken = {argument: given[argument] for argument in self._head_arguments[name]}
        return self.heads[name](hidden, **taken)

    def call(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        """Runs the stack and all heads; see the class for inputs and outputs."""
        return self.forward(inputs, self.heads, training=training)

    def language_model_head(self, output: str) -> LanguageModelHead | None:
        """Returns the layer whose logits an output is, of a head over the vocabulary."""
        head = self.heads.get(output)
        head = getattr(head, "output_projection", head)
        return head if isinstance(head, LanguageModelHead) else None

    def only(self, *names: str) -> "SomeHeads":
        """Returns a model, for training, that shares the weights and has the outputs of some heads.

        Args:
            *names: names of heads. The output of one head is a tensor, those of several are a dict.

        >>> bert = tt.Bert(vocab_size=100, num_layers=1, d_model=16, num_heads=2, dff=32,
        ...                heads=["masked_lm", "next_sentence"])
        >>> model = bert.only("masked_lm")
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> sorted(bert.only("masked_lm", "next_sentence")(np.ones((2, 7), "int32")))
        ['masked_lm', 'next_sentence']
        """
        return OneHead(self, *names) if len(names) == 1 else SomeHeads(self, names)


@register
class SomeHeads(ExportedByNames, Configurable, keras.Model):
    """A `HeadedModel` reduced to some of its heads; made by `HeadedModel.only`.

    Args:
        model: the model, whose weights it shares.
        names: names of the heads.
    """

    def __init__(self, model: HeadedModel, names: Sequence[str], **kwargs: Any):
        super().__init__(**kwargs)
        for name in names:
            if name not in model.heads:
                raise ValueError(f"the model has no head {name!r}; it has {sorted(model.heads)}.")
        self.model, self.names, self.d_model = model, tuple(names), model.d_model
        self.exported_inputs = model.exported_inputs
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns a dict of the outputs of the heads."""
        outputs = self.model.forward(inputs, self.names, training=training)
        return {name: outputs[name] for name in self.names}

    def language_model_head(self, output: str) -> LanguageModelHead | None:
        """Returns the layer whose logits an output is, of a head over the vocabulary."""
        return self.model.language_model_head(output)


@register
class OneHead(SomeHeads):
    """A `HeadedModel` reduced to one head, whose output it returns; made by `HeadedModel.only`.

    Keras's `compile` and `fit` also take losses, metrics, labels and weights in dicts with that
    name as their key, which objectives return that know the name of the output.

    Args:
        model: the model, whose weights it shares.
        head: name of the head.
    """

    def __init__(self, model: HeadedModel, head: str, **kwargs: Any):
        super().__init__(model, [head], **kwargs)
        self.head = head

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the output of the head."""
        return super().call(inputs, training=training)[self.head]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *given: Any, **told: Any
    ) -> Any:
        """Does what that of Keras does."""
        return super().compute_loss(x, y, self._named_as(y, y_pred), *given, **told)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, *given: Any, **told: Any) -> Any:
        """Does what that of Keras does."""
        return super().compute_metrics(x, y, self._named_as(y, y_pred), *given, **told)

    def _named_as(self, labels: Any, output: Any) -> Any:
        """The output, by the name of the head where labels have names."""
        return {self.head: output} if isinstance(labels, Mapping) else output

    def language_model_head(self, output: str) -> LanguageModelHead | None:
        """Returns the layer whose logits the output is, of a head over the vocabulary."""
        return self.model.language_model_head(self.head)


def of_rows(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs with one value for each row, (batch,), which masks read."""
    return {
        name: value for name, value in inputs.items() if value is not None and ops.ndim(value) == 1
    }


def taken_by(head: keras.layers.Layer) -> list[str]:
    """Returns the names of the arguments of a head's `call` besides the hidden states."""
    return list(inspect.signature(head.call).parameters)[1:]
