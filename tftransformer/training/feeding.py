"""What the Trainer reads: batches by epoch and place, checked, and split among replicas."""

from collections.abc import Iterator

import tensorflow as tf

STRUCTURE = "(inputs, labels, weights): int labels and float weights of one shape (batch, ...)"


class DatasetBatches:
    """A finite `tf.data.Dataset` read as batches by epoch and place.

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
        return self._dataset.skip(start)


def as_batches(data, name: str):
    """Returns `data` with the method `dataset(epoch, start)`, or raises a TypeError."""
    if isinstance(data, tf.data.Dataset):
        return DatasetBatches(data, name)
    if callable(getattr(data, "dataset", None)) and hasattr(data, "__len__"):
        return data
    raise TypeError(
        f"{name} must be a finite tf.data.Dataset or an object with __len__ and "
        f"dataset(epoch, start), got {type(data).__name__}."
    )


def epoch_length(batches) -> int | None:
    """Number of batches in an epoch, or None if only reading would tell."""
    length = batches.length if isinstance(batches, DatasetBatches) else len(batches)
    return length if length >= 0 else None


def first_batch(batches, name: str):
    """Returns the first batch after checking its structure, or raises a ValueError."""
    batch = next(iter(batches.dataset(epoch=0, start=0)), None)
    if batch is None:
        raise ValueError(f"{name} is empty: it yields no batch.")
    if not isinstance(batch, tuple) or len(batch) != 3:
        raise ValueError(f"{name} must yield {STRUCTURE}; it yields {_describe(batch)}.")
    _, labels, weights = batch
    matching = labels.shape == weights.shape and labels.shape.rank
    if not (labels.dtype.is_integer and weights.dtype.is_floating and matching):
        raise ValueError(f"{name} must yield {STRUCTURE}; it yields {_describe(batch)}.")
    return batch


def _describe(batch) -> str:
    def leaf(value):
        dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", "")
        return f"{getattr(dtype, 'name', type(value).__name__)}{shape}"

    return str(tf.nest.map_structure(leaf, batch)).replace("'", "")


def with_last(items) -> Iterator[tuple[object, bool]]:
    """Yields each item and whether it is the last one."""
    iterator = iter(items)
    sentinel = object()
    item = next(iterator, sentinel)
    while item is not sentinel:
        following = next(iterator, sentinel)
        yield item, following is sentinel
        item = following


def split(batch, strategy: tf.distribute.Strategy):
    """Splits the rows of a global batch evenly among the replicas of `strategy`.

    Where the rows do not divide, the last replicas get copies of the last row with weight 0, which
    change no weighted sum.

    Args:
        batch: (inputs, labels, weights), tensors of `rows` rows.
        strategy: the distribution strategy; every worker is given the same batch.

    Returns:
        The same structure, of per-replica values if there is more than one replica.
    """
    if strategy.num_replicas_in_sync == 1 or not batch:
        return batch
    rows = batch[1].shape[0]
    share = -(-rows // strategy.num_replicas_in_sync)

    def part(context):
        places = context.replica_id_in_sync_group * share + tf.range(share)
        own = tf.minimum(places, rows - 1)
        inputs, labels, weights = tf.nest.map_structure(lambda t: tf.gather(t, own), batch)
        real = tf.reshape(places < rows, (share,) + (1,) * (weights.shape.rank - 1))
        return inputs, labels, weights * tf.cast(real, weights.dtype)

    return strategy.experimental_distribute_values_from_function(part)
