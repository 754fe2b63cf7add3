"""What the Trainer reads: batches by epoch and position, checked, and split among replicas."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf

STRUCTURE = (
    "(inputs, labels, weights): float weights of the first axes of the labels, (batch, ...), each "
    "a tensor or a dict by the outputs of the model"
)


class DatasetBatches:
    """A finite `tf.data.Dataset` read as batches by epoch and position.

    Each epoch iterates the dataset anew. Resuming in mid-epoch is exact only if every iteration
    yields the same batches in the same order.

    Args:
        dataset: finite `tf.data.Dataset` of batches.
        name: how errors call it.
    """

    def __init__(self, dataset: tf.data.Dataset, name: str):
        self._dataset = dataset
        self.length = int(dataset.cardinality())
        if self.length == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                f"{name} is an infinite dataset; an epoch must end: {name}.take(batches)."
            )

    def dataset(self, epoch: int = 0, start: int = 0) -> tf.data.Dataset:
        """The batches from number `start` on, in the same order in each epoch."""
        return self._dataset.skip(start)


def as_batches(data: Any, name: str) -> Any:
    """Returns `data` with the method `dataset(epoch, start)`, or raises a TypeError."""
    if isinstance(data, tf.data.Dataset):
        return DatasetBatches(data, name)
    if callable(getattr(data, "dataset", None)) and hasattr(data, "__len__"):
        return data
    raise TypeError(
        f"{name} must be a finite tf.data.Dataset or an object with __len__ and "
        f"dataset(epoch, start), got {type(data).__name__}."
    )


def epoch_length(batches: Any) -> int | None:
    """Number of batches in an epoch, or None if only reading would tell."""
    length = batches.length if isinstance(batches, DatasetBatches) else len(batches)
    return length if length >= 0 else None


def in_few_shapes(batches: Any, most: int, width_step: int) -> Any:
    """Returns batches that can be planned anew in at most so many shapes; others as they are."""
    plan = getattr(batches, "in_shapes", None)
    return batches if plan is None else plan(most, width_step)


def num_shapes(batches: Any) -> int | None:
    """How many shapes the batches come in, or None if that is unknown."""
    if not isinstance(batches, DatasetBatches):
        shapes = getattr(batches, "shapes", None)
        return None if shapes is None else len(shapes)
    specs = tf.nest.flatten(batches.dataset().element_spec)
    return 1 if all(spec.shape.is_fully_defined() for spec in specs) else None


def first_batch(batches: Any, name: str) -> Any:
    """Returns the first batch after checking its structure, or raises a ValueError."""
    batch = next(iter(batches.dataset(epoch=0, start=0)), None)
    if batch is None:
        raise ValueError(f"{name} is empty: it yields no batch.")
    if not isinstance(batch, tuple) or len(batch) != 3:
        raise ValueError(f"{name} must yield {STRUCTURE}; it yields {_describe(batch)}.")
    _, labels, weights = batch
    weights = weights if isinstance(weights, Mapping) else {"": weights}
    for output, own in weights.items():
        told = labels.get(output, own) if isinstance(labels, Mapping) and output else labels
        for one in tf.nest.flatten(told):
            if not own.dtype.is_floating or not _fit(own.shape, one.shape):
                raise ValueError(f"{name} must yield {STRUCTURE}; it yields {_describe(batch)}.")
    return batch


def _fit(weights: tf.TensorShape, labels: tf.TensorShape) -> bool:
    """Whether weights are of the first axes of the labels, where an axis may be of size 1."""
    if not 0 < weights.rank <= labels.rank or weights[0] != labels[0]:
        return False
    return all(own in (1, other) for own, other in zip(weights, labels, strict=False))


def _describe(batch: Any) -> str:
    def leaf(value: Any) -> Any:
        dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", "")
        return f"{getattr(dtype, 'name', type(value).__name__)}{shape}"

    return str(tf.nest.map_structure(leaf, batch)).replace("'", "")


def with_last(items: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Yields each item and whether it is the last one."""
    iterator = iter(items)
    sentinel = object()
    item = next(iterator, sentinel)
    while item is not sentinel:
        following = next(iterator, sentinel)
        yield item, following is sentinel
        item = following


def not_empty(batches: Iterable[Any], name: str, start: int = 0) -> Iterator[Any]:
    """Yields batches from number `start` on, or raises a ValueError if there is none at all.

    Args:
        batches: those from `start` on.
        name: how the error calls them.
        start: number of the first one.
    """
    are_none = not start
    for batch in batches:
        are_none = False
        yield batch
    if are_none:
        raise ValueError(
            f"{name} yields no batch any more. It is read more than once, so a dataset of a "
            "generator needs a function that makes a new one each time: "
            "Dataset.from_generator(make_batches, …)."
        )


def windows(items: Iterable[Any], size: int) -> Iterator[list]:
    """Yields lists of up to `size` items: the batches of each update."""
    iterator = iter(items)
    while window := list(itertools.islice(iterator, size)):
        yield window


def share_of(batch: Any, replicas: int) -> Any:
    """Returns the rows of a global batch that belong to this replica; called within it.

    Where the rows do not divide, the last replicas get copies of the last row with weight 0, which
    change no weighted sum.

    Args:
        batch: (inputs, labels, weights), trees of tensors (rows, …), the same on every worker.
        replicas: how many there are.
    """
    if replicas == 1:
        return batch
    rows = tf.shape(tf.nest.flatten(batch)[0])[0]
    share = -(-rows // replicas)
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    places = replica * share + tf.range(share)
    own = tf.minimum(places, rows - 1)
    inputs, labels, weights = tf.nest.map_structure(lambda part: tf.gather(part, own), batch)

    def of_real_rows(part: Any) -> Any:
        real = tf.cast(places < rows, part.dtype)
        return part * tf.reshape(real, (-1,) + (1,) * (part.shape.rank - 1))

    return inputs, labels, tf.nest.map_structure(of_real_rows, weights)
