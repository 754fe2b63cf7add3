"""Padded batches of examples, in an order that is a pure function of seed and epoch."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from tftransformer.data.plan import Planner
from tftransformer.data.report import Report
from tftransformer.objectives import Examples


class Batches:
    """Examples in batches of similar length, the same number of tokens in each.

    The batches of an epoch are fixed by (`seed`, epoch) alone: each example stands in exactly
    one of them, and to resume is to begin at a later one. The rows of a batch have similar
    lengths and are padded to one of a few shapes, at the end. `str(batches)` tells how many.

    Plain Keras takes `batches.dataset()`, each epoch in a new order of its own:

    >>> model.fit(train.dataset(), validation_data=validation.dataset(), shuffle=False)

    Args:
        examples: what an objective returned.
        batch_tokens: most positions of one batch, padding included, on its widest side
            (source or target).
        training: True shuffles, False keeps one order in all epochs.
        seed: of the order.
        max_shapes: most different shapes `(rows, source length, target length)`. More shapes
            need less padding; under XLA (`jit_compile=True`) each costs a compilation. Few rows
            come in fewer shapes, lest the batches be small.
        pad_id: fills the end of the rows.
        resample: for an epoch, the same examples in another segmentation (BPE-dropout); must
            be a pure function of the epoch. The number of batches may then differ a little
            between epochs.
        report: what became of the rows that were given.
    """

    def __init__(
        self,
        examples: Examples,
        batch_tokens: int = 4096,
        training: bool = True,
        seed: int = 0,
        max_shapes: int = 64,
        pad_id: int = 0,
        resample: Callable[[int], Examples] | None = None,
        report: Report | None = None,
    ):
        self.batch_tokens = batch_tokens
        self.training = training
        self.seed = seed
        self.pad_id = pad_id
        self.report = report
        self._plain = examples
        self._resample = resample
        self._longest = examples.lengths.max(axis=0, keepdims=True)
        first = self._examples(0)
        lengths = first.lengths
        if resample is not None:  # the widest shape must hold what any epoch may bring
            lengths = np.concatenate([lengths, self._longest])
        # Three full batches to train on for every two shapes, one for each to evaluate.
        full_batches = lengths.max(axis=1).sum() // batch_tokens
        max_shapes = int(np.clip(full_batches // (1.5 if training else 1), 1, max_shapes))
        self._planner = Planner(lengths, batch_tokens, max_shapes)
        self._latest = 0, first, self._planner.plan(first.lengths, self._generator(0))

    def __len__(self) -> int:
        """The number of batches in an epoch (in epoch 0, under BPE-dropout)."""
        return self.count(0)

    def count(self, epoch: int) -> int:
        """The number of batches in this epoch."""
        return len(self._plan(epoch)[1])

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The padded shapes `(rows, source length, target length)`, the narrowest first."""
        return self._planner.shapes

    @property
    def padding(self) -> float:
        """The fraction of all positions, on all sides, that is padding (in epoch 0)."""
        examples, plan = self._plan(0)
        positions = sum(height * sum(widths) for _, (height, *widths) in plan)
        return 1 - examples.lengths.sum() / positions

    def __str__(self) -> str:
        return (
            f"{len(self._plain):,} rows in {len(self):,} batches of at most "
            f"{self.batch_tokens:,} tokens, {len(self.shapes)} shapes, {self.padding:.1%} padding"
        )

    def rows(self, epoch: int = 0) -> list[np.ndarray]:
        """Which examples stand in each batch of an epoch: int arrays, in order."""
        return [batch.rows for batch in self._plan(epoch)[1]]

    def iterate(self, epoch: int = 0, start: int = 0) -> Iterator[tuple]:
        """The batches of one epoch, from number `start` on, as numpy arrays.

        Yields:
            `(inputs, labels, weights)` as `Examples.batch` returns them.
        """
        examples, plan = self._plan(epoch)
        for rows, shape in plan[start:]:
            yield examples.batch(rows, shape, self.pad_id)

    def dataset(self, epoch: int | None = None, start: int = 0):
        """The batches as a finite `tf.data.Dataset`, prepared ahead of their use.

        Args:
            epoch: which one; a pure function of (`seed`, `epoch`, `start`). None: every
                iteration of the dataset is another epoch, counted from 0.
            start: how many batches to leave out at the beginning.

        Returns:
            A dataset of `(inputs, labels, weights)`, two-dimensional with open dimensions, so
            that one trace of a `tf.function` serves all shapes.
        """
        import tensorflow as tf

        def open_spec(dtype):
            return tf.TensorSpec((None, None), dtype)

        names = self._plain.inputs
        signature = (
            dict.fromkeys(names, open_spec("int32")),
            *map(open_spec, ("int32", "float32")),
        )
        epochs = itertools.count() if epoch is None else itertools.repeat(epoch)
        dataset = tf.data.Dataset.from_generator(
            lambda: self.iterate(next(epochs), start), output_signature=signature
        )
        if epoch is not None or self._resample is None:
            length = max(self.count(epoch or 0) - start, 0)
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(length))
        options = tf.data.Options()
        # There is nothing to tune, and its thread can hold up the end of an epoch for as long as
        # the epoch took.
        options.autotune.enabled = False
        return dataset.prefetch(2).with_options(options)

    def _plan(self, epoch):
        """The examples of an epoch and their batches; the latest epoch is remembered."""
        if not self.training:
            epoch = 0
        latest, examples, plan = self._latest
        if latest != epoch:
            examples = self._examples(epoch)
            plan = self._planner.plan(examples.lengths, self._generator(epoch))
            self._latest = epoch, examples, plan
        return examples, plan

    def _generator(self, epoch):
        return np.random.default_rng([self.seed, epoch]) if self.training else None

    def _examples(self, epoch):
        if self._resample is None:
            return self._plain
        sampled = self._resample(epoch)
        # No row outgrows the longest plain one: it would keep its plain segmentation instead.
        return sampled.where((sampled.lengths <= self._longest).all(axis=1), self._plain)
