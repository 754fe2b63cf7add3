"""The files of a folder: ties under other names, promises of an index, kinds, torn saves."""

import json
import struct

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tftransformer.models import (
    T5,
    XLM,
    Albert,
    Bert,
    DebertaV2,
    DistilBert,
    Electra,
    Gpt,
    Gpt2,
    Roberta,
    T5Encoder,
)
from tftransformer.pretrained import (
    from_pretrained,
    load_pretrained,
    read_tokenizer,
    save,
    save_pretrained,
)
from tftransformer.pretrained.tokenizer_files import read_tokenizer_files

SIZES = {"vocab_size": 30, "num_layers": 1, "d_model": 8, "num_heads": 2}
IDS = np.array([[5, 6, 7, 1], [8, 9, 3, 7]], "int32")
PAIR = {"source_ids": IDS, "target_ids": IDS[:, :3]}
# Models whose folder keeps a table once, its name there, and another that it has in transformers.
TIED = [
    (Gpt2, {}, "transformer.wte.weight", "lm_head.weight"),
    (Gpt, {}, "transformer.tokens_embed.weight", "lm_head.weight"),
    (
        Roberta,
        {"dff": 12, "heads": ("masked_lm",)},
        "roberta.embeddings.word_embeddings.weight",
        "lm_head.decoder.weight",
    ),
    (Roberta, {"dff": 12, "heads": ("masked_lm",)}, "lm_head.bias", "lm_head.decoder.bias"),
    (
        DistilBert,
        {"dff": 12, "heads": ("masked_lm",)},
        "distilbert.embeddings.word_embeddings.weight",
        "vocab_projector.weight",
    ),
    (
        Electra,
        {"dff": 12, "embedding_width": 6, "heads": ("masked_lm",)},
        "electra.embeddings.word_embeddings.weight",
        "generator_lm_head.weight",
    ),
    (
        Albert,
        {"dff": 12, "embedding_width": 6, "heads": ("masked_lm",)},
        "albert.embeddings.word_embeddings.weight",
        "predictions.decoder.weight",
    ),
    (T5, {"dff": 12}, "shared.weight", "lm_head.weight"),
    (T5, {"dff": 12}, "shared.weight", "decoder.embed_tokens.weight"),
    (T5, {"dff": 12, "tied": False}, "shared.weight", "encoder.embed_tokens.weight"),
    (T5Encoder, {"dff": 12}, "shared.weight", "encoder.embed_tokens.weight"),
    (XLM, {}, "transformer.embeddings.weight", "pred_layer.proj.weight"),
]


