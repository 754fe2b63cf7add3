"""What Keras's `export` has to be told of models that are built when they are made."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras

from tftransformer.core.compiling import without_calls


class ExportedByNames:
    """Mixin: `model.export(path)` knows the inputs, though no call has told Keras their shapes.

    Attributes:
        exported_inputs: names of the inputs, int32 (batch, length) each, that an export takes
            unless it is given an `input_signature`.
    """

    exported_inputs: Sequence[str] = ("token_ids",)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **options: Any,
    ) -> None:
        """Writes the model as Keras's `Model.export` does.

        Outputs that are lists, such as the memory of each layer, become `memory_0`, `memory_1`, ….

        Args:
            filepath: where to.
            format: one of Keras's. "litert" is for phones: ids of any length in, outputs out.
            verbose: whether to print a summary.
            input_signature: a list with the structure of the inputs; default: a dict of
                `exported_inputs`.
            **options: of the format.
        """
        if input_signature is None:
            spec = {"dtype": "int32", "shape": (None, None)}
            names = self.exported_inputs
            input_signature = [{name: keras.InputSpec(**spec, name=name) for name in names}]
        graphs = contextlib.nullcontext() if format == "tf_saved_model" else without_calls()
        with graphs:
            _FlatOutputs(self).export(filepath, format, verbose, input_signature, **options)


class _FlatOutputs(keras.Model):
    """A model with an output for each entry of an output that is a list: graphs have no lists."""

    def __init__(self, model: Any):
        super().__init__(name=model.name)
        self.model, self.built = model, True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = self.model(inputs, training=training)
        if not isinstance(outputs, dict):
            return outputs
        flat: dict[str, Any] = {}
        for name, output in outputs.items():
            if isinstance(output, list | tuple):
                flat |= {f"{name}_{place}": entry for place, entry in enumerate(output)}
            else:
                flat[name] = output
        return flat
