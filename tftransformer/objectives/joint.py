"""Joint: several objectives for one model, each with its own output."""

from collections.abc import Sequence
from typing import Any

from tftransformer.core import register
from tftransformer.objectives.examples import ColumnExamples, Examples
from tftransformer.objectives.masked_tokens import MaskedTokens
from tftransformer.objectives.objective import LABEL, TEXT, Columns, Objective
from tftransformer.objectives.text_rows import TextRows


@register
class Joint(Objective):
    """Several objectives learnt from the same rows, each for its own output of the model.

    BERT's pre-training is `Joint([NextSentence(), MaskedTokens()])` (Devlin et al. 2019, §3.1); a
    task together with the masked language model is
    `Joint([Classes(output="sequence_classification"), MaskedTokens()])`. The columns are the texts,
    then the label columns of each objective in order. With `MaskedTokens` among the objectives,
    tokens are also masked in the rows of the others.

    Labels, weights, losses and metrics are dicts by output. For plain Keras, take a model with
    exactly these outputs, `model.only("next_sentence", "masked_lm")`, and compile it with
    `loss=objective.losses()`, `weighted_metrics=objective.metrics()`,
    `loss_weights=objective.loss_weights`.

    Args:
        objectives: two or more `TextRows`, each with an `output`. The first decides how the best
            epoch is chosen and how long texts are treated.
        loss_weights: factor of the loss of each output in the sum; default 1.

    Example:

    >>> classes = tt.Classes(output="sequence_classification")
    >>> joint = Joint([classes, tt.MaskedTokens()], loss_weights={"masked_lm": 0.5})
    >>> joint.kinds(2)
    ('text', 'label')
    >>> sorted(joint.losses())
    ['masked_lm', 'sequence_classification']
    """

    joins_texts = True

    def __init__(
        self, objectives: Sequence[TextRows], *, loss_weights: dict[str, float] | None = None
    ):
        self.objectives = list(objectives)
        for objective in self.objectives:
            if not isinstance(objective, TextRows):
                raise TypeError(
                    f"Joint takes objectives of texts in rows, such as MaskedTokens and Classes; "
                    f"not {objective!r}."
                )
        names = [objective.output for objective in self.objectives]
        if len(names) < 2 or None in names or len(set(names)) < len(names):
            raise ValueError(
                f"Joint takes two or more objectives with an output each; the outputs are {names}: "
                "Joint([Classes(output='sequence_classification'), MaskedTokens()])."
            )
        # Keras wants one for each output.
        self.loss_weights = dict.fromkeys(map(str, names), 1.0)
        for objective in self.objectives:
            self.loss_weights |= objective.loss_weights or {}
        unknown = sorted({*(loss_weights or ())} - {*self.loss_weights})
        if unknown:
            names = list(self.loss_weights)
            raise ValueError(f"loss_weights names {unknown}; the outputs are {names}.")
        self.loss_weights |= loss_weights or {}
        hiding = [isinstance(objective, MaskedTokens) for objective in self.objectives]
        if all(hiding) or sum(hiding) > 1:
            raise ValueError(
                "Joint takes one MaskedTokens at most, and another objective beside it, of whose "
                f"rows tokens are hidden; the outputs are {names}."
            )
        first = self._makers[0]
        self.too_long, self.stride = first.too_long, first.stride
        self.in_sentences, self.hides_tokens = first.in_sentences, any(hiding)
        if len({(objective.stride, objective.in_sentences) for objective in self._makers}) > 1:
            raise ValueError(
                "Joint takes objectives that read their texts in one way: all in windows of one "
                f"stride, or none; {names} do not."
            )

    @property
    def _makers(self) -> list[TextRows]:
        """The objectives that make rows of columns."""
        return [each for each in self.objectives if not isinstance(each, MaskedTokens)]

    @property
    def monitor(self) -> str:  # type: ignore[override] # that of the first one
        """The key in the logs of what the best epoch is chosen by."""
        return self.objectives[0].monitor

    @property
    def mode(self) -> str:  # type: ignore[override] # that of the first one
        """Whether less or more of `monitor` is better."""
        return self.objectives[0].mode

    def kinds(self, count: int) -> tuple[str, ...]:
        labels = sum(objective.num_labels for objective in self.objectives)
        texts = count - labels
        for objective in self.objectives:
            objective.kinds(texts + objective.num_labels)
        return (*[TEXT] * texts, *[LABEL] * labels)

    def num_special(self, template: Any, texts: int) -> int:
        return max(objective.num_special(template, texts) for objective in self._makers)

    @property
    def is_fitted(self) -> bool:
        return all(objective.is_fitted for objective in self.objectives)

    def fit(self, columns: Sequence[list[Any]]) -> None:
        for objective, own in zip(self.objectives, self._labels(columns), strict=True):
            if own:
                objective.fit(own)

    def strata(self, columns: Sequence[list[Any]]) -> list[int] | None:
        for objective, own in zip(self.objectives, self._labels(columns), strict=True):
            strata = objective.strata(own) if own else None
            if strata is not None:
                return strata
        return None

    def _labels(self, columns: Sequence[Any]) -> list[list[Any]]:
        """The label columns of each objective."""
        left = iter(columns)
        return [[next(left) for _ in range(each.num_labels)] for each in self.objectives]

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> Examples:
        count = sum(objective.num_labels for objective in self.objectives)
        texts, labels = columns[: len(columns) - count], columns[len(columns) - count :]
        made: list[Any] = [
            objective.examples([*texts, *own], tokenizers, template, training=training)
            for objective, own in zip(self.objectives, self._labels(labels), strict=True)
            if objective in self._makers
        ]
        rows = made[0] if len(made) == 1 else _together(made)
        for objective in self.objectives:
            if isinstance(objective, MaskedTokens):
                rows = objective.hidden_in(rows, tokenizers[0])
        return rows

    def losses(self) -> dict[str, Any]:
        return {name: loss for each in self.objectives for name, loss in each.losses().items()}

    def metrics(self) -> dict[str, Any]:
        return {name: some for each in self.objectives for name, some in each.metrics().items()}

    @property
    def learnt(self) -> dict[str, Any]:
        """What each objective learnt, by output."""
        return {objective.output: objective.learnt for objective in self.objectives}  # type: ignore[misc] # checked

    def get_state(self) -> dict[str, Any]:
        return {objective.output: objective.get_state() for objective in self.objectives}  # type: ignore[misc] # checked

    def set_state(self, state: dict[str, Any]) -> None:
        for objective in self.objectives:
            objective.set_state(state[objective.output])  # type: ignore[index] # checked


def _together(made: Sequence[ColumnExamples]) -> ColumnExamples:
    """Rows that have the inputs, labels and weights of all."""
    for examples in made:
        if type(examples) is not ColumnExamples:
            raise ValueError(
                "Joint takes one objective that draws its rows, such as NextSentence, and beside "
                "it MaskedTokens alone."
            )
    inputs, labels, weights = (
        {name: column for examples in made for name, column in getattr(examples, part).items()}
        for part in ("inputs", "labels", "weights")
    )
    together = ColumnExamples(inputs, labels, weights)
    together.notes = tuple(dict.fromkeys(note for examples in made for note in examples.notes))
    return together
