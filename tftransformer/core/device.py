"""What depends on the device: one place decides, from what the device is, and tells.

A `Device` is a description; who may import TensorFlow makes the one of this machine
(`tftransformer.training.hardware.current_device`). Layers and objectives know nothing of it.
"""

import dataclasses
import warnings

from tftransformer.core.checks import check_choice

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# A compilation takes about a minute for each shape on a GPU: so many for an epoch, its validation
# included.
FEW_SHAPES = 8
VALIDATION_SHAPES = 2


@dataclasses.dataclass(frozen=True)
class Device:
    """What computes.

    Args:
        kind: "cpu", "gpu", or another that Keras names.
        name: what its maker calls it.
        count: how many there are.
        multiplies_bfloat16: whether a processor has instructions for products in bfloat16.
        capability: compute capability of an NVIDIA GPU, such as (8, 0); None if unknown.
    """

    kind: str
    name: str = ""
    count: int = 1
    multiplies_bfloat16: bool = False
    capability: tuple[int, int] | None = None

    def __str__(self) -> str:
        named = f" {self.name}" if self.name else ""
        return f"{f'{self.count} × ' if self.count > 1 else ''}{self.kind}{named}"


@dataclasses.dataclass(frozen=True)
class Choice:
    """How training steps compute on a device; `str` tells it in one line.

    Args:
        device: where.
        precision: precision of their matrix products: "float32", "bfloat16" or "float16". Weights,
            their updates, norms, softmax and loss are float32 in any case.
        jit_compile: whether XLA compiles them.
        rewrites: whether TensorFlow rewrites the graph for `precision`, as it can on a CPU; else
            the layers of the model compute in it.
        num_shapes: how many shapes of batches are compiled for; None if unknown.
        deterministic: whether the same bits come out each time, on a GPU too.
    """

    device: Device
    precision: str
    jit_compile: bool
    rewrites: bool = False
    num_shapes: int | None = None
    deterministic: bool = False

    @property
    def scales_loss(self) -> bool:
        """Whether gradients would vanish unless the loss is scaled."""
        return self.precision == "float16"

    def __str__(self) -> str:
        each = f"each of {self.num_shapes} shapes" if self.num_shapes else "each shape"
        compiled = f"compiled by XLA for {each}" if self.jit_compile else "no XLA"
        scaled = ", the loss scaled" if self.scales_loss else ""
        fixed = "; deterministic" * self.deterministic
        return (
            f"Training on {self.device}: products in {self.precision}{scaled}; {compiled}{fixed}."
        )


def choose(
    device: Device,
    *,
    precision: str = "auto",
    jit_compile: bool | str = "auto",
    model_precision: str = "float32",
    num_shapes: int | None = None,
    deterministic: bool = False,
) -> Choice:
    """Decides how training steps compute.

    On a CPU: bfloat16 where the processor has instructions for it; XLA never, as it gains nothing
    there and keeps to float32. On a GPU: XLA where batches come in few shapes; with it bfloat16
    from compute capability 8.0, and float16 with a scaled loss from 7.0. Without XLA a GPU is
    faster in float32: a hundred small kernels in half precision cost more than products gain. What
    is to be deterministic is not compiled for a GPU: XLA would take kernels without trying which is
    fast, and what it has kept on disk may have been compiled otherwise.

    Args:
        device: what computes.
        precision: "auto", or one that is obeyed or refused.
        jit_compile: "auto", True or False.
        model_precision: in which the layers of the model compute by their own policy; where that is
            not float32, it stays.
        num_shapes: how many shapes batches come in; None if unknown.
        deterministic: whether the same bits must come out each time.

    Raises:
        ValueError: what was set by hand does not work here. A CPU without instructions for bfloat16
            keeps to its precision with a warning.

    >>> print(choose(Device("cpu", multiplies_bfloat16=True)))
    Training on cpu: products in bfloat16; no XLA.
    >>> print(choose(Device("gpu", "A100", capability=(8, 0)), num_shapes=4))
    Training on gpu A100: products in bfloat16; compiled by XLA for each of 4 shapes.
    """
    check_choice(PRECISIONS, precision=precision)
    if not isinstance(jit_compile, bool) and jit_compile != "auto":
        raise ValueError(f"jit_compile={jit_compile!r}: expected True, False or 'auto'.")
    if deterministic and device.kind != "cpu" and jit_compile is True:
        raise ValueError(
            f"deterministic=True does not go with jit_compile=True on a {device.kind}: what XLA "
            "has kept on disk may have been compiled otherwise. Leave out one of them."
        )
    few = num_shapes is not None and num_shapes <= FEW_SHAPES
    compiles = may_compile(device, jit_compile, deterministic) and (few or jit_compile is True)
    make = _on_cpu if device.kind == "cpu" else _elsewhere
    rewrites, precision = make(device, precision, compiles, model_precision)
    shapes = num_shapes if compiles else None
    return Choice(device, precision, compiles, rewrites, shapes, deterministic)


def may_compile(device: Device, jit_compile: bool | str, deterministic: bool = False) -> bool:
    """Whether XLA would compile steps whose batches come in few shapes; see `choose`."""
    if jit_compile == "auto":
        return device.kind == "gpu" and not deterministic
    return jit_compile is True


def _on_cpu(
    device: Device, precision: str, jit_compile: bool, model_precision: str
) -> tuple[bool, str]:
    if precision == "float16":
        raise ValueError(
            'precision="float16" is for GPUs; a CPU has precision="bfloat16" and "float32".'
        )
    if jit_compile and precision == "bfloat16":
        raise ValueError(
            'precision="bfloat16" is not for XLA on a CPU: leave out jit_compile=True, or give the '
            'model dtype="mixed_bfloat16".'
        )
    if precision == "bfloat16" and not device.multiplies_bfloat16:
        # Layers that compute in it would be slower, and on a CPU sums of biases would be lost.
        warnings.warn(
            f'precision="bfloat16": this processor has no instructions for it, so products stay in '
            f"{model_precision}. Leave precision out.",
            stacklevel=2,
        )
    rewrites = precision != "float32" and device.multiplies_bfloat16 and not jit_compile
    return rewrites, "bfloat16" if rewrites else model_precision


def _elsewhere(
    device: Device, precision: str, jit_compile: bool, model_precision: str
) -> tuple[bool, str]:
    if model_precision != "float32":
        if precision not in ("auto", model_precision):
            raise ValueError(
                f"precision={precision!r}: the layers of the model compute in {model_precision} by "
                "their own policy; leave precision out, or build the model in float32."
            )
        return False, model_precision
    if precision == "auto":
        capability = device.capability or (0, 0)
        halves = "bfloat16" if capability >= (8, 0) else "float16"
        precision = halves if jit_compile and capability >= (7, 0) else "float32"
    return False, precision
