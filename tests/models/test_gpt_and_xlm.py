"""GPT, GPT-2 and XLM: what each adds to a stack under a mask."""

import keras
import numpy as np
import pytest

from tftransformer.core import unallocated
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.models import XLM, Gpt, Gpt2

V, PAD = 23, 2
SIZES = {"vocab_size": V, "num_layers": 2, "d_model": 8, "num_heads": 2, "num_positions": 16}
IDS = np.array([[5, 6, 7, 9, 4], [8, 3, 11, 12, 20], [4, 9, 10, 6, 3]], "int32")
MASK = np.arange(5) >= np.array([[0], [3], [1]])
VARIANTS = {
    "Gpt": (Gpt, {}),
    "Gpt2": (Gpt2, {}),
    "Gpt2, scaled by depth": (Gpt2, {"scaled_by_depth": True, "dff": 12, "tied": False}),
    "XLM": (XLM, {"causal": True, "languages": 3, "sinusoidal": True}),
}


def make(name="Gpt2", **options):
    kind, given = VARIANTS[name]
    model = kind(**{**SIZES, **given, **options})
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.array(weight) + 0.3 * random.normal(size=weight.shape))
    return model


@pytest.fixture(params=VARIANTS)
def model(request):
    return make(request.param)


@pytest.mark.slow_after(1)
def test_a_cached_step_is_the_uncached_model(model):
    inputs = {"token_ids": IDS, "segment_ids": IDS % 3}
    if isinstance(model, XLM):
        inputs["language_ids"] = np.full_like(IDS, 2)
    inputs["segment_ids"][:, 2:] = 4  # new tokens are of the prompt's last segment
    expected = np.array(model(inputs)["lm"])
    prompt = {name: x[:, :3] for name, x in inputs.items()}
    step = model.start_decoding(prompt, cache_length=7, num_beams=2)
    cache = step.cache
    position = 0
    for size in (3, 1, 1):
        ids = np.repeat(IDS[:, position : position + size], 2, axis=0)
        logits, cache = step(ids, cache, position)
        position += size
        np.testing.assert_allclose(logits, np.repeat(expected[:, position - 1], 2, 0), atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Gpt", "Gpt2"])
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(2)], ids=["greedy", "beam"])
def test_padding_on_the_left_changes_no_continuation(name, strategy):
    model = make(name)
    given = {"max_new_tokens": 6, "end_id": 1, "pad_id": PAD}
    inputs = {"token_ids": IDS, "padding_mask": MASK}
    num_beams = strategy.rows_per_prompt
    together = strategy(
        model.start_decoding(inputs, cache_length=12, num_beams=num_beams), IDS, **given
    )
    for row in range(3):
        alone = IDS[row : row + 1, MASK[row]]
        decoded = strategy(
            model.start_decoding(alone, cache_length=12, num_beams=num_beams), alone, **given
        )
        np.testing.assert_array_equal(decoded.ids[0], together.ids[row])
        np.testing.assert_allclose(decoded.scores[0], together.scores[row], atol=1e-4)


@pytest.mark.slow_after(1)
def test_no_token_sees_those_after_it(model):
    changed = IDS.copy()
    changed[:, 3] = 17
    moved = np.abs(np.array(model(changed)["lm"] - model(IDS)["lm"])).max((0, 2))
    assert (moved[:3] < 1e-6).all()
    assert (moved[3:] > 1e-4).all()


@pytest.mark.slow_after(1)
def test_segments_are_looked_up_among_the_tokens(model):
    """A segment's vector is the token's: swapping the two ids changes nothing."""
    one, other = (
        {"token_ids": x, "segment_ids": y} for x, y in ((IDS, IDS[::-1]), (IDS[::-1], IDS))
    )
    np.testing.assert_allclose(model(one)["hidden"], model(other)["hidden"], atol=1e-5)


@pytest.mark.slow
def test_scores_shrink_with_depth_where_asked_for():
    plain, scaled = make(), make("Gpt2", scaled_by_depth=True)
    scales = [layer.attention.scorer.scale for layer in scaled.stack.layers]
    assert scales == [0.5, 0.25]
    assert [layer.attention.scorer.scale for layer in plain.stack.layers] == [0.5, 0.5]
    assert make("Gpt2", scaled_scores=False).stack.layers[1].attention.scorer.scale == 1.0


