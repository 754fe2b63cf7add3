"""Padded batches of examples, in an order that depends only on seed and epoch."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tftransformer.data.plan import PlannedBatch, Planner
from tftransformer.data.report import Report
from tftransformer.objectives import Examples, Objective


class Batches:
    """Examples in batches of similar length, each with about the same number of tokens.

    The batches of an epoch depend only on (`seed`, epoch): each example is in exactly one of them,
    and resuming means starting at a later one. The rows of a batch have similar lengths and are
    padded at the end, to one of a few shapes. `str(batches)` tells how many.

    For plain Keras use `batches.dataset()`, which gives each epoch its own order:
    `model.fit(train.dataset(), validation_data=validation.dataset(), shuffle=False)`.

    Example:

    >>> from tftransformer.core import Ragged
    >>> from tftransformer.objectives import ColumnExamples, Tokens, Values
    >>> ids = Tokens(Ragged.from_rows([[7, 8], [9]]), axis="tokens")
    >>> examples = ColumnExamples(ids, Values(np.array([1, 0])), Values(np.ones(2, "float32")))
    >>> batches = Batches(examples, batch_tokens=8, training=False)
    >>> print(batches)
    2 rows in 1 batches of at most 8 tokens, 1 shapes, 25.0% padding
    >>> inputs, labels, weights = next(batches.iterate())
    >>> inputs.tolist(), labels.tolist(), weights.tolist()
    ([[7, 8], [9, 0]], [1, 0], [1.0, 1.0])

    Args:
        examples: what an objective returned.
        batch_tokens: most positions of one batch, padding included, on its widest axis
            (such as source or target).
        training: True shuffles, False keeps one order in all epochs.
        seed: seed of the order, and of what the examples draw.
        max_shapes: largest number of shapes `(rows, width on each axis)`. More shapes need less
            padding; under XLA, which compiles each shape, `Trainer` uses fewer. A small data set
            uses fewer shapes, so that batches do not become small.
        width_step: widths are multiples of it, except that of the longest row.
        objective: the objective that made the examples, from which a `Trainer` takes loss and
            metrics.
        vocabulary: identifies the vocabularies of the ids, for `fingerprint`.
        report: what happened to the given rows.

    Attributes:
        in_order: whether each row continues that row of the previous batch: see `Streams`.
    """

    in_order = False

    def __init__(
        self,
        examples: Examples,
        batch_tokens: int = 4096,
        *,
        training: bool = True,
        seed: int = 0,
        max_shapes: int = 64,
        width_step: int = 1,
        objective: Objective | None = None,
        vocabulary: str = "",
        report: Report | None = None,
    ):
        self.examples = examples
        self.batch_tokens = batch_tokens
        self.training = training
        self.seed = seed
        self.max_shapes = max_shapes
        self.width_step = width_step
        self.objective = objective
        self.vocabulary = vocabulary
        self.report = report
        first = examples.of_epoch(seed, 0)
        lengths = drawn = first.lengths
        if examples.varies:  # the widest shape must hold what any epoch may bring
            longest = examples.lengths.max(axis=0, keepdims=True)
            lengths = np.concatenate([drawn, longest])
        # Three full batches to train on for every two shapes, one for each to evaluate.
        full_batches = lengths.max(axis=1).sum(dtype=np.int64) // batch_tokens
        shapes = int(np.clip(full_batches // (1.5 if training else 1), 1, max_shapes))
        stepped = np.minimum(-(-lengths // width_step) * width_step, lengths.max(axis=0))
        self._planner = Planner(stepped, batch_tokens, shapes)
        self._latest = 0, first, self._batches_of(drawn, 0)

    def __len__(self) -> int:
        """The number of batches in an epoch (in epoch 0, under BPE-dropout)."""
        return self.count(0)

    def count(self, epoch: int) -> int:
        """The number of batches in this epoch."""
        return len(self._plan(epoch)[1])

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The padded shapes `(rows, width on each axis)`, the narrowest first."""
        return self._planner.shapes

    def in_shapes(self, most: int, width_step: int = 1) -> "Batches":
        """Returns the same rows in batches of at most `most` shapes.

        Args:
            most: largest number of shapes.
            width_step: see `Batches`.
        """
        if len(self.shapes) <= most and self.width_step == width_step:
            return self
        return type(self)(
            self.examples,
            self.batch_tokens,
            training=self.training,
            seed=self.seed,
            max_shapes=min(most, self.max_shapes),
            width_step=width_step,
            objective=self.objective,
            vocabulary=self.vocabulary,
            report=self.report,
        )

    @property
    def padding_row(self) -> Any:
        """Returns the inputs of a row of padding only: arrays (1, narrowest widths)."""
        _, *widths = self.shapes[0]
        return self._latest[1].batch(np.array([-1]), widths)[0]

    @property
    def has_padding_rows(self) -> bool:
        """Whether such rows, of weight 0, end some of the batches (in epoch 0)."""
        return any(len(rows) < height for rows, (height, *_) in self._plan(0)[1])

    @property
    def padding(self) -> float:
        """The fraction of all positions, on all axes, that is padding (in epoch 0)."""
        examples, plan = self._plan(0)
        positions = sum(height * sum(widths) for _, (height, *widths) in plan)
        return 1 - examples.lengths.sum(dtype=np.int64) / positions

    @property
    def fingerprint(self) -> str:
        """A hexadecimal number that identifies these batches.

        It differs for other rows, or another order, vocabulary or objective.
        """
        objective = self.objective
        parts = [
            self.examples.digest(),
            [self.batch_tokens, self.training, self.seed, self.max_shapes, self.width_step],
            self.vocabulary,
            None if objective is None else [objective.get_config(), objective.learnt],
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()

    def __str__(self) -> str:
        return (
            f"{len(self.examples):,} rows in {len(self):,} batches of at most "
            f"{self.batch_tokens:,} tokens, {len(self.shapes)} shapes, {self.padding:.1%} padding"
        )

    def rows(self, epoch: int = 0) -> list[np.ndarray]:
        """Which examples stand in each batch of an epoch: int arrays, in order."""
        return [batch.rows for batch in self._plan(epoch)[1]]

    def iterate(self, epoch: int = 0, start: int = 0) -> Iterator[tuple[Any, Any, Any]]:
        """The batches of one epoch, from number `start` on, as numpy arrays.

        Incomplete batches are filled up with rows of weight 0.

        Yields:
            `(inputs, labels, weights)` as `Examples.batch` returns them.
        """
        examples, plan = self._plan(epoch)
        for rows, (height, *widths) in plan[start:]:
            missing = (0, height - len(rows))
            yield examples.batch(np.pad(rows, missing, constant_values=-1), widths)

    def dataset(self, epoch: int | None = None, start: int = 0) -> Any:
        """Returns the batches as a finite `tf.data.Dataset`, which prepares them in advance.

        Args:
            epoch: which epoch; the batches depend only on (`seed`, `epoch`, `start`). None: each
                iteration over the dataset is the next epoch, counted from 0.
            start: number of batches to skip at the beginning.

        Returns:
            A dataset of `(inputs, labels, weights)`, the dimensions of rows and axes open, so
            that one trace of a `tf.function` serves all shapes.
        """
        import tensorflow as tf

        epochs = itertools.count() if epoch is None else itertools.repeat(epoch)
        dataset = tf.data.Dataset.from_generator(
            lambda: self.iterate(next(epochs), start), output_signature=self._signature()
        )
        if epoch is not None or not self.examples.varies:
            length = max(self.count(epoch or 0) - start, 0)
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(length))
        options = tf.data.Options()
        # There is nothing to tune, and its thread can hold up the end of an epoch for as long as
        # the epoch took.
        options.autotune.enabled = False
        return dataset.prefetch(2).with_options(options)

    def _signature(self) -> Any:
        """The specs of a batch: open is each dimension that differs between two sizes."""
        import tensorflow as tf

        def spec(one: Any, other: Any) -> Any:
            if isinstance(one, Mapping):
                return {name: spec(one[name], other[name]) for name in one}
            pairs = zip(one.shape, other.shape, strict=True)
            return tf.TensorSpec([a if a == b else None for a, b in pairs], one.dtype)

        axes = len(self.examples.axes)
        sizes = [self._latest[1].batch(np.full(n, -1), [n] * axes) for n in (1, 2)]
        return tuple(spec(one, other) for one, other in zip(*sizes, strict=True))

    def _plan(self, epoch: int) -> tuple[Examples, list[PlannedBatch]]:
        """The examples of an epoch and their batches; the latest epoch is remembered."""
        if not self.training:
            epoch = 0
        latest, examples, plan = self._latest
        if latest != epoch:
            examples = self.examples.of_epoch(self.seed, epoch)
            self._latest = epoch, examples, self._batches_of(examples.lengths, epoch)
            plan = self._latest[2]
        return examples, plan

    def _batches_of(self, lengths: np.ndarray, epoch: int) -> list[PlannedBatch]:
        return self._planner.plan(lengths, self._generator(epoch))

    def _generator(self, epoch: int) -> np.random.Generator | None:
        return np.random.default_rng([self.seed, epoch]) if self.training else None