@pytest.mark.parametrize("kind", [Bert, DebertaV2, Roberta])
def test_the_bias_of_a_head_with_its_own_table_stands_under_both_names(kind, tmp_path):
    model = kind(**SIZES, dff=12, tied=False, heads=("masked_lm",))
    model.heads["masked_lm"].output_projection.bias.assign(np.arange(30))
    save_pretrained(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    biases = [tensors[name] for name in tensors if tensors[name].shape == (30,)]
    assert [bias.tolist() for bias in biases] == [list(range(30))] * 2
    loaded = load_pretrained(tmp_path)
    assert loaded.missing == loaded.unexpected == []
    assert_same_outputs(loaded.model, model)


def inputs_of(model):
    return PAIR if isinstance(model, T5) else IDS


def assert_same_outputs(one, other):
    for name, output in one(inputs_of(one)).items():
        np.testing.assert_array_equal(output, other(inputs_of(one))[name], err_msg=name)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(("kind", "options", "kept", "other"), TIED)
@pytest.mark.parametrize("told", [True, False], ids=["told in the header", "not told"])
def test_a_tie_is_found_under_its_other_name(kind, options, kept, other, told, tmp_path):
    model = kind(**SIZES, **options)
    save_pretrained(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors[other] = tensors.pop(kept)
    metadata = {"format": "pt", **({kept: other} if told else {})}
    save_file(tensors, tmp_path / "model.safetensors", metadata=metadata)
    loaded = load_pretrained(tmp_path)
    assert loaded.missing == loaded.unexpected == []
    assert_same_outputs(model, loaded.model)


@pytest.mark.slow
def test_a_head_of_its_own_is_not_taken_for_a_missing_table(tmp_path):
    save_pretrained(T5(**SIZES, dff=12, tied=False), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["shared.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"1 weights are not in the file: shared\.weight"):
        load_pretrained(tmp_path)


@pytest.mark.slow
def test_a_tensor_that_the_header_says_is_another_is_found(tmp_path):
    """As `safetensors.torch.save_model` leaves out any tensor whose memory another one shares."""
    model = Gpt2(**{**SIZES, "num_layers": 2})
    one, other = (layer.feed_forward.inner.kernel for layer in model.stack.layers)
    other.assign(one)
    save_pretrained(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    names = [f"transformer.h.{n}.mlp.c_fc.weight" for n in (0, 1)]
    del tensors[names[1]]
    save_file(tensors, tmp_path / "model.safetensors", metadata={names[1]: names[0]})
    assert_same_outputs(model, from_pretrained(tmp_path))


def promise(folder, *names):
    """Lists further tensors in the index of a folder."""
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    home = next(iter(index["weight_map"].values()))
    index["weight_map"] |= dict.fromkeys(names, home)
    path.write_text(json.dumps(index))


@pytest.mark.slow
def test_an_index_may_list_ties_that_no_shard_holds(tmp_path):
    model = T5(**SIZES, dff=12, tied=False)
    save_pretrained(model, tmp_path, shard_bytes=2000)
    promise(tmp_path, "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    assert_same_outputs(model, from_pretrained(tmp_path))
    promise(tmp_path, "decoder.block.7.layer.0.SelfAttention.q.weight")
    with pytest.raises(ValueError, match=r"lacks decoder\.block\.7.*which the index promises"):
        from_pretrained(tmp_path)


def test_an_encoder_alone_may_be_said_to_be_of_both(tmp_path):
    """As the text encoders of image models are."""
    model = T5Encoder(**SIZES, dff=12)
    save_pretrained(model, tmp_path)
    path = tmp_path / "config.json"
    whole = {"is_encoder_decoder": True, "num_decoder_layers": 1, "decoder_start_token_id": 0}
    path.write_text(json.dumps({**json.loads(path.read_text()), **whole, "output_past": True}))
    loaded = load_pretrained(tmp_path)
    assert loaded.unread == []
    assert_same_outputs(model, loaded.model)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8"])
def test_numbers_of_8_bits_are_told_before_anything_is_allocated(kind, tmp_path, monkeypatch):
    save_pretrained(Gpt2(**SIZES), tmp_path)
    path = tmp_path / "model.safetensors"
    raw = path.read_bytes()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    header, data = json.loads(raw[8:start]), b""
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            part = raw[start + first : start + last]
            if name.endswith("c_proj.weight"):
                entry["dtype"], part = kind, part[::4]
            entry["data_offsets"] = [len(data), len(data) + len(part)]
            data += part
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    monkeypatch.setattr("tftransformer.pretrained.load.allocate", None)
    with pytest.raises(ValueError, match=f"2 tensors hold no floating point.*{kind}.*dequantise"):
        from_pretrained(tmp_path)


def test_a_folder_one_level_off_is_told_where_the_files_are(tmp_path):
    inner = tmp_path / "models" / "tiny"
    (inner / "onnx").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (inner / name).write_text("{}")
    for folder in (inner.parent, inner / "onnx"):
        for read in (from_pretrained, read_tokenizer_files):
            with pytest.raises(ValueError, match=f"but there is one in {inner}: give that folder"):
                read(folder)


def test_a_folder_that_is_not_there_is_said_to_be_none(tmp_path):
    with pytest.raises(ValueError, match="no folder bert-base-uncased, and nothing is downloaded"):
        from_pretrained("bert-base-uncased")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file, not a folder"):
        from_pretrained(tmp_path / "file")


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("written", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("shard_bytes", [3000, 10**6], ids=["shards", "one file"])
def test_an_interrupted_save_leaves_the_older_folder_whole(
    written, shard_bytes, tmp_path, monkeypatch
):
    """Interrupted after each of the files in turn, whatever the older folder consists of."""
    keras.utils.set_random_seed(1)
    save_pretrained(Gpt2(**{**SIZES, "num_layers": 2}), tmp_path / "model", shard_bytes=3000)
    before = content(tmp_path / "model")
    count = 0

    def interrupted(write):
        def call(*arguments):
            nonlocal count
            count += 1
            if count == written:
                raise KeyboardInterrupt
            write(*arguments)

        return call

    for name in ("write_tensors", "write_json"):
        monkeypatch.setattr(save, name, interrupted(getattr(save, name)))
    try:
        save_pretrained(Gpt2(**SIZES), tmp_path / "model", shard_bytes=shard_bytes)
    except KeyboardInterrupt:
        assert content(tmp_path / "model") == before
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
    else:
        assert count < written


@pytest.mark.slow
def test_a_save_takes_away_the_weights_of_the_older_model_and_nothing_else(tmp_path):
    save_pretrained(Gpt2(**SIZES), tmp_path, shard_bytes=3000)
    (tmp_path / "tokenizer.json").write_text("{}")
    model = Gpt2(**SIZES)
    save_pretrained(model, tmp_path)
    assert set(content(tmp_path)) == {"config.json", "model.safetensors", "tokenizer.json"}
    assert_same_outputs(model, from_pretrained(tmp_path))
    save_pretrained(model, tmp_path, shard_bytes=3000)
    assert not (tmp_path / "model.safetensors").exists()
    assert_same_outputs(model, from_pretrained(tmp_path))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", [Gpt, Gpt2])
def test_ids_hide_nothing_where_the_pad_id_is_the_end_id(kind, tmp_path):
    model = kind(**SIZES)
    save_pretrained(model, tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "pad_token_id": 29, "eos_token_id": 29}))
    ids = np.array([[29, 5, 6, 29, 7, 8]], "int32")  # two texts, the end token between them
    loaded = from_pretrained(tmp_path)
    np.testing.assert_array_equal(loaded(ids)["lm"], model(ids)["lm"])
    save_pretrained(loaded, tmp_path / "again")
    assert json.loads((tmp_path / "again" / "config.json").read_text())["eos_token_id"] == 29
    # Other pad ids are hidden: the text behind one is read as if it were not there.
    path.write_text(json.dumps({**config, "pad_token_id": 29, "eos_token_id": 28}))
    assert np.abs(from_pretrained(tmp_path)(ids)["lm"] - model(ids)["lm"]).max() > 1e-6


@pytest.mark.parametrize("file", ["tokenizer_config.json", "special_tokens_map.json"])
def test_the_unknown_piece_of_a_vocab_txt_is_spelt_as_any_file_says(file, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "?", "[CLS]", "[SEP]", "[MASK]", "a"]))
    (tmp_path / file).write_text('{"unk_token": "?"}')
    assert read_tokenizer(tmp_path).tokenizer.encode(["a ☃"]).ids.tolist() == [[5, 1]]
