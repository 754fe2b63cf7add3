"""What Keras's `export` has to be told of models that are built when they are made."""

from collections.abc import Sequence
from typing import Any

import keras


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

        Args:
            filepath: where to.
            format: one of Keras's.
            verbose: whether to print a summary.
            input_signature: a list with the structure of the inputs; default: a dict of
                `exported_inputs`.
            **options: of the format.
        """
        if input_signature is None:
            spec = {"dtype": "int32", "shape": (None, None)}
            names = self.exported_inputs
            input_signature = [{name: keras.InputSpec(**spec, name=name) for name in names}]
        super().export(  # type: ignore[misc] # of the model that this stands before
            filepath, format, verbose, input_signature, **options
        )
