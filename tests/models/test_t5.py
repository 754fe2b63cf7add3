"""T5: what it adds to the mechanism it shares with the Transformer."""

import keras
import numpy as np
import pytest

import tftransformer as tt
from tftransformer.core.unallocated import unallocated
from tftransformer.decoding import BeamSearch
from tftransformer.models import T5, T5Encoder

V = 13
SIZES = {"vocab_size": V, "num_layers": (2, 1), "d_model": 8, "num_heads": 2, "dff": 12}
SIZES |= {"head_width": 5, "num_buckets": 8, "max_distance": 6}
VERSION_1_1 = {"activation": "gelu_tanh", "gated": True, "tied": False}
SOURCE = np.array([[5, 6, 7, 1, 0], [8, 1, 0, 0, 0], [4, 9, 10, 6, 1]], "int32")
TARGET = np.array([[0, 7, 6, 9, 4, 5, 3], [0, 9, 8, 11, 12, 4, 2], [0, 4, 5, 8, 8, 7, 2]], "int32")
BATCH = {"source_ids": SOURCE, "target_ids": TARGET}


def lm(model, inputs=BATCH):
    return model(inputs)["lm"]


@pytest.fixture(params=[{}, VERSION_1_1], ids=["1.0", "1.1"])
def model(request):
    return T5(**SIZES, **request.param)


@pytest.mark.slow
def test_a_cached_step_is_the_uncached_model(model):
    expected = np.array(lm(model))
    step = model.start_decoding(SOURCE, cache_length=9, num_beams=2)
    cache = step.cache
    for position in range(TARGET.shape[1]):
        ids = np.repeat(TARGET[:, position : position + 1], 2, axis=0)
        logits, cache = step(ids, cache, position)
        np.testing.assert_allclose(logits, np.repeat(expected[:, position], 2, 0), atol=2e-5)


@pytest.mark.slow_after(1)
def test_the_start_token_is_the_pad_id_and_yet_seen(model):
    """Padding of the source is told by its ids, of the target by a mask alone."""
    other = np.array(TARGET)
    other[:, 0] = 7
    assert (
        np.abs(np.array(lm(model, {**BATCH, "target_ids": other}) - lm(model)))[:, 1:].max() > 0.1
    )
    longer = {**BATCH, "source_ids": np.pad(SOURCE, ((0, 0), (0, 3)))}
    np.testing.assert_allclose(lm(model, longer), lm(model), atol=2e-5)


@pytest.mark.slow_after(1)
def test_order_counts_though_no_vector_holds_a_position(model):
    swapped = {**BATCH, "source_ids": SOURCE[:, [1, 0, 2, 3, 4]]}
    assert np.abs(np.array(lm(model, swapped) - lm(model)))[0].max() > 1e-3


@pytest.mark.slow
def test_keras_file(model, tmp_path):
    model.save(tmp_path / "t5.keras")
    loaded = keras.saving.load_model(tmp_path / "t5.keras")
    np.testing.assert_array_equal(lm(loaded), lm(model))
    assert len(loaded.weights) == len(model.weights)


@pytest.mark.slow
def test_classifiers_read_the_source_behind_the_start_token_and_its_last_end_token():
    heads = {"sequence_classification": {"labels": 3}, "span": {}}
    model = T5(**SIZES, heads=heads)
    shifted = np.concatenate([np.zeros((3, 1), "int32"), SOURCE[:, :-1]], axis=1)
    given = model({"source_ids": SOURCE, "target_ids": shifted})
    alone = model({"source_ids": SOURCE})
    assert alone.keys() == {"hidden", *heads}
    for name, output in alone.items():
        np.testing.assert_array_equal(output, given[name])
    head = model.heads["sequence_classification"]
    ends = np.array([3, 1, 4])
    pooled = np.array(alone["hidden"])[np.arange(3), ends]
    pooled = np.tanh(pooled @ head.pooler.projection.kernel.numpy())
    expected = pooled @ head.projection.kernel.numpy()
    np.testing.assert_allclose(alone["sequence_classification"], expected, atol=1e-5)
    np.testing.assert_array_equal(model.only("span")({"source_ids": SOURCE}), alone["span"])


@pytest.mark.slow
def test_the_encoder_alone():
    sizes = {**SIZES, "num_layers": 2}
    whole, alone = T5(**sizes), T5Encoder(**sizes, heads={"token_classification": {"labels": 4}})
    for weight, same in zip(alone.stack.weights, whole.encoder.weights, strict=True):
        weight.assign(same)
    outputs = alone(SOURCE)
    expected = whole.details(BATCH)["encoder_hidden_states"][-1]
    np.testing.assert_allclose(outputs["hidden"], expected, atol=1e-6)
    assert outputs["token_classification"].shape == (3, 5, 4)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(policy):
    model = T5(**SIZES, dtype=policy)
    decoded = BeamSearch(2)(
        model.start_decoding(SOURCE, cache_length=6, num_beams=2),
        SOURCE[:, :1],
        max_new_tokens=5,
        end_id=1,
        pad_id=0,
    )
    assert np.isfinite(np.array(decoded.scores)).all()
    assert keras.backend.standardize_dtype(lm(model).dtype) == policy.removeprefix("mixed_")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"num_layers": 6, "d_model": 512, "num_heads": 8, "dff": 2048}, 60_506_624),
        ({}, 222_903_552),
        ({"dff": 2048, **VERSION_1_1}, 247_577_856),
    ],
    ids=["small", "base", "1.1 base"],
)
def test_published_sizes(options, count):
    with unallocated():
        assert T5(**options).count_params() == count


@pytest.mark.parametrize("family", [tt.T5, tt.Bart])
def test_a_row_of_tokens_is_a_source_without_a_target_and_may_have_choices(family):
    heads = {"sequence_classification": {"labels": 3}, "span": {}, "vector": tt.EmbeddingHead()}
    model = family(vocab_size=20, num_layers=1, d_model=8, num_heads=2, dff=8, heads=heads)
    ids = np.random.default_rng(0).integers(3, 20, (4, 6))
    mask = np.arange(6) < np.array([6, 4, 2, 5])[:, None]
    expected = model({"source_ids": ids, "source_padding_mask": mask})
    found = model({"token_ids": ids, "padding_mask": mask, "segment_ids": mask})
    folded = model({"token_ids": ids.reshape(2, 2, 6), "padding_mask": mask.reshape(2, 2, 6)})
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6)
        np.testing.assert_allclose(
            np.reshape(folded[name], np.shape(values)), values, atol=1e-6, err_msg=name
        )
    shorter = model({"token_ids": ids[2:3, :2]})  # padding is no part of a vector
    np.testing.assert_allclose(shorter["vector"], expected["vector"][2:3], atol=1e-5)
