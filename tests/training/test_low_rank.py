"""LoRA: what is trained, that it starts as nothing, and that merging changes no output."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tftransformer as tt
from tftransformer.training import Trainer, recipes

IDS = np.random.default_rng(0).integers(1, 20, (12, 6)).astype("int32")
BATCHES = tf.data.Dataset.from_tensor_slices((IDS, IDS, np.ones(IDS.shape, "float32"))).batch(4)
LAYERS = ("query", "value", "inner", "table")


def bert():
    keras.utils.set_random_seed(0)
    return tt.Bert(20, 2, 8, 2, 16, num_positions=12, dropout=0.0, heads=["masked_lm"])


def logits(model):
    return np.asarray(model(IDS)["masked_lm"])


def train(model, **options):
    options = {"optimizer": keras.optimizers.AdamW(0.05), "epochs": 2, **options}
    Trainer(model.only("masked_lm"), BATCHES, verbose=0, precision="float32", **options).train()


def test_only_the_products_and_what_is_named_are_trained():
    model = bert()
    before = logits(model)
    trained = recipes.add_lora(model, rank=2, layers=LAYERS[:2], whole=[model.heads["masked_lm"]])
    np.testing.assert_array_equal(logits(model), before)
    own = [v for v in model.trainable_variables if "lora" not in v.path]
    head = [v for v in own if "masked_lm" in v.path or "embeddings/table" in v.path]
    assert own == head
    assert trained == 2 * 2 * 2 * (8 * 2) + sum(int(np.prod(v.shape)) for v in own)


@pytest.mark.slow
def test_a_merged_model_and_its_files_are_the_adapted_one(tmp_path):
    model = bert()
    fresh = logits(model)
    names = [v.path for v in model.weights]
    recipes.add_lora(model, rank=3, alpha=6, layers=LAYERS)
    frozen = [np.array(v) for v in model.weights if not v.trainable]
    train(model)
    for one, v in zip(frozen, (v for v in model.weights if not v.trainable), strict=True):
        np.testing.assert_array_equal(one, v)
    adapted = logits(model)
    assert np.abs(adapted - fresh).max() > 1e-2
    model.save(tmp_path / "adapted.keras")
    loaded = keras.saving.load_model(tmp_path / "adapted.keras")
    np.testing.assert_allclose(logits(loaded), adapted, atol=1e-6)
    assert recipes.merge_lora(model) == 8
    np.testing.assert_allclose(logits(model), adapted, atol=1e-6)
    assert [v.path for v in model.weights] == names == [v.path for v in loaded.weights]
    assert len(model.trainable_variables) == len(loaded.trainable_variables)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    found = served.serve({"token_ids": IDS})["masked_lm"]
    np.testing.assert_allclose(found, adapted, atol=1e-6)
    train(model)  # a plain model again, whose weights move
    assert np.abs(logits(model) - adapted).max() > 1e-2


@pytest.mark.slow
def test_an_adapted_model_is_exported_as_it_answers(tmp_path):
    model = bert()
    recipes.add_lora(model, rank=3, layers=LAYERS)
    train(model, epochs=1)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    found = served.serve({"token_ids": IDS})["masked_lm"]
    np.testing.assert_allclose(found, logits(model), atol=1e-6)


@pytest.mark.slow
def test_training_adapters_resumes_and_the_optimizer_knows_them_alone(tmp_path):
    def run(**options):
        model, optimizer = bert(), keras.optimizers.AdamW(0.05)
        recipes.add_lora(model, rank=2)
        train(model, optimizer=optimizer, **options)
        assert len(optimizer._trainable_variables) == 8
        return logits(model)

    whole = run()
    run(directory=tmp_path, steps=4)
    np.testing.assert_array_equal(run(directory=tmp_path, resume=True), whole)


@pytest.mark.parametrize(
    ("layers", "message"),
    [(["quary"], r"no layers \['quary'\].*'query'"), (["norm"], r"no layers \['norm'\]")],
)
def test_layers_without_lora_are_named(layers, message):
    with pytest.raises(ValueError, match=message):
        recipes.add_lora(bert(), 2, layers=layers)


def test_parts_of_an_adapted_model_are_not_unfrozen():
    model = bert()
    trained = recipes.add_lora(model, 2)
    with pytest.raises(ValueError, match="the model has LoRA"):
        recipes.freeze(model, below=1)
    with pytest.raises(ValueError, match="the model has LoRA"):
        train(model, callbacks=[recipes.GradualUnfreezing()])
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == trained


def test_lora_is_given_once_and_merged_once():
    model = bert()
    recipes.add_lora(model, 2)
    with pytest.raises(ValueError, match="already"):
        recipes.add_lora(model, 2)
    recipes.merge_lora(model)
    with pytest.raises(ValueError, match="no layer"):
        recipes.merge_lora(model)
