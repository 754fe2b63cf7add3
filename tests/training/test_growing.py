"""What a larger model keeps of a smaller one: what it computes for all that it knew."""

import json

import keras
import numpy as np
import pytest

import tftransformer as tt
from tftransformer.training import recipes

SIZES = {"num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 16}
IDS = np.random.default_rng(0).integers(6, 20, (3, 7)).astype("int32")
ADAPTIVE = {"memory_length": 4, "cutoffs": (8,), "d_embed": 8}
FAMILIES = {
    "Gpt2": {"num_positions": 12},
    "Bert": {"num_positions": 12, "heads": ["masked_lm"]},
    "untied": {"family": "Gpt2", "num_positions": 12, "tied": False},
    "Roberta": {"num_positions": 12, "heads": ["masked_lm"]},
    "ModernBert": {},
    "Deberta": {"max_distance": 4},
    "DebertaV2": {"buckets": 4, "num_positions": 9},
    "DistilBert": {"num_positions": 12, "heads": ["masked_lm"]},
    "Electra": {"num_positions": 12, "embedding_width": 6, "heads": ["masked_lm"]},
    "Albert": {"num_positions": 12, "embedding_width": 6, "heads": ["masked_lm"]},
    "XLNet": {},
    "Llama": {},
    "Gemma2": {"windows": [2, None]},
    "XLM": {"num_positions": 12},
    "TransformerXL": ADAPTIVE,
    "T5": {},
    "Bart": {"num_positions": 12},
    "MBart": {"num_positions": 12},
}


def make(name):
    keras.utils.set_random_seed(0)
    options = dict(FAMILIES[name])
    family = options.pop("family", name)
    return getattr(tt, family)(vocab_size=20, **SIZES, **options)


def inputs_of(model):
    if isinstance(model, tt.EncoderDecoder):
        return {"source_ids": IDS, "target_ids": IDS}
    return IDS


def outputs(model):
    found = model(inputs_of(model))
    found.pop("memory", None)
    return {name: np.asarray(x) for name, x in found.items() if hasattr(x, "shape")}


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("name", FAMILIES)
def test_what_was_known_is_computed_as_before(name):
    model = make(name)
    for variable in model.trainable_variables:  # zeros and ones would hide a mistake
        variable.assign_add(np.random.default_rng(1).normal(0, 0.1, variable.shape))
    sizes = {"vocab_size": 27}
    if "num_positions" in FAMILIES[name]:
        sizes["num_positions"] = 19
    grown = recipes.grow(model, **sizes)
    assert len(grown.changes) >= len(sizes)
    before, after = outputs(model), outputs(grown.model)
    assert before.keys() == after.keys()
    for key, value in before.items():
        same = after[key][..., : value.shape[-1]]
        if name == "TransformerXL" and key == "lm":  # log-probabilities among more tokens
            value, same = value[..., :8], same[..., :8]
            assert not np.allclose(np.exp(after[key]).sum(-1), np.exp(after[key][..., :20]).sum(-1))
        np.testing.assert_allclose(same, value, atol=1e-5)
    assert any(value.shape[-1] == 27 for value in after.values())


def test_new_tokens_are_the_mean_of_known_ones_and_new_positions_are_drawn():
    model = make("Bert")
    grown = recipes.grow(model, "mean", vocab_size=22, num_positions=14).model
    table = np.asarray(model.stack.embeddings.table.embeddings)
    new = np.asarray(grown.stack.embeddings.table.embeddings)
    np.testing.assert_allclose(new[20:], np.tile(table.mean(0), (2, 1)), atol=1e-6)
    positions = np.asarray(grown.stack.embeddings.position.table.embeddings)
    assert np.abs(positions[12] - positions[13]).max() > 1e-4


@pytest.mark.slow
def test_a_grown_model_reads_new_tokens_and_positions_and_is_saved(tmp_path):
    grown = recipes.grow(make("Gpt2"), vocab_size=30, num_positions=24).model
    ids = np.arange(24, dtype="int32")[None] + 6
    before = np.asarray(grown(ids)["lm"])
    assert before.shape == (1, 24, 30)
    grown.save(tmp_path / "grown.keras")
    loaded = keras.saving.load_model(tmp_path / "grown.keras")
    np.testing.assert_array_equal(np.asarray(loaded(ids)["lm"]), before)


@pytest.mark.slow
def test_what_the_folder_of_a_model_said_besides_is_said_of_the_larger_one(tmp_path):
    model = tt.XLNet(20, 1, 16, 2, 32, memory_length=4)
    tt.save_pretrained(model, tmp_path / "first", config={"bos_token_id": 3})
    model = tt.from_pretrained(tmp_path / "first")
    for copy, changed in (
        (recipes.grow(model, vocab_size=25).model, "vocab_size"),
        (model.with_memory(9), "mem_len"),
    ):
        tt.save_pretrained(copy, tmp_path / "second")
        before, after = (
            json.loads((tmp_path / folder / "config.json").read_text("utf-8"))
            for folder in ("first", "second")
        )
        assert after["bos_token_id"] == 3
        assert {name for name in before if before[name] != after[name]} == {changed}


def test_only_the_named_vocabulary_of_a_translator_grows():
    model = tt.Transformer(1, 8, 2, 16, source_vocab_size=20, target_vocab_size=30)
    grown = recipes.grow(model, target_vocab_size=33)
    assert all(" 30 rows kept, 3 new" in change for change in grown.changes)
    given = {"source_ids": IDS, "target_ids": IDS}
    found = np.asarray(grown.model(given))
    np.testing.assert_allclose(found[..., :30], np.asarray(model(given)), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("Gpt2", {"vocab_size": 19}, "less than the model's 20"),
        ("Gpt2", {"d_model": 16}, "cannot grow in"),
        ("Gpt2", {}, "cannot grow"),
        ("T5", {"num_positions": 99}, "cannot grow in"),
    ],
)
def test_what_cannot_be_is_refused(name, sizes, message):
    with pytest.raises(ValueError, match=message):
        recipes.grow(make(name), **sizes)


@pytest.mark.slow
def test_a_head_with_a_vocabulary_of_its_own_and_lora_are_refused():
    head = {"lm": tt.LanguageModelHead(20)}
    model = tt.Gpt2(20, **SIZES, num_positions=12, heads=head)
    with pytest.raises(ValueError, match="does not grow with it"):
        recipes.grow(model, vocab_size=25)
    model = make("Gpt2")
    recipes.add_lora(model, 2)
    with pytest.raises(ValueError, match="merge_lora"):
        recipes.grow(model, vocab_size=25)
