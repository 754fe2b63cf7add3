"""Folders as Hugging Face writes them: there and back, in shards, old, strange and hostile."""

import json

import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file, save_file

from tftransformer.core import allocate, unallocated
from tftransformer.masks import CausalMask, PaddingMask, SlidingWindowMask
from tftransformer.models import Albert, Bert, ModernBert, Roberta
from tftransformer.pretrained import from_pretrained, load_pretrained, save_pretrained

SIZES = {"vocab_size": 30, "num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 12}
SIZES |= {"num_positions": 16}
IDS = np.array([[5, 6, 7, 0], [8, 9, 10, 11]], "int32")
HEADS = {
    "Bert": [
        ["pooled"],
        ["pooled", "masked_lm", "next_sentence"],
        {"sequence_classification": {"labels": ["bad", "good", "odd"]}, "pooled": {}},
        {"token_classification": {"labels": 5}},
        ["span"],
        ["pooled", "multiple_choice"],
    ],
    "Roberta": [["pooled"], ["masked_lm"], {"sequence_classification": {"labels": 3}}],
}
MODELS = [
    pytest.param(kind, heads, id=f"{kind.__name__}-{'-'.join(heads)}")
    for kind in (Bert, Roberta)
    for heads in HEADS[kind.__name__]
]


def make(kind=Bert, **options):
    model = kind(**{**SIZES, "heads": ["pooled", "masked_lm", "next_sentence"], **options})
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    return model


@pytest.fixture
def folder(tmp_path):
    save_pretrained(make(), tmp_path / "saved")
    return tmp_path / "saved"


def edit(folder, **entries):
    """Changes entries of config.json; None takes one out."""
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **entries}
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def rewrite(folder, change):
    """Changes the dict of tensors."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def assert_same(first, second):
    assert len(first.weights) == len(second.weights)
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    for name, output in first(IDS).items():
        np.testing.assert_array_equal(output, second(IDS)[name], err_msg=name)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(("kind", "heads"), MODELS)
def test_round_trip_is_equal_to_the_bit(kind, heads, tmp_path):
    model = make(kind, heads=heads, dropout=0.3, activation="gelu_tanh", epsilon=1e-7)
    save_pretrained(model, tmp_path)
    loaded = load_pretrained(tmp_path)
    assert loaded.missing == loaded.unexpected == []
    assert set(loaded.model.heads) == set(heads)
    assert_same(loaded.model, model)
    save_pretrained(loaded.model, tmp_path / "again")
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_layers_that_are_shared_may_be_more_than_the_tensors(tmp_path):
    model = Albert(**SIZES | {"num_layers": 30}, embedding_width=6, heads=())
    save_pretrained(model, tmp_path)
    assert len(load_file(tmp_path / "model.safetensors")) < 30
    assert_same(from_pretrained(tmp_path), model)


def test_label_names_and_further_entries_come_along(tmp_path):
    names = ["bad", "good"]
    save_pretrained(
        make(heads={"token_classification": {"labels": names}}),
        tmp_path,
        config={"eos_token_id": 7},
    )
    model = from_pretrained(tmp_path)
    assert model.heads["token_classification"].labels == names
    save_pretrained(model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["eos_token_id"] == 7


@pytest.mark.slow
def test_tied_weights_are_written_once(folder):
    names = load_file(folder / "model.safetensors")
    assert not [name for name in names if "decoder" in name]
    assert sum(tensor.size for tensor in names.values()) == make().count_params()


@pytest.mark.slow
def test_untied_weights_round_trip(tmp_path):
    model = make(heads=["masked_lm"], tied=False)
    save_pretrained(model, tmp_path)
    assert_same(from_pretrained(tmp_path), model)


def test_causal_model_round_trips_by_its_mask(tmp_path):
    mask = CausalMask() & PaddingMask()
    save_pretrained(make(heads=["lm"], mask=mask), tmp_path)
    assert from_pretrained(tmp_path).stack.mask == mask


@pytest.mark.slow
def test_shards_hold_the_same(tmp_path):
    model = make()
    save_pretrained(model, tmp_path, shard_bytes=2000)
    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 2
    assert_same(from_pretrained(tmp_path), model)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*have no place")
def test_a_body_alone_serves_new_heads(folder):
    with pytest.warns(UserWarning, match="2 weights are not in the file"):
        model = from_pretrained(folder, heads={"token_classification": {"labels": 3}})
    assert model(IDS)["token_classification"].shape == (2, 4, 3)
    np.testing.assert_array_equal(model(IDS)["hidden"], make()(IDS)["hidden"])


def test_heads_beside_the_architecture_are_found(folder):
    """As in bert-base-uncased, which says BertForMaskedLM and holds all of pretraining."""
    edit(folder, architectures=["BertForMaskedLM"])
    assert set(load_pretrained(folder).model.heads) == {"pooled", "masked_lm", "next_sentence"}


def test_a_head_that_the_file_lacks_is_left_out(folder):
    rewrite(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if "pooler" in n])
    with pytest.raises(ValueError, match=r"2 weights are not in the file.*pooler"):
        from_pretrained(folder)  # the next sentence needs it
    edit(folder, architectures=["BertModel"])
    rewrite(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if "seq_rel" in n])
    loaded = load_pretrained(folder)
    assert "pooled" not in loaded.model.heads
    assert loaded.missing == ["bert.pooler.dense.bias", "bert.pooler.dense.weight"]


@pytest.mark.slow
def test_where_no_architecture_is_named_the_head_counts_that_is_wanted(tmp_path):
    """As in folders of 2019; the tensors could be of any of three heads."""
    model = make(heads={"sequence_classification": {"labels": 3}, "pooled": {}})
    save_pretrained(model, tmp_path)
    edit(tmp_path, architectures=None, tftransformer_heads=None)
    assert "sequence_classification" not in load_pretrained(tmp_path).model.heads
    assert_same(load_pretrained(tmp_path, wanted="sequence_classification").model, model)


def spelt_of_old(tensors):
    """Norms as in files that came from TensorFlow."""
    for name in list(tensors):
        if "LayerNorm" in name:
            new = name.replace(".weight", ".gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            tensors[new] = tensors.pop(name)


@pytest.mark.slow
def test_old_spellings_and_tied_copies_are_understood(folder):
    def old(tensors):
        spelt_of_old(tensors)
        word = tensors["bert.embeddings.word_embeddings.weight"]
        tensors["cls.predictions.decoder.weight"] = word.copy()
        tensors["bert.embeddings.position_ids"] = np.arange(16)[None]

    rewrite(folder, old)
    loaded = load_pretrained(folder)
    assert loaded.unexpected == []
    assert_same(loaded.model, make())


@pytest.mark.slow
def test_old_spellings_of_norms_are_understood_of_roberta_too(tmp_path):
    model = make(Roberta, heads=["span"])
    save_pretrained(model, tmp_path)
    rewrite(tmp_path, spelt_of_old)
    assert_same(from_pretrained(tmp_path), model)


def test_copies_that_differ_are_refused(folder):
    def untie(tensors):
        tensors["cls.predictions.decoder.weight"] = np.zeros((30, 8), "float32")

    rewrite(folder, untie)
    with pytest.raises(ValueError, match="differs from"):
        from_pretrained(folder)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_load_as_float32(folder, dtype):
    import ml_dtypes  # noqa: F401  (numpy learns bfloat16)

    def narrow(tensors):
        for name, tensor in tensors.items():
            tensors[name] = tensor.astype(dtype)

    rewrite(folder, narrow)
    model = from_pretrained(folder)
    assert all(weight.dtype == "float32" for weight in model.weights)
    np.testing.assert_allclose(model(IDS)["hidden"], make()(IDS)["hidden"], atol=0.3)


@pytest.mark.slow
def test_arguments_of_the_caller_win(folder):
    model = from_pretrained(folder, dtype="mixed_bfloat16", dropout=0.5)
    assert model.compute_dtype == "bfloat16"
    assert model.stack.layers[0].dropout == 0.5
    assert "bfloat16" in str(model(IDS)["hidden"].dtype)


def test_unexpected_tensors_are_named(folder):
    rewrite(folder, lambda tensors: tensors.update(strange=np.zeros(3, "float32")))
    with pytest.warns(UserWarning, match="1 tensors of the file have no place.*strange"):
        from_pretrained(folder)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_loaded_model_trains_and_keeps_as_keras_file(folder, tmp_path):
    model = from_pretrained(folder)
    head = model.only("masked_lm")
    head.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    head.fit(IDS, IDS, verbose=0)
    model.save(tmp_path / "model.keras")
    assert_same(keras.saving.load_model(tmp_path / "model.keras"), model)


# What may be wrong with a folder, how it comes about, and what the error says.
def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def pickle_only(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def index(weight_map):
    def write(folder):
        (folder / "model.safetensors").rename(folder / "model-1.safetensors")
        text = json.dumps({"weight_map": weight_map})
        (folder / "model.safetensors.index.json").write_text(text)

    return write


def missing_layer(folder):
    rewrite(folder, lambda t: [t.pop(n) for n in list(t) if "layer.1." in n])


def reshaped(folder):
    rewrite(folder, lambda t: t.update({"cls.predictions.bias": np.zeros(7, "float32")}))


def whole_numbers(folder):
    rewrite(folder, lambda t: t.update({"cls.predictions.bias": np.zeros(30, "int32")}))


def wrong_labels(folder):
    edit(folder, architectures=["BertForTokenClassification"], id2label={"x": "y"})
    rewrite(folder, lambda t: t.update({"classifier.weight": np.zeros((1, 8), "float32")}))


HOSTILE = {
    "no folder": (lambda f: (f / "config.json").unlink(), "no config.json"),
    "config is a list": (lambda f: (f / "config.json").write_text("[]"), "not an object"),
    "config is no JSON": (lambda f: (f / "config.json").write_text('{"a'), "not valid JSON"),
    "config nests": (lambda f: (f / "config.json").write_text("[" * 10**6), "not valid JSON"),
    "unknown type": (lambda f: edit(f, model_type="resnet"), "model_type='resnet'"),
    "no type": (lambda f: edit(f, model_type=None), "model_type=None"),
    "absurd width": (lambda f: edit(f, hidden_size=2**40), "do not fit"),
    "absurd vocabulary": (lambda f: edit(f, vocab_size=2**45), "do not fit"),
    "absurd depth": (lambda f: edit(f, num_hidden_layers=10**9), "num_layers"),
    "negative": (lambda f: edit(f, vocab_size=-5), "describes no model"),
    "text for an id or none": (lambda f: edit(f, pad_token_id="x"), "pad_id='x' is no int"),
    "architectures": (lambda f: edit(f, architectures=[[1]]), "not a list of strings"),
    "no heads": (lambda f: edit(f, num_attention_heads=0), "describes no model"),
    "heads do not divide": (lambda f: edit(f, num_attention_heads=3), "does not divide"),
    "text for a number": (lambda f: edit(f, hidden_size="8"), "describes no model"),
    "list for a number": (lambda f: edit(f, num_hidden_layers=[1, 1]), "describes no model"),
    "unknown activation": (lambda f: edit(f, hidden_act="__import__"), "hidden_act"),
    "unsupported": (
        lambda f: edit(f, position_embedding_type="relative_key"),
        "position_embedding_type",
    ),
    "wrong labels": (wrong_labels, "describes no model"),
    "negative heads": (lambda f: edit(f, num_attention_heads=-2), "num_heads=-2"),
    "truth for a number": (lambda f: edit(f, hidden_size=True), "describes no model"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "holds neither"),
    "pickle": (pickle_only, "pytorch_model.bin is not read.*save_pretrained"),
    "truncated": (truncate, "not a whole safetensors file"),
    "no safetensors": (
        lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64),
        "not a whole safetensors file",
    ),
    "empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "not a whole safetensors"),
    "missing layer": (missing_layer, "16 weights are not in the file"),
    "wrong shape": (reshaped, r"cls.predictions.bias is \(7,\), not \(30,\)"),
    "whole numbers": (whole_numbers, "cls.predictions.bias holds I32"),
    "path upwards": (index({"a": "../model-1.safetensors"}), "a shard is a safetensors file"),
    "absolute path": (index({"a": "/etc/passwd"}), "a shard is a safetensors file"),
    "path as a list": (index({"a": ["model-1.safetensors"]}), "a shard is a safetensors file"),
    "shard of pickles": (index({"a": "model-1.bin"}), "a shard is a safetensors file"),
    "missing shard": (index({"a": "model-2.safetensors"}), "not in the folder"),
    "broken promise": (index({"a": "model-1.safetensors"}), "lacks"),
    "empty index": (index({}), "no weight_map"),
    "index is a list": (index([]), "no weight_map"),
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("wrong", HOSTILE)
def test_what_is_wrong_is_said(folder, wrong):
    spoil, message = HOSTILE[wrong]
    spoil(folder)
    with pytest.raises(ValueError, match=message) as error:
        from_pretrained(folder)
    assert str(folder) in str(error.value) or "weights" in message or "holds int32" in message


def test_what_the_format_cannot_say_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no name for the mask SlidingWindowMask"):
        save_pretrained(make(mask=SlidingWindowMask(2)), tmp_path / "a")
    with pytest.raises(ValueError, match="no names for"):
        save_pretrained(make(heads={"mine": keras.layers.Dense(3)}), tmp_path / "b")
    with pytest.raises(ValueError, match="no such format"):
        save_pretrained(keras.Sequential([keras.layers.Dense(2)]), tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_unallocated_models_cost_nothing_and_come_to_life():
    with unallocated() as variables:
        layer = keras.layers.Dense(10**6)
        layer.build((None, 10**6))
    assert layer.count_params() == 10**12 + 10**6
    assert len(variables) == 2
    with unallocated() as variables:
        layer = keras.layers.Dense(2)
        layer.build((None, 3))
    for variable in variables:
        allocate(variable, np.ones(variable.shape, "float32"))
    np.testing.assert_array_equal(layer(np.ones((1, 3))), [[4, 4]])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("kind", "options", "number"),
    [
        (Bert, {}, 109_482_240),
        (Bert, {"num_layers": 24, "d_model": 1024, "num_heads": 16, "dff": 4096}, 335_141_888),
        (Bert, {"heads": ["masked_lm"]}, 109_514_298),
        (ModernBert, {"heads": ()}, 149_014_272),
        (ModernBert, {}, 149_655_232),
        (Roberta, {}, 124_645_632),
        (Roberta, {"heads": ["masked_lm"]}, 124_697_433),
    ],
)
def test_published_numbers_of_parameters(kind, options, number):
    with unallocated():
        assert kind(**options).count_params() == number


def test_model_after_unallocated_ones_is_whole():
    """What was made without memory leaves nothing behind."""
    with unallocated():
        Bert(**SIZES)
    with keras.StatelessScope():
        pass
    assert np.all(np.isfinite(ops.convert_to_numpy(Bert(**SIZES)(IDS)["hidden"])))
