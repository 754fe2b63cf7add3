"""cuDNN's flash attention in a TensorFlow graph compiled by XLA: a custom call, as StableHLO text.

It has been parsed and compiled on a processor as far as XLA's backend, which has the call for CUDA
alone, and its fields are those that JAX writes for the same kernel. It has never run on a card.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_call_module

FORWARD, BACKWARD = "__cudnn$fmhaSoftmax", "__cudnn$fmhaSoftmaxBackward"
MASKS = ("NO_MASK", "CAUSAL", "PADDING", "PADDING_CAUSAL")
ELEMENTS = {"bfloat16": ("bf16", "BF16"), "float16": ("f16", "F16")}
# The axes that each product contracts, and those that it repeats for: of its left side, its right
# side. Queries, keys and values are (batch, length, heads, width), scores (batch, heads, queries,
# keys).
PRODUCTS = {
    FORWARD: {
        "bmm1_dot_dimension_numbers": ((3, 3), (0, 2), (0, 2)),
        "bmm2_dot_dimension_numbers": ((3, 1), (0, 1), (0, 2)),
    },
    BACKWARD: {
        "bmm1_grad_gemm1_dot_dimension_numbers": ((2, 1), (0, 1), (0, 2)),
        "bmm1_grad_gemm2_dot_dimension_numbers": ((3, 1), (0, 1), (0, 2)),
        "bmm2_grad_gemm1_dot_dimension_numbers": ((2, 1), (0, 1), (0, 2)),
        "bmm2_grad_gemm2_dot_dimension_numbers": ((3, 3), (0, 2), (0, 2)),
    },
}


class Kind(NamedTuple):
    """The type of a tensor: its shape, and what StableHLO calls its elements."""

    shape: tuple[int, ...]
    element: str

    def __str__(self) -> str:
        return f"tensor<{'x'.join(map(str, self.shape))}x{self.element}>"

    def turned(self) -> "Kind":
        """With its two middle axes exchanged."""
        batch, length, heads, width = self.shape
        return Kind((batch, heads, length, width), self.element)

    def layout(self) -> str:
        """Row-major: the last axis first."""
        rank = len(self.shape)
        axes = ", ".join(str(axis) for axis in reversed(range(rank)))
        return f"dense<{f'[{axes}]' if rank > 1 else axes}> : tensor<{rank}xindex>"


class Kernel(NamedTuple):
    """What the kernel is made for.

    Args:
        batch: rows.
        queries: length of the queries.
        keys: length of keys and values.
        heads: attention heads.
        width: of a head; a multiple of 8, at most 128.
        dtype: "bfloat16" or "float16".
        mask: one of `MASKS`; with PADDING, lengths are given.
        window: how many keys a query sees, its own place included; 0: all. With a causal mask.
        platform: of XLA, "CUDA" wherever it is to run.
    """

    batch: int
    queries: int
    keys: int
    heads: int
    width: int
    dtype: str = "bfloat16"
    mask: str = "CAUSAL"
    window: int = 0
    platform: str = "CUDA"

    @property
    def has_lengths(self) -> bool:
        return self.mask.startswith("PADDING")

    def backend_config(self, name: str) -> dict:
        """What XLA is told of a call, see its `CudnnfMHABackendConfig`."""
        layout = {
            "dim_level_types": [],
            "dim_unique": [],
            "dim_ordered": [],
            "minor_to_major": ["3", "2", "1", "0"],
            "tiles": [],
            "element_size_in_bits": "0",
            "memory_space": "0",
            "index_primitive_type": "PRIMITIVE_TYPE_INVALID",
            "pointer_primitive_type": "PRIMITIVE_TYPE_INVALID",
            "dynamic_shape_metadata_prefix_bytes": "0",
        }
        scores = self.batch, self.heads, self.queries, self.keys
        attention = {
            "algorithm": {
                "algo_id": "0",
                "math_type": "TENSOR_OP_MATH",
                "tuning_knobs": {"17": "1", "24": "0"},
                "is_cudnn_frontend": True,
                "workspace_size": "0",
            },
            "fmha_scale": self.width**-0.5,
            "intermediate_tensor_shape": {
                "element_type": ELEMENTS[self.dtype][1],
                "dimensions": [str(count) for count in scores],
                "tuple_shapes": [],
                "layout": layout,
                "is_dynamic_dimension": [False] * 4,
            },
            "is_flash_attention": True,
            "mask_type": self.mask,
            **{key: _dot(*axes) for key, axes in PRODUCTS[name].items()},
            "dropout_rate": 0.0,
            "seed": 42,
            "sliding_window_length": self.window,
            "max_seg_per_batch": 1,
            "is_paged_attention": False,
        }
        return {"operation_queue_id": "0", "cudnn_fmha_backend_config": attention}

    def module(self, name: str) -> str:
        """The StableHLO text of one call and of the transpositions that free its results.

        A result (batch, heads, length, width) lies in memory as (batch, length, heads, width).
        """
        element, _ = ELEMENTS[self.dtype]
        query, key = (
            Kind((self.batch, length, self.heads, self.width), element)
            for length in (self.queries, self.keys)
        )
        sums = Kind((self.batch, self.heads, self.queries), "f32")
        if name == FORWARD:
            given, turned, told = [query, key, key], [query], [sums]
        else:
            given, turned, told = [query, key, key, sums, query, query], [query, key, key], []
        given += [Kind((self.batch,), "i32")] * (2 if self.has_lengths else 0)
        results = [kind.turned() for kind in turned] + [*told, Kind((0,), "ui8")]
        returned = [*turned, *told]
        config = json.dumps(self.backend_config(name)).replace('"', r"\22")
        arguments = ", ".join(f"%arg{n}" for n in range(len(given)))
        parameters = ", ".join(f"%arg{n}: {kind}" for n, kind in enumerate(given))
        inputs = ", ".join(kind.layout() for kind in given)
        outputs = ["dense<[3, 1, 2, 0]> : tensor<4xindex>"] * len(turned)
        outputs += [kind.layout() for kind in results[len(turned) :]]
        lines = [
            f"%0:{len(results)} = stablehlo.custom_call @{name}({arguments}) {{"
            f'api_version = 2 : i32, backend_config = "{config}", operand_layouts = [{inputs}], '
            f"result_layouts = [{', '.join(outputs)}]}} : "
            f"({_listed(given)}) -> ({_listed(results)})"
        ]
        for n, kind in enumerate(turned):
            how = f"dims = [0, 2, 1, 3] : ({kind.turned()}) -> {kind}"
            lines.append(f"%{n + 1} = stablehlo.transpose %0#{n}, {how}")
        values = [f"%{n + 1}" for n in range(len(turned))]
        values += [f"%0#{n}" for n in range(len(turned), len(returned))]
        return "\n".join(
            [
                "module @attention {",
                f"func.func public @main({parameters}) -> ({_listed(returned)}) {{",
                *lines,
                f"return {', '.join(values)} : {_listed(returned)}",
                "}",
                "}",
            ]
        )

    def forward(self, query, key, value, *lengths):
        """What the queries see, and the log-sum-exp of their scores."""
        sums = (self.batch, self.heads, self.queries)
        given = [query, key, value, *lengths]
        return self._call(FORWARD, given, [query.shape, sums], [self.dtype, "float32"])

    def backward(self, query, key, value, sums, seen, upstream, *lengths):
        """The gradients of query, key and value."""
        given = [query, key, value, sums, upstream, seen, *lengths]
        shapes = [query.shape, key.shape, value.shape]
        return self._call(BACKWARD, given, shapes, [self.dtype] * 3)

    def _call(self, name: str, given: list, shapes: Sequence, dtypes: Sequence) -> list:
        return xla_call_module(
            given,
            version=9,
            module=self.module(name),
            Sout=shapes,
            Tout=dtypes,
            platforms=[self.platform],
            disabled_checks=[f"custom_call:{name}"],
        )


def flash_attention(query, key, value, lengths=None, mask="CAUSAL", window=0, platform="CUDA"):
    """`softmax(q · k / √width, where visible) · v` by cuDNN, in a function that XLA compiles.

    Args:
        query: bfloat16 or float16 tensor (batch, queries, heads, width); all shapes are known.
        key: tensor (batch, keys, heads, width).
        value: as `key`.
        lengths: int32 tensor (batch,): real tokens of each row, under a mask with PADDING.
        mask: one of `MASKS`.
        window: see `Kernel`.
        platform: see `Kernel`.

    Returns:
        tensor shaped as `query`.
    """
    batch, queries, heads, width = query.shape
    dtype = query.dtype.name
    kernel = Kernel(batch, queries, key.shape[1], heads, width, dtype, mask, window, platform)
    if kernel.has_lengths != (lengths is not None):
        raise ValueError(f"mask={mask!r} {'needs' if kernel.has_lengths else 'has no'} lengths.")
    given = () if lengths is None else (lengths, lengths)

    @tf.custom_gradient
    def attend(query, key, value):
        seen, sums = kernel.forward(query, key, value, *given)
        return seen, lambda up: kernel.backward(query, key, value, sums, seen, up, *given)

    return attend(query, key, value)


def _dot(contracted: tuple, left: tuple, right: tuple) -> dict:
    """The dimension numbers of a product."""
    return {
        "lhs_contracting_dimensions": [str(contracted[0])],
        "rhs_contracting_dimensions": [str(contracted[1])],
        "lhs_batch_dimensions": [str(axis) for axis in left],
        "rhs_batch_dimensions": [str(axis) for axis in right],
    }


def _listed(kinds: Sequence[Kind]) -> str:
    return ", ".join(map(str, kinds))
