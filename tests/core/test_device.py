"""What is chosen for a described device: no such device is needed."""

import pytest

from tftransformer.core.device import Device, choose

CPU, OLD_CPU = Device("cpu", "Zen", multiplies_bfloat16=True), Device("cpu")
PASCAL, TURING, AMPERE, HOPPER = (
    Device("gpu", capability=capability) for capability in ((6, 1), (7, 5), (8, 0), (9, 0))
)
FEW, MANY = {"num_shapes": 4}, {"num_shapes": 64}


@pytest.mark.parametrize(
    ("device", "given", "precision", "compiled"),
    [
        (CPU, {}, "bfloat16", False),
        (CPU, FEW, "bfloat16", False),
        (CPU, {"precision": "float32"}, "float32", False),
        (CPU, {"jit_compile": True}, "float32", True),
        (OLD_CPU, FEW, "float32", False),
        (PASCAL, FEW, "float32", True),
        (TURING, FEW, "float16", True),
        (AMPERE, FEW, "bfloat16", True),
        (HOPPER, FEW, "bfloat16", True),
        (HOPPER, MANY, "float32", False),
        (HOPPER, {}, "float32", False),
        (HOPPER, {**MANY, "precision": "bfloat16"}, "bfloat16", False),
        (HOPPER, {**MANY, "jit_compile": True}, "bfloat16", True),
        (HOPPER, {**FEW, "jit_compile": False}, "float32", False),
        (HOPPER, {**FEW, "model_precision": "float16"}, "float16", True),
        (Device("gpu"), FEW, "float32", True),
        (HOPPER, {**FEW, "deterministic": True}, "float32", False),
        (CPU, {"deterministic": True}, "bfloat16", False),
    ],
    ids=str,
)
def test_precision_and_compilation_follow_the_device_and_what_is_set_by_hand(
    device, given, precision, compiled
):
    choice = choose(device, **given)
    assert (choice.precision, choice.jit_compile) == (precision, compiled)
    assert choice.scales_loss == (precision == "float16")
    assert choice.rewrites == (device.multiplies_bfloat16 and precision == "bfloat16")
    assert choice.num_shapes == (given.get("num_shapes") if compiled else None)
    line = str(choice)
    assert precision in line
    assert ("deterministic" in line) == given.get("deterministic", False)
    assert "\n" not in line


def test_a_processor_without_bfloat16_says_so_and_keeps_to_its_precision():
    with pytest.warns(UserWarning, match="no instructions for it, so products stay in float32"):
        choice = choose(OLD_CPU, precision="bfloat16")
    assert (choice.precision, choice.rewrites) == ("float32", False)


@pytest.mark.parametrize(
    ("device", "given", "message"),
    [
        (CPU, {"precision": "half"}, "'half' .* one of auto, float32, bfloat16, float16"),
        (CPU, {"precision": "float16"}, "is for GPUs"),
        (CPU, {"precision": "bfloat16", "jit_compile": True}, "leave out jit_compile"),
        (CPU, {"jit_compile": "yes"}, "expected True, False or 'auto'"),
        (HOPPER, {"deterministic": True, "jit_compile": True}, "Leave out one of them"),
        (HOPPER, {"precision": "float16", "model_precision": "bfloat16"}, "by their own policy"),
    ],
    ids=str,
)
def test_what_does_not_work_is_refused_in_words(device, given, message):
    with pytest.raises(ValueError, match=message):
        choose(device, **given)
