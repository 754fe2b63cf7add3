"""Exports in bfloat16: half the size, and the translations of the model so rounded."""

import keras
import numpy as np
import pytest

from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.layers import FeedForward
from tftransformer.models import T5, Gpt2, Transformer, TransformerXL
from tftransformer.positions import LearnedPositions
from tftransformer.serving import in_precision
from tftransformer.tasks import Translator

TEXTS = ["The dog sleeps.", "", "two birds in the house and a dog", "Vögel 🐦"]
SIZES = {"num_layers": 1, "d_model": 16, "num_heads": 2, "vocab_size": 30}
MODELS = {
    "transformer": lambda: Transformer(**SIZES, dff=32, position=LearnedPositions(16, 12)),
    "t5": lambda: T5(**SIZES, dff=32, head_width=8),
    "gpt2": lambda: Gpt2(**SIZES, num_positions=12),
    "transformer-xl": lambda: TransformerXL(**SIZES, dff=32, memory_length=4, cutoffs=[]),
}
IDS = np.array([[5, 6, 7, 9, 4], [8, 3, 11, 1, 20]], "int32")


def logits(model):
    """Of the second step, which reads the cache of the first."""
    key = "source_ids" if isinstance(model, Transformer | T5) else "token_ids"
    step = model.start_decoding({key: IDS}, cache_length=8)
    cache = step.cache
    _, cache = step(IDS, cache, 0)
    found, cache = step(IDS[:, :1], cache, IDS.shape[1])
    dtypes = {keras.backend.standardize_dtype(x.dtype) for x in keras.tree.flatten(cache["layers"])}
    return np.array(keras.ops.cast(found, "float32")), dtypes


def check_size(path, weights):
    """The weights of an export, so many bytes, and little else."""
    (data,) = (path / "variables").glob("*.data-*")
    assert weights <= data.stat().st_size < 1.2 * weights


@pytest.mark.slow
def test_layers_handed_in_ready_made_are_copied_in_the_precision_too():
    model = Transformer(**SIZES, dff=32, feed_forward=FeedForward(16, 64), dtype="mixed_bfloat16")
    for precision in ("bfloat16", "float32"):
        copy = in_precision(model, precision)
        assert {weight.dtype for weight in copy.trainable_weights} == {precision}
        assert logits(copy)[1] == {precision}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", MODELS)
def test_a_copy_decodes_as_the_model_within_its_precision(name):
    model = MODELS[name]()
    copy = in_precision(model, "bfloat16")
    (exact, dtypes), (rounded, rounded_dtypes) = logits(model), logits(copy)
    assert (dtypes, rounded_dtypes) == ({"float32"}, {"bfloat16"})
    np.testing.assert_allclose(rounded, exact, atol=0.03 * np.abs(exact).max())
    assert np.any(rounded != exact)
    for weight in model.weights:
        weight.assign(keras.ops.zeros_like(weight))
    np.testing.assert_array_equal(logits(copy)[0], rounded)  # it has weights of its own


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match="'int4'"):
        in_precision(MODELS["transformer"](), "int4")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3)], ids=repr)
def test_the_export_translates_as_the_copy_does(
    make_translator, pair_tokenizers, serve, tmp_path, strategy
):
    translator = make_translator(strategy=strategy)
    path = translator.export(tmp_path / "export", weights="bfloat16")
    copy = in_precision(translator.model, "bfloat16")
    expected = Translator(copy, pair_tokenizers, strategy, max_length=12).n_best(TEXTS)
    for outputs in serve(path, TEXTS):
        texts = [text.decode() for text in np.array(outputs["translations"])]
        assert texts == [best.text for best, *_ in expected]
    check_size(path, 2 * translator.model.count_params())


@pytest.mark.slow
def test_the_weights_of_an_export_are_those_asked_for(make_translator, pair_tokenizers, tmp_path):
    small = in_precision(make_translator().model, "bfloat16")
    translator = Translator(small, pair_tokenizers, Greedy(), max_length=12)
    for name, size in (("float32", 4), ("bfloat16", 2)):
        path = translator.export(tmp_path / name, weights=name)
        check_size(path, size * small.count_params())
