"""What a task learns: from columns to examples, and the loss that they are for."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tftransformer.core import Configurable
from tftransformer.objectives.examples import Examples

# Of texts `Ragged`, of labels lists.
Columns = Sequence[Any]
TEXT, LABEL = "text", "label"


class Objective(Configurable, abc.ABC):
    """Turns the columns of a table into inputs, labels and weights, and knows their loss.

    An objective of one's own is a subclass, registered so that it loads again
    (`keras.saving.register_keras_serializable`). Its settings are the arguments of its
    constructor; what it learns from the training rows are attributes that end in `_`.

    Attributes:
        monitor: the value by which an epoch is judged, such as `"val_loss"`.
        mode: `"min"` or `"max"`, whichever is better.
        too_long: what becomes of rows with more than `max_length` tokens unless a person says
            otherwise: `"drop"`, `"cut"`, `"refuse"`, or `"blocks"`, of an objective that learns
            from a text wherever it is cut: its `blocks(documents, tokenizer, room)`, `room` being
            what `num_special` leaves of `max_length`, makes the columns that `examples` takes of
            them. Where a row has another column beside the text, it is cut.
        in_blocks: whether `blocks` makes all rows, those of short texts as well, whatever a person
            says of long ones.
        in_order: whether each of these rows goes on where the one before ended, and they are read
            so: see `data.Streams`.
        stride: pieces that neighbouring windows share, where the last text of a row is read in
            windows: `examples` then gets it as `Pieces`, and makes a row of each window. None: a
            row is a row.
        in_sentences: whether what `Pieces` call words are sentences.
        spelling: how many numbers there are for what spellings of words say, which `Pieces` then
            have: see `spelling_ids`; 0: they do not.
        joins_texts: whether texts make rows by a template, for which they need one tokenizer.
        rows_alone: whether each text makes a row of its own then, rather than all one.
        split_by: which text column says that rows belong together when a table is split.
        output: which of the model's outputs answers, where it has several: labels, weights, loss
            and metrics are then dicts of it.
        hides_tokens: whether a tokenizer that is learnt for it needs a mask token.
        loss_weights: what the loss of each output counts, a dict by output; None: all the same.
    """

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

    @abc.abstractmethod
    def kinds(self, count: int) -> tuple[str, ...]:
        """What each of `count` columns holds: `"text"` or `"label"`.

        Raises:
            ValueError: this objective does not take so many columns.
        """

    @property
    def is_fitted(self) -> bool:
        """Whether it has learnt what it needs."""
        return True

    def fit(self, columns: Sequence[list[Any]]) -> None:
        """Learns what it needs of the label columns of the training rows, lists of values."""

    def begin(self, labels: Sequence[str] | None) -> None:
        """Takes the labels of a trained head, by their names, in place of `fit`."""

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
            columns: in the order of `kinds`: plain ids as `Ragged` for a text, a list of values
                for a label; row `i` of one belongs to row `i` of all others.
            tokenizers: the tokenizer of each text column, for its special ids.
            template: how texts become one row, for the objectives that join them.
            training: whether they are to be trained on, as class weights ask.

        Raises:
            ValueError: the columns do not fit each other, or a label is not known.
        """

    def num_special(self, template: Any, texts: int) -> int:
        """How many tokens a row of so many texts has beside theirs."""
        return template.num_special(texts > 1)

    def strata(self, columns: Sequence[list[Any]]) -> list[int] | None:
        """The kind of each row, int, if a split is to keep the share of each kind, else None."""
        return None

    @abc.abstractmethod
    def losses(self) -> Any:
        """The loss that `compile` or a `Trainer` takes: one, or a dict by output name."""

    @abc.abstractmethod
    def metrics(self) -> Any:
        """The weighted metrics: a list, or a dict of lists by output name; new ones each time."""

    def check_model(
        self,
        compute: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        inputs: Mapping[str, Any],
        weights: Mapping[str, Any],
    ) -> None:
        """Raises a ValueError for a model that sees what it is to foresee: a `Trainer` asks.

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
