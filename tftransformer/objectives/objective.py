"""The base of all objectives: from columns to examples, with their loss."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tftransformer.core import Configurable
from tftransformer.objectives.examples import Examples
from tftransformer.training.losses import LabelSmoothedCrossEntropy
from tftransformer.training.metrics import TokenAccuracy

# Of texts `Ragged`, of labels lists.
Columns = Sequence[Any]
TEXT, LABEL = "text", "label"
# What each column holds, for each number of columns that there may be.
Forms = tuple[tuple[str, ...], ...]


class Objective(Configurable, abc.ABC):
    """Turns the columns of a table into inputs, labels and weights, and knows their loss.

    Your own objective is a subclass, registered so that it can be loaded again
    (`keras.saving.register_keras_serializable`). Its settings are the arguments of its constructor;
    what it learns from the training rows is kept in attributes that end in `_`.

    Attributes:
        forms: what each column may hold, `"text"` or `"label"`: a tuple for each number of columns.
        takes: the same in words, for errors.
        learns: name of an attribute that there is once it is fitted; None: it learns nothing.
        monitor: the logged value by which epochs are compared, such as `"val_loss"`.
        mode: whether `"min"` or `"max"` of it is better.
        too_long: what happens by default to rows with more than `max_length` tokens: `"drop"`,
            `"cut"`, `"refuse"`, or `"blocks"`, for an objective that can learn from a text cut
            anywhere. Its method `blocks(documents, tokenizer, room)` then returns the columns for
            `examples`; `room` is what `num_special` leaves of `max_length`. Rows with further
            columns are cut instead.
        in_blocks: whether `blocks` makes all rows, even of short texts and whatever `too_long`
            says.
        in_order: whether each of these rows continues the previous one, and they are read in order:
            see `data.Streams`.
        stride: number of pieces that neighbouring windows share, if the last text of a row is read
            in windows: `examples` then gets it as `Pieces`, and makes a row of each window. None:
            no windows.
        in_sentences: whether the words of `Pieces` are sentences.
        spelling: number of spelling features that `Pieces` have for words, see `spelling_ids`; 0:
            none.
        joins_texts: whether a template joins texts to rows, which requires a single tokenizer.
        rows_alone: whether the template then makes a row of each text, instead of joining all.
        split_by: the text column whose equal texts stay on one side when a table is split.
        output: name of the model output that is trained, if there are several: labels, weights,
            loss and metrics are then dicts with this key.
        hides_tokens: whether a tokenizer learnt for it needs a mask token.
        loss_weights: factor of the loss of each output, a dict by output; None: all equal.
        smoothing: probability mass that the default loss spreads over all classes.
    """

    forms: Forms
    takes: str
    learns: str | None = None
    monitor: str = "val_loss"
    mode: str = "min"
    too_long: str = "drop"
    joins_texts: bool = False
    in_blocks: bool = False
    in_order: bool = False
    stride: int | None = None
    in_sentences: bool = False
    spelling: int = 0
    rows_alone: bool = False
    split_by: int = 0
    output: str | None = None
    hides_tokens: bool = False
    loss_weights: dict[str, float] | None = None
    smoothing: float = 0.0

    def kinds(self, count: int) -> tuple[str, ...]:
        """What each of `count` columns holds: the one of `forms` that has so many.

        Raises:
            ValueError: this objective does not take so many columns.
        """
        for form in self.forms:
            if len(form) == count:
                return form
        raise ValueError(f"{type(self).__name__} takes {self.takes}; it was given {count}.")

    @property
    def is_fitted(self) -> bool:
        """Whether it has learnt what it needs."""
        return self.learns is None or hasattr(self, self.learns)

    def fit(self, columns: Sequence[list[Any]]) -> None:
        """Learns what it needs from the label columns of the training rows, lists of values."""

    def begin(self, labels: Sequence[str] | None) -> None:
        """Takes over the labels of a trained head, in place of `fit`."""

    @abc.abstractmethod
    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> Examples:
        """Makes examples of the rows.

        Args:
            columns: in the order of `kinds`: ids as `Ragged` for a text, a list of values for a
                label; row `i` is the same row in all columns.
            tokenizers: the tokenizer of each text column, for its special ids.
            template: how texts become one row, for the objectives that join them.
            training: whether they are training rows, for which class weights apply.

        Raises:
            ValueError: the columns do not fit each other, or a label is not known.
        """

    def num_special(self, template: Any, texts: int) -> int:
        """Number of special tokens in a row of so many texts."""
        return template.num_special(texts > 1)

    def strata(self, columns: Sequence[list[Any]]) -> list[int] | None:
        """Returns the kind of each row, int, if a split should keep their shares, else None."""
        return None

    def losses(self) -> Any:
        """Returns the loss for `compile` or a `Trainer`: one, or a dict by output name.

        By default it is that of labels that are classes, with the `smoothing` of the objective.
        """
        return self.by_output(LabelSmoothedCrossEntropy(self.smoothing))

    def metrics(self) -> Any:
        """Returns new weighted metrics: a list, or a dict of lists by output name.

        By default it is the accuracy of labels that are classes.
        """
        return self.by_output([TokenAccuracy()])

    def check_model(
        self,
        compute: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        inputs: Mapping[str, Any],
        weights: Mapping[str, Any],
    ) -> None:
        """Raises a ValueError for a model that sees what it has to predict; called by `Trainer`.

        Args:
            compute: gives the outputs of the model for some inputs, by name.
            inputs: inputs of a batch, as `Examples.batch` returns them.
            weights: weights of the batch, by the names of the outputs that have labels.
        """

    def by_output(self, value: Any) -> Any:
        """`value`, or a dict of it where the model's output has a name."""
        return value if self.output is None else {self.output: value}

    @property
    def learnt(self) -> dict[str, Any]:
        """What was learnt, by name."""
        return {name: value for name, value in vars(self).items() if _is_learnt(name)}

    def get_state(self) -> dict[str, Any]:
        """What was learnt, as plain values that JSON holds.

        Raises:
            ValueError: it cannot be written as such.
        """
        return self.learnt

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes what `get_state` gave."""
        for name, value in state.items():
            if not _is_learnt(name):
                raise ValueError(f"{name!r} is nothing that {type(self).__name__} learns.")
            setattr(self, name, value)


def _is_learnt(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")


def special_id(tokenizer: Any, name: str, needed_for: str) -> int:
    """The id of a special token, or an error that says who needs it."""
    found = tokenizer.special_ids.get(name)
    if found is None:
        raise ValueError(
            f"the tokenizer has no {name} token, which {needed_for} needs; it has "
            f"{sorted(tokenizer.special_ids)}. Learn or load one that has it."
        )
    return found