@pytest.mark.parametrize("name", ["Gpt", "Gpt2"])
def test_a_choice_is_read_at_its_last_token_whatever_is_padded(name):
    model = make(name, heads={"multiple_choice": {}})
    ids = np.stack([IDS, IDS[::-1]], axis=1)
    padded = np.pad(ids, ((0, 0), (0, 0), (0, 3)), constant_values=PAD)
    mask = np.pad(np.ones(ids.shape, bool), ((0, 0), (0, 0), (0, 3)))
    plain = model({"token_ids": ids})["multiple_choice"]
    found = model({"token_ids": padded, "padding_mask": mask})["multiple_choice"]
    np.testing.assert_allclose(found, plain, atol=1e-5)
    assert np.ptp(plain) > 1e-3


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", ["Gpt", "Gpt2"])
def test_heads(name):
    heads = {
        "lm": {},
        "sequence_classification": {"labels": 3},
        "token_classification": {"labels": 4},
        "span": {},
        "multiple_choice": {},
    }
    model = make(name, heads=heads, pad_id=PAD)
    ids = np.pad(IDS, ((0, 0), (0, 2)), constant_values=PAD)
    outputs = model({"token_ids": ids, "pooled_positions": np.array([4, 0, 2], "int32")})
    shapes = {head: tuple(outputs[head].shape) for head in heads}
    assert shapes == {
        "lm": (3, 7, V),
        "sequence_classification": (3, 3),
        "token_classification": (3, 7, 4),
        "span": (3, 7, 2),
        "multiple_choice": (3,),
    }
    hidden = np.array(outputs["hidden"])
    kernel = np.array(model.heads["sequence_classification"].projection.kernel)
    np.testing.assert_allclose(outputs["sequence_classification"], hidden[:, 4] @ kernel, atol=1e-5)
    choice = model.heads["multiple_choice"].projection
    chosen = hidden[np.arange(3), [4, 0, 2]] @ np.array(choice.kernel) + np.array(choice.bias)
    np.testing.assert_allclose(outputs["multiple_choice"], chosen[:, 0], atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_xlm_keeps_padding_at_zero(causal):
    model = make("XLM", causal=causal)
    for state in model.details({"token_ids": IDS, "padding_mask": MASK})["hidden_states"]:
        assert (np.array(state)[~MASK] == 0).all()
        assert (np.abs(np.array(state)[MASK]).max(-1) > 0).all()


@pytest.mark.slow
def test_xlm_tells_padding_by_mask_lengths_or_ids():
    model = make("XLM", causal=False)
    ids = np.where(np.arange(5) < np.array([[5], [2], [4]]), IDS, PAD)
    lengths = np.array([5, 2, 4], "int32")
    by_ids = model(ids)["lm"]
    for given in ({"lengths": lengths}, {"padding_mask": ids != PAD}):
        np.testing.assert_array_equal(model({"token_ids": ids, **given})["lm"], by_ids)
    # Ids alone tell how many real tokens a row has; these come first.
    inside = np.array([[5, PAD, 7, 9, 4]], "int32")
    first = {"token_ids": inside, "padding_mask": np.arange(5)[None] < 4}
    np.testing.assert_array_equal(model(inside)["lm"], model(first)["lm"])


@pytest.mark.slow
def test_xlm_languages_and_sinusoids():
    model = make("XLM")
    plain = model(IDS)["lm"]
    for language in range(3):
        spoken = {"token_ids": IDS, "language_ids": np.full_like(IDS, language)}
        assert np.abs(np.array(model(spoken)["lm"] - plain)).max() > 1e-2
    fresh = XLM(**SIZES, sinusoidal=True)
    table = np.array(fresh.stack.embeddings.position.table.embeddings)
    np.testing.assert_allclose(table[3, :2], [np.sin(3), np.cos(3)], atol=1e-6)
    trained = {weight.path for weight in fresh.trainable_weights}
    assert {w.path for w in fresh.weights} - trained == {
        fresh.stack.embeddings.position.table.path + "/embeddings"
    }
    for silent in ({"languages": 1}, {"languages": 9, "embed_languages": False}):
        model = XLM(**SIZES, **silent)
        spoken = model({"token_ids": IDS, "language_ids": IDS % 9})
        np.testing.assert_array_equal(spoken["lm"], model(IDS)["lm"])


@pytest.mark.slow_after(1)
def test_keras_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IDS)["lm"], model(IDS)["lm"])
    assert len(loaded.trainable_weights) == len(model.trainable_weights)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", VARIANTS)
def test_half_precision(name, policy):
    model = make(name, dtype=policy)
    logits = model({"token_ids": IDS, "padding_mask": MASK})["lm"]
    assert keras.backend.standardize_dtype(logits.dtype) == policy.removeprefix("mixed_")
    assert np.isfinite(keras.ops.convert_to_numpy(keras.ops.cast(logits, "float32"))).all()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("kind", "options", "count"),
    [
        (Gpt, {}, 116_534_784),
        (Gpt2, {}, 124_439_808),
        (Gpt2, {"num_layers": 24, "d_model": 1024, "num_heads": 16}, 354_823_168),
        (Gpt2, {"num_layers": 48, "d_model": 1600, "num_heads": 25}, 1_557_611_200),
    ],
)
def test_published_sizes(kind, options, count):
    with unallocated():
        assert kind(**options).count_params() == count


def test_a_gpt_classifier_without_a_pad_id_reads_the_last_token_that_the_mask_shows():
    model = Gpt2(30, 1, 8, 2, heads={"sequence_classification": {"labels": 2}})
    short = np.array([[5, 6, 7]], "int32")
    padded = {
        "token_ids": np.array([[5, 6, 7, 0, 0]], "int32"),
        "padding_mask": np.array([[True, True, True, False, False]]),
    }
    scores = model(padded)["sequence_classification"]
    np.testing.assert_allclose(scores, model(short)["sequence_classification"], atol=1e-6)
