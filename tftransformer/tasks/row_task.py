"""RowTask: the base of tasks whose model reads one row of tokens, for one text or two."""

import abc
import types
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

from tftransformer.core import check_choice, check_ints, is_int, require, unallocated
from tftransformer.data import DataProcess
from tftransformer.models import EncoderDecoder
from tftransformer.models.headed_model import HeadedModel
from tftransformer.objectives import Objective
from tftransformer.tasks.checks import check_number
from tftransformer.tasks.given import Given, positions_of, reads_segments, trained_further
from tftransformer.tasks.learners import learn_unigram
from tftransformer.tasks.lengths import TOO_LONG
from tftransformer.tasks.pretrained_folder import FolderParts, labels_said
from tftransformer.tasks.task import Task


class RowTask(Task):
    """Base of the tasks whose model reads one row of tokens; a subclass names head and objective.

    Attributes:
        has_own_head: whether `head_arguments` is a layer, so that any family takes it.
        default_length: default for the largest number of tokens in a row.
        first_tokens: tokens in a batch, where a model is trained from scratch.
        further_tokens: tokens in a batch, where a trained model is trained further.
        learn_tokenizer: learns a tokenizer from texts and a size, if none is given.
    """

    head: str
    has_own_head: ClassVar[bool] = False
    sizes = types.MappingProxyType({"family": "SentenceModel", "num_layers": 1})
    default_length: ClassVar[int] = 256
    first_tokens: ClassVar[int] = 1024
    further_tokens: ClassVar[int] = 1024
    learn_tokenizer: Callable[..., Any] = staticmethod(learn_unigram)
    max_length: int | None
    tokenizer: Any
    vocab_size: int
    learning_rate: float | None

    @abc.abstractmethod
    def objective(self, given: Given, output: str | None) -> Objective:
        """Returns what is learnt of rows by a model whose output is called `output`."""

    def process(self, columns: Sequence[Any]) -> DataProcess:
        self.check_answering()
        given, limit = self._given, self.limit_of(self._given)
        model = self.given_or_sketched()
        headed = isinstance(model, HeadedModel)
        if isinstance(model, EncoderDecoder) and not headed:
            raise ValueError(
                f"model={self.model!r}: a {type(model).__name__} has no heads and only writes "
                f"texts; a {type(self).__name__} needs a model with the head {self.head!r}."
            )
        known = sorted({*model.head_names, *model.heads}) if headed else []
        if headed and not self.has_own_head and self.head not in known:
            raise ValueError(
                f"model={self.model!r}: {type(model).__name__} has no head {self.head!r}, which a "
                f"{type(self).__name__} needs; it has {', '.join(known)}."
            )
        return DataProcess(
            *columns,
            objective=self.objective(given, self.head if headed else None),
            **given.tokenizer_options(self, self.learn_tokenizer),
            max_length=limit,
            too_long=self.learns_long,
            batch_tokens=max(
                self.first_tokens if given.model is None else self.further_tokens, limit
            ),
            seed=self.seed,
        )

    def limit_of(self, given: Given) -> int:
        """Most tokens of a row to learn from."""
        return given.limit(self.max_length, self.default_length)

    def given_or_sketched(self) -> Any:
        """The model that was given, else one from scratch without weights: it says what it reads.

        Raises:
            ValueError, TypeError: if its sizes make no sense.
        """
        return self.sketched() if self._given.model is None else self._given.model

    def sketched(self) -> Any:
        """The model from scratch, without heads and weights."""
        with unallocated():
            return self.from_scratch({"vocab_size": self.vocab_size}, heads=())

    def _take_rows(self, *given: Any) -> tuple[Any, Any]:
        rows = super()._take_rows(*given)
        self._leave_out_segments(self._given.model)
        return rows

    def begin(self, given: Given) -> None:
        super().begin(given)
        if given.parts is None:
            self._leave_out_segments(given.model)

    def _leave_out_segments(self, model: Any) -> None:
        """Has `data_` make rows in one segment where a model, None for a new one, knows no more.

        T5 and Transformer-XL tell two texts apart by the tokens between them.
        """
        template = self.data_.row_template
        if template.segments(pair=False) is None and template.segments(pair=True) is None:
            return
        if model is None:
            with unallocated():
                sizes = {"vocab_size": self.vocab_size}
                model = self.from_scratch(sizes, heads=(), segments=2)
        if not reads_segments(model, True):
            self.data_.template = template.without_segments()

    @property
    def reads_pairs(self) -> bool:
        """Whether a row is made of two texts."""
        return len(self.data_.columns) > 2

    @property
    def learns_long(self) -> str:
        """What becomes of rows to learn from that are too long."""
        return self.too_long

    def make_model(self) -> Any:
        if self._given.model is not None:
            return trained_further(
                self._given, self.head, self.data_.objective, self.head_arguments()
            )
        tokenizer = self.data_.tokenizers[0]
        return self.from_scratch({"vocab_size": tokenizer.vocab_size}, **self.told())

    def told(self) -> dict[str, Any]:
        """What a model from scratch is told of the rows that `data_` makes."""
        special = self.data_.tokenizers[0].special_ids
        before, behind = self.data_.row_template.ids_around(special)
        edges = {"start_id": before[:1], "end_id": behind[-1:]}
        pair = {"segments": self.data_.row_template.segments(pair=True)}
        return {
            **(pair if self.reads_pairs else {}),
            "num_positions": self.data_.max_length,
            "pad_id": special["pad"],
            "heads": {self.head: self.head_arguments()},
            "summary_column": "last_token",  # rows are padded at their ends
            **{name: ids[0] for name, ids in edges.items() if ids},
        }

    def head_arguments(self) -> Any:
        """Arguments of a new head, or it, for what `data_` has found."""
        objective = self.data_.objective
        labels = list(getattr(objective, "classes_", ()))
        is_named = labels and all(isinstance(label, str) for label in labels)
        return {"labels": labels if is_named else objective.num_outputs}

    def folder_parts(self) -> FolderParts:
        graph: Any = self.graph()
        objective = self.data_.objective
        template = graph.template
        if not reads_segments(self.model_, graph.has_segments):
            template = template.without_segments()
        rows = {"tokenizer": graph.tokenizer, "template": template, "max_length": graph.max_length}
        head = getattr(self.model_, "heads", {}).get(self.head)
        labels, config = labels_said(head, getattr(objective, "classes_", None))
        state = objective.get_state()
        learnt = {**({"objective": state} if state else {}), **self.tuned()}
        return FolderParts(rows, config, learnt={"labels": labels, **learnt} if learnt else {})

    def tuned(self) -> dict[str, Any]:
        """What was tuned after training, and belongs to these labels."""
        return {}

    def check_answering(self) -> None:
        """Raises a ValueError where a setting of how rows are answered has no sense."""
        check_ints(1, batch_size=self.batch_size)
        check_ints(1, or_none=True, max_length=self.max_length)
        check_choice(TOO_LONG, too_long=self.too_long)

    def row(self, max_length: int | None = None) -> dict[str, Any]:
        """What a `RowGraph` is told of rows.

        Args:
            max_length: at most the positions of the model. None: as the setting says, and no more
                than it was fitted with.
        """
        data = self.fitted()
        self.check_answering()
        if max_length is None:
            max_length = min(self.max_length or data.max_length, data.max_length)
        check_number("max_length", max_length, 1, positions_of(self.model_))
        return {
            "tokenizer": data.tokenizers[0],
            "template": data.row_template,
            "max_length": max_length,
            "output": data.objective.output,
        }


class WindowedTask(RowTask):
    """Base of the tasks that read long texts in windows.

    Attributes:
        stride: number of pieces that neighbouring windows share; "auto": `usual_stride`, or a
            quarter of a window if that is less.
        usual_stride: where nothing else says it.
    """

    usual_stride: ClassVar[int] = 64
    stride: int | Literal["auto"] | None

    def stride_in(self, max_length: int) -> int | None:
        """Pieces that windows of at most so many tokens share."""
        if self.stride == "auto":
            return min(self.usual_stride, max_length // 4)
        fits = self.stride is None or is_int(self.stride, 0)
        require(fits, "stride", self.stride, 'an int ≥ 0, or "auto"')
        return self.stride

    def learning_stride(self, given: Given) -> int:
        """Pieces that windows to learn from share; 0 where there are none."""
        return self.stride_in(self.limit_of(given)) or 0

    def row(self, max_length: int | None = None) -> dict[str, Any]:
        told = super().row(max_length)
        return {**told, "stride": self.stride_in(told["max_length"])}
