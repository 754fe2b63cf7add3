"""DistanceVectors."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tftransformer.core import Layer, build_once, check_ints, fresh, register

# The table of buckets is as long as the distances that it tells apart.
MOST = 2**20


@register
class DistanceVectors(Layer):
    """A trained vector for each distance between a query and a key (DeBERTa, He et al. 2021, §3.1).

    The distance is the query's position less the key's. Distances from −reach to reach − 1 have a
    vector each, those beyond share the outermost ones. With a `max_distance` these are numbers of
    buckets (He et al. 2023, §4): up to reach/2 each distance has its own, farther ones share
    buckets whose width grows with the logarithm of the distance, up to `max_distance`.

    Give it to a stack, `Encoder(distances=DistanceVectors(…))`: layers find what it returns in the
    context, as `distance_vectors`.

    Args:
        d_model: width of the vectors.
        reach: how many vectors there are in each direction.
        max_distance: about the largest distance told apart, in tokens; None: there are no buckets.
        norm: layer that normalises the vectors, or None.
        initializer: initializer of the table.
    """

    def __init__(
        self,
        d_model: int,
        reach: int,
        *,
        max_distance: int | None = None,
        norm: keras.layers.Layer | None = None,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_ints(1, d_model=d_model, reach=reach)
        check_ints(1, or_none=True, max_distance=max_distance)
        self.d_model, self.norm = d_model, norm
        self.initializer = fresh(initializer)
        number = np.arange(reach + 1) if max_distance is None else buckets(reach, max_distance)
        # The row of each distance, from the most negative one that is told apart.
        signed = np.concatenate([-number[:0:-1], number])
        self._rows = np.clip(signed + reach, 0, 2 * reach - 1).astype("int32")

    def build(self, query_positions_shape: Any = None, key_positions_shape: Any = None) -> None:
        rows = 2 * self.reach
        self.table = self.add_weight(
            shape=(rows, self.d_model), initializer=self.initializer, name="table"
        )
        build_once(self.norm, (rows, self.d_model))

    def call(self, query_positions: Any, key_positions: Any) -> Any:
        """Looks up the vectors of all distances that there are, the largest first.

        Args:
            query_positions: int tensor (queries,) or (batch, queries), which count up by one.
            key_positions: int tensor (keys,) or (batch, keys), which do so, too.

        Returns:
            float tensor (queries + keys, d_model), or so for each row: the first vector is that of
            the last query and the first key, each further one that of a distance less by one.
        """
        queries, keys = ops.shape(query_positions)[-1], ops.shape(key_positions)[-1]
        largest = query_positions[..., -1:] - key_positions[..., :1]
        distances = ops.cast(largest, "int32") - ops.arange(queries + keys, dtype="int32")
        end = len(self._rows) // 2
        rows = ops.take(self._rows, ops.clip(distances, -end, end) + end)
        vectors = ops.take(ops.cast(self.table, self.compute_dtype), rows, axis=0)
        return vectors if self.norm is None else self.norm(vectors)

    def compute_output_shape(
        self, query_positions_shape: Any, key_positions_shape: Any
    ) -> tuple[int | None, ...]:
        sizes = query_positions_shape[-1], key_positions_shape[-1]
        count = None if None in sizes else sum(sizes)
        return (*query_positions_shape[:-1], count, self.d_model)


def buckets(reach: int, max_distance: int) -> np.ndarray:
    """Returns the bucket of each distance from 0 on, up to the first that is beyond the last one.

    `distance` up to c = reach // 2, then `c + ⌈(c − 1) · ln(distance / c) / ln((M − 1) / c)⌉` with
    M = max_distance, where that is above c + 1.

    Raises:
        ValueError: if there are too few buckets, or too many distances.
    """
    near = reach // 2
    if near < 1 or max_distance > MOST:
        raise ValueError(
            f"{reach=} and {max_distance=} make no buckets: reach is 2 or more, max_distance not "
            f"above {MOST}."
        )
    if max_distance - 1 <= near:
        return np.arange(near + 1)
    # Where the first one begins that there is no vector of.
    steps = (reach - 1 - near) / max(near - 1, 1)
    end = min(near * ((max_distance - 1) / near) ** steps + 2, MOST)
    distance = np.arange(int(end) + 1)
    ratios = np.append(np.maximum(distance, near), max_distance - 1) / near
    # Each step in float32, as the reference has it, whatever logarithm a device has.
    *growth, whole = np.log(ratios.astype("float32").astype("float64")).astype("float32")
    grown = np.ceil(np.array(growth) / whole * np.float32(near - 1))
    return np.where(distance <= near, distance, near + grown).astype("int64")
