"""From the columns of a DataFrame to vocabularies and batches."""

import os
import pathlib
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import numpy as np

from tftransformer.core import check_choice, check_ints
from tftransformer.data import vocabularies
from tftransformer.data.batches import Batches
from tftransformer.data.blocks import blocked_examples
from tftransformer.data.columns import take_columns, values_of
from tftransformer.data.report import Report
from tftransformer.data.saving import load_process, save_process
from tftransformer.data.split import split_rows
from tftransformer.data.streams import Streams
from tftransformer.data.vocabularies import LEARNING
from tftransformer.data.whole_texts import whole_examples
from tftransformer.data.windows import windowed_examples
from tftransformer.objectives import Examples, Objective, SequenceToSequence

TOO_LONG = ("drop", "cut", "refuse", "blocks")


class DataProcess:
    """Turns columns of a DataFrame into batches for training.

    Rows that cannot be used are left out, counted in `Batches.report`, and reported in a warning:
    those with a missing value (None, NaN), an empty or blank text, or more than `max_length`
    tokens. Anything else that is wrong (a missing column, a number in place of a text) raises an
    error before anything is learnt. The DataFrame is never changed.

    Args:
        *columns: names of columns, in the order of the objective: for the default one, the source
            column and the target column.
        objective: what to learn from them; default `SequenceToSequence()`.
        tokenizer: `"bpe"`, `"unigram"` or `"wordpiece"`, to learn one; a tokenizer; or a tokenizer
            class, or a function from a list of texts and `vocab_size` to a tokenizer. Or a list
            with one of these for each text column, each learnt from that column alone.
        template: how texts are joined to one row, for objectives that join them. None: BERT's if
            the tokenizer has the tokens `cls` and `sep`, otherwise `Template.plain()`.
        vocab_size: number of pieces in a vocabulary, in each one if they are separate.
        shared_vocabulary: whether to learn one vocabulary from all columns, as tied embeddings
            require.
        normalization: how to normalise the text first: see `SentencePieceTokenizer`.
        character_coverage: share of the text that must be covered by characters with their own
            piece; None: the tokenizer's default, 0.9995 (`"wordpiece"`: 1.0).
        sampling_alpha: above 0, each training epoch segments the texts anew at random: BPE-dropout
            with this probability (Provilkov et al. 2020), or unigram sampling (Kudo 2018). Not for
            objectives that read texts in blocks or windows, which are made once.
        max_length: largest number of tokens of a row on one axis (source or target), special ones
            included.
        too_long: what to do with longer rows, in evaluation as in training: `"drop"` leaves them
            out, `"cut"` cuts their texts, both with a count in the report; `"refuse"` raises an
            error; `"blocks"` splits a single text into several rows, for objectives that can learn
            from any part of it, such as `MaskedTokens` and `SpanCorruption`. None: the choice of
            the objective: `"drop"` for translation, `"blocks"` for those two on one column. For
            summaries (`SequenceToSequence(cuts_source=True)`) only the source is cut.
        batch_tokens: largest number of positions of a batch, padding included, on its widest axis.
        max_shapes: largest number of padded shapes: see `Batches`.
        seed: seed of the split, the order and the sampling.

    Example:

    >>> from tftransformer.data import everyday_corpus
    >>> data = DataProcess("en", "de", vocab_size=500)
    >>> train, validation = data.prepare(everyday_corpus(size=1000).train, test_size=0.1)
    >>> print(train)
    900 rows in ... batches of at most 4,096 tokens, ... shapes, ...% padding
    """

    def __init__(
        self,
        *columns: Hashable,
        objective: Objective | None = None,
        tokenizer: Any = "bpe",
        template: Any = None,
        vocab_size: int = LEARNING["vocab_size"],
        shared_vocabulary: bool = LEARNING["shared_vocabulary"],
        normalization: str = LEARNING["normalization"],
        character_coverage: float | None = LEARNING["character_coverage"],
        sampling_alpha: float = LEARNING["sampling_alpha"],
        max_length: int = 128,
        too_long: str | None = None,
        batch_tokens: int = 4096,
        max_shapes: int = 64,
        seed: int = 0,
    ):
        self.columns = columns
        self.objective = SequenceToSequence() if objective is None else objective
        self.tokenizer = tokenizer
        self.template = template
        self.vocab_size = vocab_size
        self.shared_vocabulary = shared_vocabulary
        self.normalization = normalization
        self.character_coverage = character_coverage
        self.sampling_alpha = float(sampling_alpha)
        self.max_length = max_length
        self.too_long = self._usual_too_long if too_long is None else too_long
        self.batch_tokens = batch_tokens
        self.max_shapes = max_shapes
        self.seed = seed
        self._check_columns()
        self._check_tokenizer()
        self._check_sizes()

    @property
    def _usual_too_long(self) -> str:
        """What becomes of long rows where nobody says it: what stands beside a text stays there."""
        usual = self.objective.too_long
        return "cut" if usual == "blocks" and len(self.columns) > 1 else usual

    def _check_columns(self) -> None:
        for column in self.columns:
            parts = column if isinstance(column, tuple) and column else (column,)
            if not all(isinstance(part, str | int) for part in parts):
                raise TypeError(
                    "a column is named by a string, an int, or a tuple of them where the columns "
                    f"are a MultiIndex; not by {column!r}."
                )
            if self.columns.count(column) > 1:
                raise ValueError(f"the column {column!r} is named twice: {self.columns}.")
        self.objective.kinds(len(self.columns))  # raises where it takes fewer, or more

    def _check_tokenizer(self) -> None:
        kind = vocabularies.kind_of(self.tokenizer)
        texts = len(self._of_kind("text", self.columns))
        self._tokenizers: tuple[Any, ...] | None = None
        each = vocabularies.one_for_each(self.tokenizer, texts)
        if kind == "given":
            self._tokenizers = each
        unused = {"given": list(LEARNING), "learner": list(LEARNING)[2:], "name": []}[kind]
        for name in unused:
            if getattr(self, name) != LEARNING[name]:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is for vocabularies that are learnt by name: "
                    "settle it where the tokenizer is made."
                )
        if self.tokenizer == "wordpiece" and (
            self.sampling_alpha or self.normalization != "identity"
        ):
            raise ValueError(
                "a wordpiece tokenizer neither samples nor normalises: leave out sampling_alpha "
                "and normalization, or choose tokenizer='bpe'."
            )
        is_laid = self.objective.in_blocks or self.objective.stride is not None
        if self.sampling_alpha and is_laid:
            raise ValueError(
                f"sampling_alpha={self.sampling_alpha}: {type(self.objective).__name__} cuts its "
                "texts once, into blocks or windows, so they cannot be sampled anew. Leave it out."
            )
        separate = not self.shared_vocabulary or len({*map(id, each)}) > 1
        if self.objective.joins_texts and separate:
            raise ValueError(
                f"{type(self.objective).__name__} makes one row of its texts: they need one "
                "vocabulary, shared_vocabulary=True, or one tokenizer."
            )

    def _check_sizes(self) -> None:
        sizes = ("vocab_size", "max_length", "batch_tokens", "max_shapes")
        check_ints(1, **{name: getattr(self, name) for name in sizes})
        check_ints(0, seed=self.seed)
        for name in (*sizes, "seed"):
            setattr(self, name, int(getattr(self, name)))  # numpy's numbers cannot be saved
        if self.seed >= 2**32:
            raise ValueError(f"seed={self.seed}: expected less than 2**32.")
        check_choice(TOO_LONG, too_long=self.too_long)
        name, usual = type(self.objective).__name__, self._usual_too_long
        if self.too_long == "cut" and not self.objective.joins_texts and usual != "cut":
            raise ValueError(
                f"the texts of {name} cannot be cut, as what is read and what is written belong to "
                f"each other: leave too_long out, which is then {usual!r}, or choose 'refuse'."
            )
        if self.too_long == "blocks" and usual != "blocks":
            raise ValueError(
                f"too_long='blocks' makes several rows of a text that has its row to itself and "
                f"may be cut anywhere, as MaskedTokens learns from; not of those of {name} and the "
                f"columns {self.columns}: leave too_long out, which is then {usual!r}."
            )
        if self.batch_tokens < self.max_length:
            raise ValueError(
                f"batch_tokens={self.batch_tokens} leaves no room for a row of "
                f"max_length={self.max_length} tokens. Raise the one or lower the other."
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each column holds for the objective: "text" or "label"."""
        return self.objective.kinds(len(self.columns))

    @property
    def is_fitted(self) -> bool:
        """Whether the vocabularies, and what the objective needs, have been learnt."""
        return self._tokenizers is not None and self.objective.is_fitted

    @property
    def tokenizers(self) -> tuple[Any, ...]:
        """The tokenizer of each text column; the same object for a shared vocabulary."""
        if self._tokenizers is None or not self.is_fitted:
            what = "labels" if self._tokenizers is not None else "vocabulary"
            raise RuntimeError(f"no {what} yet: call fit(frame) first, or DataProcess.load.")
        return self._tokenizers

    @property
    def source_tokenizer(self) -> Any:
        """The tokenizer of the first text column."""
        return self.tokenizers[0]

    @property
    def target_tokenizer(self) -> Any:
        """The tokenizer of the last text column."""
        return self.tokenizers[-1]

    @property
    def row_template(self) -> Any:
        """How texts are joined to one row: `template`, or the one that fits the tokenizer."""
        from tftransformer.text import Template

        if self.template is not None:
            return self.template
        known = self.tokenizers[0].special_ids
        return Template.bert() if {"cls", "sep"} <= set(known) else Template.plain()

    def fit(self, frame: Any) -> "DataProcess":
        """Learns the labels, and the vocabularies unless tokenizers were given.

        Args:
            frame: pandas DataFrame with the columns. Pass training rows only: otherwise test scores
                are too good.

        Returns:
            This object.
        """
        columns, _ = self._take(frame)
        self.objective.fit(self._of_kind("label", columns))
        if vocabularies.kind_of(self.tokenizer) == "given":
            return self
        texts = self._of_kind("text", columns)
        learners = [
            vocabularies.learner_of(
                tokenizer,
                normalization=self.normalization,
                sampling_alpha=self.sampling_alpha,
                character_coverage=self.character_coverage,
                hides_tokens=self.objective.hides_tokens,
            )
            for tokenizer in vocabularies.one_for_each(self.tokenizer, len(texts))
        ]
        if self.shared_vocabulary and not isinstance(self.tokenizer, list | tuple):
            together = [text for column in texts for text in column]
            self._tokenizers = (learners[0](together, self.vocab_size),) * len(texts)
        else:
            each = zip(learners, texts, strict=True)
            self._tokenizers = tuple(learn(column, self.vocab_size) for learn, column in each)
        return self

    def train_test_split(self, frame: Any, test_size: float | int = 0.1) -> tuple[Any, Any]:
        """Splits the rows at random; rows with the same (first) text stay on the same side.

        If the objective has classes, both sides keep the share of each class.

        Args:
            frame: pandas DataFrame.
            test_size: fraction, or number, of the distinct texts.

        Returns:
            Two DataFrames, training and test, that keep the index of `frame`.

        Raises:
            ValueError: `test_size` leaves one side without rows, or a class has only one text.
        """
        self._take(frame)  # raises where something is wrong
        values = [values_of(frame, column) for column in self.columns]
        labels = self._of_kind("label", values)
        named = [row if len(row) > 1 else row[0] for row in zip(*labels, strict=True)]
        whole = [i for i, row in enumerate(zip(*labels, strict=True)) if None not in row]
        kinds = self.objective.strata([[column[i] for i in whole] for column in labels])
        strata = None
        if kinds is not None:
            # Rows without a label are nobody's: with those of the first one that has.
            strata = np.full(len(frame), kinds[0])
            strata[whole] = kinds
        texts = self._of_kind("text", values)[self.objective.split_by]
        train, test = split_rows(texts, test_size, self.seed, strata, named)
        return frame.iloc[train], frame.iloc[test]

    def batches(self, frame: Any, training: bool = True) -> Batches:
        """Tokenizes all texts, once, and plans the batches.

        Args:
            frame: pandas DataFrame with the columns.
            training: whether to shuffle, to sample segmentations (see `sampling_alpha`), and to
                weigh classes (see the objective).

        Returns:
            `Batches` of the examples that the objective makes from the rows.
        """
        taken, report = self._take(frame)
        make: Callable[..., tuple[Examples, Report]] = whole_examples
        if self.objective.in_blocks:
            make = blocked_examples
        elif self.objective.stride is not None:
            make = windowed_examples
        examples, report = make(self, taken, report, training)
        self._tell(report)
        return (Streams if self.objective.in_order else Batches)(
            examples,
            self.batch_tokens,
            training=training,
            seed=self.seed,
            max_shapes=self.max_shapes,
            objective=self.objective,
            vocabulary=vocabularies.digest_of(self.tokenizers),
            report=report,
        )

    def prepare(self, frame: Any, test_size: float | int = 0.1) -> tuple[Batches, Batches]:
        """Splits, learns from the training rows alone, and plans the batches.

        Args:
            frame: pandas DataFrame with the columns.
            test_size: fraction, or number, of the distinct texts to hold out.

        Returns:
            `Batches` for training and for validation.
        """
        train, validation = self.train_test_split(frame, test_size)
        self.fit(train)
        return self.batches(train), self.batches(validation, training=False)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes settings, vocabularies and labels into a folder, which is created if missing.

        Overwriting an older save is atomic: the vocabularies go into a folder named by their
        content, and the settings, which are replaced in one step, name that folder.

        Raises:
            ValueError: a label has a type that cannot be saved.
        """
        save_process(self, pathlib.Path(folder))

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "DataProcess":
        """Reads what `save` wrote. Runs no code from the folder.

        Raises:
            FileNotFoundError: the folder holds no saved `DataProcess`.
            ValueError: it is damaged, or of another format.
        """
        return load_process(cls, pathlib.Path(folder))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor as plain values; None for a given tokenizer."""
        config = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        config["columns"] = [list(c) if isinstance(c, tuple) else c for c in self.columns]
        for name in ("objective", "template"):
            config[name] = keras.saving.serialize_keras_object(config[name])
        if vocabularies.kind_of(self.tokenizer) != "name":
            config["tokenizer"] = None
        return config

    def _of_kind(self, kind: str, columns: Sequence[Any]) -> list[Any]:
        """Those columns that hold texts, or those that hold labels."""
        return [column for column, of in zip(columns, self.kinds, strict=True) if of == kind]

    def _take(self, frame: Any) -> tuple[list[list[Any]], Report]:
        return take_columns(frame, self.columns, self._of_kind("label", self.columns))

    def _tell(self, report: Report) -> None:
        if not report.used:
            advice = " Raise max_length." if report.too_long else ""
            raise ValueError(f"no row is left to use: {report}.{advice}")
        if report.dropped or report.cut:
            warnings.warn(f"DataProcess: {report}", stacklevel=3)
