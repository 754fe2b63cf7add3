"""From a DataFrame of sentence pairs to vocabularies and batches."""

import dataclasses
import hashlib
import json
import numbers
import os
import pathlib
import shutil
import warnings

import numpy as np

from tftransformer.core import Ragged, replacing
from tftransformer.data.batches import Batches
from tftransformer.data.report import Report
from tftransformer.data.texts import take_texts
from tftransformer.objectives import Examples, sequence_to_sequence

FORMAT = 1
SETTINGS_FILE = "data_process.json"
TOKENIZERS = ("bpe", "unigram", "wordpiece")


class DataProcess:
    """Turns a DataFrame of texts in two languages into batches for training.

    Rows that cannot be used are left out, counted in `Batches.report`, and named in a warning: a
    missing value (None, NaN), a text that is empty or all white space, more than `max_length`
    tokens. Whatever else is wrong (a column that is not there, a number where a text should be)
    is an error before anything is learnt. The DataFrame is never changed.

    Args:
        source: name of the column to read from.
        target: name of the column to learn to write.
        vocab_size: pieces in a vocabulary, in each of the two where they are separate.
        tokenizer: `"bpe"`, `"unigram"` or `"wordpiece"`.
        shared_vocabulary: True learns one vocabulary from both columns, as tied embeddings need.
        normalization: what to do to the text first: see `SentencePieceTokenizer`.
        character_coverage: share of the running characters whose kinds get a piece of their own;
            None: the tokenizer's default, 0.9995 (`"wordpiece"`: 1.0).
        sampling_alpha: above 0, each training epoch cuts the texts anew at random: BPE-dropout
            with this probability (Provilkov et al. 2020), or unigram sampling (Kudo 2018).
        max_length: most tokens on a side, the start or end token included; longer rows are left
            out, in evaluation as in training.
        batch_tokens: most positions of a batch, padding included, on its widest side.
        max_shapes: most different padded shapes: see `Batches`.
        seed: of the split, the order and the sampling.

    Example:

    >>> data = DataProcess(source="en", target="de", vocab_size=8000)
    >>> train, validation = data.prepare(read_table("pairs.tsv"), test_size=0.1)
    >>> print(train)
    26,100 rows in 143 batches of at most 4,096 tokens, 60 shapes, 3.4% padding
    >>> model.fit(train.dataset(), validation_data=validation.dataset(), epochs=10)
    """

    def __init__(
        self,
        source: str = "en",
        target: str = "de",
        vocab_size: int = 8000,
        tokenizer: str = "bpe",
        shared_vocabulary: bool = True,
        normalization: str = "identity",
        character_coverage: float | None = None,
        sampling_alpha: float = 0.0,
        max_length: int = 128,
        batch_tokens: int = 4096,
        max_shapes: int = 64,
        seed: int = 0,
    ):
        self.source = source
        self.target = target
        self.vocab_size = vocab_size
        self.tokenizer = tokenizer
        self.shared_vocabulary = shared_vocabulary
        self.normalization = normalization
        self.character_coverage = character_coverage
        self.sampling_alpha = sampling_alpha
        self.max_length = max_length
        self.batch_tokens = batch_tokens
        self.max_shapes = max_shapes
        self.seed = seed
        self._check()
        self._tokenizers = None

    def _check(self):
        """Raises where the settings do not go together."""
        for name in ("source", "target"):
            column = getattr(self, name)
            if not isinstance(column, str | int):
                raise TypeError(f"{name} must name a column, a string or an int, not {column!r}.")
        if self.source == self.target:
            raise ValueError(f"source and target are the same column, {self.source!r}.")
        if self.tokenizer not in TOKENIZERS:
            raise ValueError(f"tokenizer must be one of {TOKENIZERS}, got {self.tokenizer!r}.")
        for name in ("vocab_size", "max_length", "batch_tokens", "max_shapes", "seed"):
            value, least = getattr(self, name), int(name != "seed")
            if not isinstance(value, numbers.Integral) or value < least:
                raise ValueError(f"{name}={value!r}: expected a whole number of at least {least}.")
            setattr(self, name, int(value))  # numpy's numbers cannot be saved
        if self.seed >= 2**32:
            raise ValueError(f"seed={self.seed}: expected less than 2**32.")
        self.sampling_alpha = float(self.sampling_alpha)
        plain = self.sampling_alpha == 0 and self.normalization == "identity"
        if self.tokenizer == "wordpiece" and not plain:
            raise ValueError(
                "a wordpiece tokenizer neither samples nor normalises: leave out sampling_alpha "
                "and normalization, or choose tokenizer='bpe'."
            )
        if self.batch_tokens < self.max_length:
            raise ValueError(
                f"batch_tokens={self.batch_tokens} leaves no room for a row of "
                f"max_length={self.max_length} tokens. Raise the one or lower the other."
            )

    @property
    def is_fitted(self) -> bool:
        """Whether the vocabularies are learnt."""
        return self._tokenizers is not None

    @property
    def source_tokenizer(self):
        """Cuts source texts; the same object as `target_tokenizer` if the vocabulary is shared."""
        return self._fitted()[0]

    @property
    def target_tokenizer(self):
        """Cuts target texts and puts them together again."""
        return self._fitted()[1]

    def fit(self, frame) -> "DataProcess":
        """Learns the vocabularies from the rows that can be used.

        Args:
            frame: pandas DataFrame with the columns `source` and `target`; training rows alone,
                or the test says less than it seems to.

        Returns:
            This object.
        """
        (source, target), _ = take_texts(frame, [self.source, self.target])
        if self.shared_vocabulary:
            self._tokenizers = (self._learn(source + target),) * 2
        else:
            self._tokenizers = self._learn(source), self._learn(target)
        return self

    def train_test_split(self, frame, test_size: float | int = 0.1):
        """Splits the rows at random; rows with the same source text stay on the same side.

        Args:
            frame: pandas DataFrame.
            test_size: fraction, or number, of the different source texts.

        Returns:
            Two DataFrames, training and test, that keep the index of `frame`.

        Raises:
            ValueError: `test_size` leaves one of the two without a row.
        """
        import pandas as pd
        from sklearn.model_selection import GroupShuffleSplit

        take_texts(frame, [self.source, self.target])  # raises where something is wrong
        sources = frame[self.source].to_numpy(dtype=object, na_value=None)
        groups, _ = pd.factorize(sources, use_na_sentinel=False)
        splitter = GroupShuffleSplit(n_splits=1, test_size=test_size, random_state=self.seed)
        try:
            train, test = next(splitter.split(groups, groups=groups))
        except ValueError:
            raise ValueError(
                f"test_size={test_size!r} cannot split {groups.max() + 1} different source texts: "
                "give a fraction between 0 and 1, or a number of texts, that leaves some on both "
                "sides."
            ) from None
        return frame.iloc[train], frame.iloc[test]

    def batches(self, frame, training: bool = True) -> Batches:
        """Cuts all texts into tokens, once, and plans the batches.

        Args:
            frame: pandas DataFrame with the columns `source` and `target`.
            training: True shuffles, and samples segmentations if `sampling_alpha` says so.

        Returns:
            `Batches` of `sequence_to_sequence` examples.
        """
        self._fitted()
        texts, report = take_texts(frame, [self.source, self.target])
        columns = [
            tokenizer.encode(column).ids
            for tokenizer, column in zip(self._tokenizers, texts, strict=True)
        ]
        examples = self._examples(columns)
        # Of an empty row, the start or end token alone is left.
        empty = (examples.lengths <= 1).any(axis=1)
        too_long = (examples.lengths > self.max_length).any(axis=1) & ~empty
        report = dataclasses.replace(
            report, empty=report.empty + int(empty.sum()), too_long=int(too_long.sum())
        )
        kept = np.flatnonzero(~(empty | too_long))
        self._tell(report)
        resample = None
        if training and self.sampling_alpha:
            columns = [column.take(kept) for column in columns]

            def resample(epoch):
                return self._examples(self._resample(columns, epoch))

        return Batches(
            examples.take(kept),
            batch_tokens=self.batch_tokens,
            training=training,
            seed=self.seed,
            max_shapes=self.max_shapes,
            pad_id=self.target_tokenizer.special_ids["pad"],
            resample=resample,
            report=report,
        )

    def prepare(self, frame, test_size: float | int = 0.1) -> tuple[Batches, Batches]:
        """Splits, learns the vocabularies from the training rows alone, and plans the batches.

        Args:
            frame: pandas DataFrame with the columns `source` and `target`.
            test_size: fraction, or number, of the different source texts to hold out.

        Returns:
            `Batches` for training and for validation.
        """
        train, validation = self.train_test_split(frame, test_size)
        self.fit(train)
        return self.batches(train), self.batches(validation, training=False)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the settings and the vocabularies into a folder, which is made if need be.

        A save over an older one is all or nothing: the vocabularies go into a folder named after
        their content, and the settings, replaced in one step, name that folder.
        """
        source, target = self._fitted()
        contents = hashlib.sha256()
        for tokenizer in (source, target):
            contents.update(tokenizer.vocabulary() + json.dumps(tokenizer.get_settings()).encode())
        folder = pathlib.Path(folder)
        vocabulary = folder / f"vocabulary-{contents.hexdigest()[:12]}"
        source.save(vocabulary / "source")
        if target is not source:
            target.save(vocabulary / "target")
        saved = {"format": FORMAT, "settings": self.get_config(), "vocabulary": vocabulary.name}
        with replacing(folder / SETTINGS_FILE) as beside:
            text = json.dumps(saved, indent=2, ensure_ascii=False) + "\n"
            beside.write_text(text, encoding="utf-8")
        for older in folder.glob("vocabulary-????????????"):
            if older != vocabulary:
                shutil.rmtree(older)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "DataProcess":
        """Reads what `save` wrote. Runs no code from the folder.

        Raises:
            FileNotFoundError: the folder holds no saved `DataProcess`.
            ValueError: it is damaged, or of another format.
        """
        from tftransformer.text import load_tokenizer

        path = pathlib.Path(folder) / SETTINGS_FILE
        if not path.is_file():
            raise FileNotFoundError(f"there is no {path}: not a saved DataProcess.")
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            if saved["format"] != FORMAT:
                raise ValueError(f"format {saved['format']!r}; this version reads {FORMAT}")
            process = cls(**saved["settings"])
            vocabulary = path.parent / saved["vocabulary"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} cannot be read: {error!r}") from None
        source = load_tokenizer(vocabulary / "source")
        shared = process.shared_vocabulary
        process._tokenizers = source, source if shared else load_tokenizer(vocabulary / "target")
        return process

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def _fitted(self):
        if not self.is_fitted:
            raise RuntimeError("no vocabulary yet: call fit(frame) first, or DataProcess.load.")
        return self._tokenizers

    def _learn(self, texts):
        from tftransformer import text

        options = {}
        if self.character_coverage is not None:
            options["character_coverage"] = self.character_coverage
        if self.tokenizer == "wordpiece":
            return text.WordPieceTokenizer.learn(texts, self.vocab_size, **options)
        return text.SentencePieceTokenizer.learn(
            texts,
            self.vocab_size,
            kind=self.tokenizer,
            normalization=self.normalization,
            sampling_alpha=self.sampling_alpha,
            **options,
        )

    def _examples(self, columns) -> Examples:
        special = self.target_tokenizer.special_ids
        return sequence_to_sequence(*columns, start_id=special["start"], end_id=special["end"])

    def _resample(self, columns, epoch) -> list[Ragged]:
        """Cuts source and target at random, a pure function of seed and epoch."""
        sides = enumerate(zip(self._tokenizers, columns, strict=True))
        return [
            tokenizer.resample(column, (self.seed, epoch, side))
            for side, (tokenizer, column) in sides
        ]

    def _tell(self, report: Report):
        if not report.used:
            raise ValueError(f"no row is left to use: {report}.")
        if report.dropped:
            warnings.warn(f"DataProcess: {report}", stacklevel=3)
