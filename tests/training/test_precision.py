import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.core.device import Device
from tftransformer.training import Trainer, preparation
from tftransformer.training.hardware import current_device

OPTION = "auto_mixed_precision_onednn_bfloat16"


def trained(tiny, **options):
    keras.utils.set_random_seed(0)
    model = tiny.tiny_model()
    trainer = Trainer(model, tiny.TinyBatches(4), optimizer="adam", epochs=3, verbose=0, **options)
    return trainer.train().history["loss"], model


@pytest.mark.slow
def test_bfloat16_products_round_and_train_as_float32(tiny):
    exact, model = trained(tiny, precision="float32")
    rounded, other = trained(tiny, precision="bfloat16")
    # TensorFlow rounds where the processor has instructions for it, and only there.
    assert (exact != rounded) == current_device().multiplies_bfloat16
    np.testing.assert_allclose(exact, rounded, rtol=0.01)
    assert {w.dtype for w in other.get_weights()} == {w.dtype for w in model.get_weights()}
    assert not tf.config.optimizer.get_experimental_options().get(OPTION, False)


@pytest.mark.slow
def test_gradients_are_summed_in_float32(tiny):
    """Terms of one sign: a sum in bfloat16 stops growing after 256 of them."""
    batches = tiny.TinyBatches(1, shapes=((16, 128),))
    inputs, labels, weights = batches.items[0]
    batches.items = [({"target_ids": 0 * inputs["target_ids"] + 1}, 0 * labels, 0 * weights + 1)]

    def weights_after(precision):
        keras.utils.set_random_seed(0)
        model = tiny.tiny_model()
        sgd = keras.optimizers.SGD(1.0)
        Trainer(model, batches, optimizer=sgd, precision=precision, verbose=0).train()
        return model.trainable_weights

    for rounded, exact in zip(weights_after("bfloat16"), weights_after("float32"), strict=True):
        np.testing.assert_allclose(rounded, exact, rtol=0.02, atol=2e-3, err_msg=exact.path)


def on(monkeypatch, device):
    monkeypatch.setattr(preparation, "current_device", lambda: device)


@pytest.mark.slow
@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_auto_follows_the_processor(tiny, monkeypatch, has_bfloat16):
    on(monkeypatch, Device("cpu", multiplies_bfloat16=has_bfloat16))
    expected, _ = trained(tiny, precision="bfloat16" if has_bfloat16 else "float32")
    assert trained(tiny)[0] == expected


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_where_graphs_are_not_rewritten_the_layers_compute_in_the_precision(
    tiny, monkeypatch, precision
):
    """On a GPU: here a model of float32 is trained as one that was built under the policy."""
    exact, _ = trained(tiny, precision="float32")
    keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        expected, _ = trained(tiny, precision="float32")
    finally:
        keras.config.set_dtype_policy("float32")
    on(monkeypatch, Device("gpu", capability=(8, 0)))
    found, model = trained(tiny, precision=precision)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found != exact
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


@pytest.mark.slow
def test_the_choice_is_told_in_one_line_and_kept(tiny, capsys):
    trainer = tiny.make(verbose=2)
    assert trainer.choice.precision == "float32"
    trainer.train()
    assert capsys.readouterr().out.splitlines()[0] == str(trainer.choice)


def test_xla_on_a_cpu_keeps_to_float32(tiny):
    with pytest.raises(ValueError, match="leave out jit_compile"):
        trained(tiny, precision="bfloat16", jit_compile=True)
