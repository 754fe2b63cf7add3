"""SavedModels that XLA compiles where they are served, with float32 and with int8 products."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.decoding import BeamSearch, Greedy, Sampling
from tftransformer.models import Bert, Transformer
from tftransformer.positions import LearnedPositions
from tftransformer.serving.int8_products import Int8Matrix, multiply_int8
from tftransformer.tasks import Translator

TEXTS = ["The dog sleeps.", "", "two birds in the house and a dog", "Vögel 🐦"]


def module_of(translator, weights="float32"):
    """What `export` saves, not yet saved."""
    return translator._module(translator.graph(), weights=weights, jit_compile=True)


def said(module, texts):
    """Translations and scores of a module."""
    outputs = module.functions["serving_default"](tf.constant(texts, tf.string))
    translations = [text.decode() for text in outputs["translations"].numpy()]
    return translations, outputs["scores"].numpy()


@pytest.mark.slow
def test_the_int8_export_translates_as_its_module(make_translator, serve, tmp_path):
    translator = make_translator(strategy=Greedy())
    path = translator.export(tmp_path / "export", weights="int8", jit_compile=True)
    texts, scores = said(module_of(translator, "int8"), TEXTS)
    for outputs in serve(path, TEXTS):
        assert [text.decode() for text in np.array(outputs["translations"])] == texts
        np.testing.assert_allclose(outputs["scores"], scores, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3), Sampling(seed=1)], ids=repr)
def test_compiled_translations_are_those_of_the_translator(make_translator, strategy):
    translator = make_translator(strategy=strategy)
    texts, scores = said(module_of(translator), TEXTS)
    expected = [best[0] for best in translator.n_best(TEXTS)]
    assert texts == [translation.text for translation in expected]
    np.testing.assert_allclose(scores, [translation.score for translation in expected], rtol=1e-4)


@pytest.mark.slow
def test_sources_are_not_padded_beyond_the_positions_of_the_model(pair_tokenizers):
    size = pair_tokenizers.source_tokenizer.vocab_size
    model = Transformer(1, 16, 2, 32, vocab_size=size, position=LearnedPositions(16, 9))
    translator = Translator(model, pair_tokenizers, Greedy())
    texts = ["dog", "dog house " * 20]
    with pytest.warns(UserWarning, match="only their beginnings were read"):
        expected = translator(texts)
    assert said(module_of(translator), texts)[0] == expected


@pytest.mark.slow
def test_int8_products_stay_near_those_of_float32(make_translator):
    translator = make_translator()
    ids = {"source_ids": np.array([[5, 6, 7, 3]]), "target_ids": np.array([[2, 8, 9]])}
    model = translator.model
    exact = np.array(model(ids))
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    matrices = multiply_int8(copy)
    unrounded = [weight for weight in copy.weights if id(weight) not in matrices]
    assert all(len(weight.shape) == 1 for weight in unrounded)  # every matrix takes part
    rounded = np.array(tf.function(copy, jit_compile=True)(ids))
    assert 0 < np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_an_int8_product_is_exact_where_nothing_is_rounded(rows):
    chance = np.random.default_rng(0)
    matrix, x = (chance.integers(-127, 128, (n, 6)).astype("float32") for n in (4, rows))
    matrix[:, 0] = x[:, 0] = 127  # the largest number of each row: one step is 1
    held = Int8Matrix(tf.constant(matrix))
    product = tf.function(held.multiply, jit_compile=True)
    np.testing.assert_allclose(product(tf.constant(x)), x @ matrix.T, rtol=1e-6)
    np.testing.assert_allclose(held.look_up([[3, 1]]), matrix[[[3, 1]]], rtol=1e-6)


@pytest.mark.slow
def test_int8_stays_int8_in_the_file(make_translator, tmp_path):
    translator = make_translator(strategy=Greedy())
    path = translator.export(tmp_path / "export", weights="int8", jit_compile=True)
    stored = {
        name: np.prod(shape)
        * tf.train.load_variable(str(path / "variables/variables"), name).itemsize
        for name, shape in tf.train.list_variables(str(path / "variables/variables"))
        if "weights" in name
    }
    matrices = sum(np.prod(w.shape) for w in translator.model.weights if len(w.shape) == 2)
    assert matrices < sum(stored.values()) < 2 * matrices


def test_two_matrices_share_one_table():
    keras.utils.set_random_seed(0)
    model = Transformer(1, 16, 2, 32, vocab_size=20, tie="none")
    tied = Transformer(1, 16, 2, 32, vocab_size=20)
    assert len(multiply_int8(model)) == len(multiply_int8(tied)) + 2


@pytest.mark.slow
def test_ctranslate2_is_not_compiled(make_translator, tmp_path):
    with pytest.raises(ValueError, match="jit_compile=True needs"):
        make_translator().export(tmp_path / "export", "ctranslate2", jit_compile=True)
    assert not (tmp_path / "export").exists()


def test_a_dense_layer_of_ones_own_computes_as_it_says():
    class Doubled(keras.layers.Dense):
        def call(self, inputs, training=None):
            return 2.0 * super().call(inputs)

    model = Bert(30, 1, 16, 2, 32, num_positions=8, heads={"own": Doubled(3)})
    ids = np.array([[5, 6, 7]])
    before = model(ids)["own"]
    assert multiply_int8(model)
    np.testing.assert_allclose(model(ids)["own"], before, atol=0.1)
    assert np.abs(before).max() > 0.3
