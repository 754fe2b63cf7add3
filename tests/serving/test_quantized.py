"""A SavedModel of int8 matrices translates as a model whose matrices were rounded."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.models import Transformer
from tftransformer.serving import in_precision
from tftransformer.tasks import Translator

TEXTS = ["The dog sleeps.", "", "two birds in the house and a dog", "Vögel 🐦"]


def rounded(matrix):
    """Each row as multiples of a 127th of its largest number."""
    steps = np.maximum(np.abs(matrix).max(axis=1, keepdims=True) / 127, 1e-30)
    return np.round(matrix / steps) * steps


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3)], ids=repr)
def test_the_export_translates_as_the_rounded_model(make_translator, serve, tmp_path, strategy):
    translator = make_translator(strategy=strategy)
    before = [np.array(weight) for weight in translator.model.weights]
    path = translator.export(tmp_path / "int8", weights="int8")
    for weight, old in zip(translator.model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)  # the model itself is not rounded
        if old.ndim == 2:
            weight.assign(rounded(old))
    expected = [found[0] for found in translator.n_best(TEXTS)]
    for outputs in serve(path, TEXTS):
        texts = [text.decode() for text in outputs["translations"]]
        assert texts == [translation.text for translation in expected]
        np.testing.assert_allclose(
            outputs["scores"], [translation.score for translation in expected], rtol=1e-4
        )


@pytest.mark.slow
def test_two_exports_in_one_process_stay_apart(make_translator, serve, tmp_path):
    translator = make_translator(strategy=Greedy())
    first = translator.export(tmp_path / "first", weights="int8")
    expected = serve(first, TEXTS)[0]["scores"]
    for weight in translator.model.weights:
        weight.assign(-np.array(weight))
    second = translator.export(tmp_path / "second", weights="int8")
    loaded = [tf.saved_model.load(str(path)) for path in (first, second)]
    one, other = (
        module.signatures["serving_default"](texts=tf.constant(TEXTS))["scores"]
        for module in loaded
    )
    np.testing.assert_array_equal(one, expected)
    assert np.any(other.numpy() != expected)


@pytest.mark.slow
def test_equal_matrices_of_two_precisions_stay_apart(pair_tokenizers, serve, tmp_path):
    """Weights that bfloat16 holds exactly: the codes of both models are the same."""
    size = pair_tokenizers.source_tokenizer.vocab_size
    model = Transformer(1, 16, 2, 16, vocab_size=size)
    for weight in model.weights:
        weight.assign(keras.ops.cast(keras.ops.cast(weight, "bfloat16"), "float32"))
    for number, one in enumerate((model, in_precision(model, "bfloat16"))):
        translate = Translator(one, pair_tokenizers, Greedy(), max_length=4)
        path = translate.export(tmp_path / str(number), weights="int8")
        assert np.isfinite(serve(path, ["dog"])[0]["scores"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("format", ["saved_model", "ctranslate2"])
def test_matrices_are_a_quarter_as_large(pair_tokenizers, tmp_path, format):
    if format == "ctranslate2":
        pytest.importorskip("ctranslate2", exc_type=ImportError)
    size = pair_tokenizers.source_tokenizer.vocab_size
    translator = Translator(Transformer(2, 128, 4, 512, vocab_size=size), pair_tokenizers)
    for weights in ("float32", "int8"):
        translator.export(tmp_path / weights, format, weights)
    weigh = {"saved_model": "variables/variables.data-00000-of-00001", "ctranslate2": "model.bin"}
    large, small = (
        (tmp_path / weights / weigh[format]).stat().st_size for weights in ("float32", "int8")
    )
    positions = 0 if format == "saved_model" else 4 * 2048 * 128  # the table stays as it is
    assert 3.5 < (large - positions) / (small - positions) < 4


def test_weights_of_another_kind_are_refused(make_translator, tmp_path):
    with pytest.raises(ValueError, match=r"weights=.* was given; expected one of"):
        make_translator().export(tmp_path / "export", weights="int4")
