"""BucketedBias."""

import math
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import Layer, fresh, register


@register
class BucketedBias(Layer):
    """A trained number for each head and each bucket of distances (T5, Raffel et al. 2020, §2.1).

    Near keys have a bucket for each distance, farther ones share buckets whose width grows with
    the logarithm of the distance; all beyond `max_distance` share the last one. The number is
    added to the attention scores: `Encoder(position_bias=BucketedBias(num_heads))`.

    Args:
        num_heads: number of attention heads.
        num_buckets: number of distances told apart, at least 4 if `bidirectional`, else 2.
        max_distance: from here on, in tokens, all distances are alike.
        bidirectional: whether half of the buckets are for keys after the query; if not, these
            count as distance 0, as a causal mask hides them anyway.
        initializer: of the table.
    """

    def __init__(
        self,
        num_heads: int,
        num_buckets: int = 32,
        max_distance: int = 128,
        *,
        bidirectional: bool = True,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.num_buckets = num_heads, num_buckets
        self.max_distance, self.bidirectional = max_distance, bidirectional
        self.initializer = fresh(initializer)
        side = num_buckets // 2 if bidirectional else num_buckets
        if side < 2 or max_distance <= side // 2:
            raise ValueError(
                f"{num_buckets=} and {max_distance=} leave no room for buckets of growing width: "
                f"each side needs 2 buckets (given: {side}) and a max_distance above half of them."
            )
        if max_distance > 2**20:
            raise ValueError(f"{max_distance=} is more than the million that a table can hold.")
        # A table over all distances, so that no backend's logarithm decides where a bucket ends.
        exact = side // 2
        distance = np.arange(max_distance + 1)
        ratio = np.maximum(distance, exact).astype("float32") / np.float32(exact)
        growth = np.log(ratio.astype("float64")).astype("float32")
        growth = growth / np.float32(math.log(max_distance / exact)) * np.float32(side - exact)
        far = np.minimum(exact + growth.astype("int32"), side - 1)
        self._side = side
        self._bucket_of = np.where(distance < exact, distance, far).astype("int32")

    def build(self, query_positions_shape: Any = None, key_positions_shape: Any = None) -> None:
        self.table = self.add_weight(
            shape=(self.num_buckets, self.num_heads), initializer=self.initializer, name="table"
        )

    def buckets(self, query_positions: Any, key_positions: Any) -> Any:
        """Returns the bucket of each query and key: int (..., queries, keys)."""
        behind = ops.subtract(
            ops.expand_dims(query_positions, -1), ops.expand_dims(key_positions, -2)
        )
        distance = ops.abs(behind) if self.bidirectional else ops.maximum(behind, 0)
        bucket = ops.take(self._bucket_of, ops.minimum(distance, self.max_distance))
        if self.bidirectional:
            bucket = ops.where(behind < 0, bucket + self._side, bucket)
        return bucket

    def call(self, query_positions: Any, key_positions: Any) -> Any:
        """Looks distances up.

        Args:
            query_positions: int tensor (queries,) or (batch, queries), absolute positions.
            key_positions: int tensor (keys,) or (batch, keys).

        Returns:
            float tensor (1, heads, queries, keys), or (batch, heads, queries, keys).
        """
        table = ops.cast(self.table, self.compute_dtype)
        bias = ops.take(table, self.buckets(query_positions, key_positions), axis=0)
        bias = ops.moveaxis(bias, -1, -3)
        return bias if len(bias.shape) == 4 else bias[None]

    def compute_output_shape(
        self, query_positions_shape: Any, key_positions_shape: Any
    ) -> tuple[int | None, ...]:
        batch = query_positions_shape[0] if len(query_positions_shape) == 2 else 1
        return (batch, self.num_heads, query_positions_shape[-1], key_positions_shape[-1])
