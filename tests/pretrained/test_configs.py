"""Configs as they lie on the hub: what each entry means, and which are refused."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from real_encoders import ENCODERS
from real_pairs import PAIRS
from real_stacks import STACKS

from tftransformer.core import unallocated
from tftransformer.pretrained import from_pretrained, load_pretrained, save_pretrained
from tftransformer.pretrained.families import FAMILIES
from tftransformer.pretrained.load import family_of

CONFIGS = {**ENCODERS, **STACKS, **PAIRS}


# Entries that a copy has not or may spell otherwise: of the file itself, of heads not there.
NOT_KEPT = {
    "_name_or_path",
    "activation_function",
    "id2label",
    "label2id",
    "pos_att_type",
    "transformers_version",
}


def built(config, **arguments):
    """The model of a config, with the heads of its class."""
    family = family_of(config, Path("folder"))
    whole = family.whole(config)
    given = {**family.arguments(whole), **arguments}
    if any(family.architectures.values()):
        heads = family.asked_heads(config)
        given.setdefault("heads", {head: family.head_arguments(head, whole) for head in heads})
    return family.model(**given)


def small(name, **entries):
    """The config of a published model with other sizes, and with other entries."""
    config, sizes, _ = CONFIGS[name]
    return {**config, **sizes, **entries}


def folder_of(config, folder, **arguments):
    """Writes a folder that holds a config just as it is given, and weights."""
    model = built(config, **arguments)
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    save_pretrained(model, folder)
    (folder / "config.json").write_text(json.dumps(config))
    return model


def assert_same_weights(one, other):
    assert len(one.weights) == len(other.weights)
    for first, second in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(first, second, err_msg=first.path)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", [name for name in CONFIGS if CONFIGS[name][2]])
def test_published_configs_make_models_of_the_published_sizes(name):
    config, _, number = CONFIGS[name]
    with unallocated():
        assert built(config).count_params() == number


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", CONFIGS)
def test_published_configs_load_without_a_warning(name, tmp_path):
    model = folder_of(small(name), tmp_path / "one")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = from_pretrained(tmp_path / "one")
    assert_same_weights(loaded, model)
    save_pretrained(loaded, tmp_path / "two")
    written = json.loads((tmp_path / "two" / "config.json").read_text())
    for entry, value in small(name).items():  # nothing is lost or changed on the way
        if entry not in NOT_KEPT:
            assert written[entry] == value, entry


@pytest.mark.parametrize("name", CONFIGS)
def test_what_a_config_lacks_is_what_transformers_assumes(name):
    """Each entry that equals the default can go, whatever our constructors assume."""
    config = small(name)
    family = family_of(config, Path("folder"))
    bare = {k: v for k, v in config.items() if family.defaults.get(k, config) != v}
    assert len(bare) < len(config)
    assert family.whole(bare) == family.whole(config)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.model.__name__)
def test_defaults_name_every_entry_that_an_argument_comes_from(family):
    entries = {field.theirs for field in family.fields} - {"id2label", "label2id"}
    assert entries <= family.defaults.keys()


SYNONYMS = [
    (name, synonym)
    for name in (
        "distilbert-base-uncased",
        "gpt2",
        "openai-gpt",
        "t5-small",
        "transfo-xl-wt103",
        "xlnet-base-cased",
    )
    for synonym in family_of(CONFIGS[name][0], Path("folder")).synonyms
]


@pytest.mark.parametrize(("name", "synonym"), SYNONYMS)
def test_an_entry_by_its_other_name_is_the_same_entry(name, synonym):
    config = small(name)
    family = family_of(config, Path("folder"))
    first = family.synonyms[synonym]
    other = {synonym if key == first else key: value for key, value in config.items()}
    assert family.whole(other) == family.whole(config)
    assert family.unread(other) == []
    with pytest.raises(ValueError, match=f"{synonym}=.* and {first}=.* are one entry"):
        family.whole({**config, synonym: config[first] + 1})


LINEAR = {"full_attention": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}}
REFUSED = [
    ("bert-base-uncased", {"quantization_config": {"load_in_8bit": True}}, "dequantise"),
    ("bert-base-uncased", {"pruned_heads": {"0": [1]}}, "pruned_heads"),
    ("bert-base-uncased", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ("bert-base-uncased", {"add_cross_attention": True}, "add_cross_attention"),
    ("albert-base-v2", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
    ("electra-small-discriminator", {"add_cross_attention": True}, "add_cross_attention"),
    ("mbart-large-en-ro", {"normalize_before": False}, "normalize_before"),
    ("gpt2", {"is_encoder_decoder": True}, "is_encoder_decoder"),
    ("flan-t5-xl", {"dense_act_fn": "relu"}, "dense_act_fn='relu'.*make it 'gelu_new'"),
    ("flan-t5-xl", {"is_gated_act": False}, "is_gated_act=False"),
    ("xlnet-base-cased", {"d_head": 3}, "d_head=3"),
    ("xlnet-base-cased", {"untie_r": False}, "untie_r"),
    ("transfo-xl-wt103", {"adaptive": False}, "adaptive"),
    ("opus-mt-en-de", {"encoder_layerdrop": 0.1}, "encoder_layerdrop=0.1"),
    ("opus-mt-en-de", {"decoder_layerdrop": 0.1}, "decoder_layerdrop=0.1"),
    ("opus-mt-en-de", {"decoder_vocab_size": 50}, "decoder_vocab_size=50"),
    ("opus-mt-en-de", {"normalize_before": True}, "normalize_before"),
    ("xlm-mlm-en-2048", {"asm": True}, "asm"),
    ("deberta-v3-base", {"embedding_size": 4}, "embedding_size=4, where .* make it 8"),
    ("deberta-v3-base", {"attention_head_size": 3}, "attention_head_size=3"),
    ("deberta-v2-xlarge", {"conv_groups": 2}, "conv_groups=2; only 1 is supported"),
    ("deberta-v2-xlarge", {"conv_kernel_size": 4}, "conv_kernel_size=4 has no middle"),
    ("deberta-v3-base", {"pos_att_type": ["p2p"]}, "terms are some of"),
    ("deberta-base", {"talking_head": True}, "talking_head=True"),
    ("ModernBERT-base", {"rope_scaling": {"rope_type": "linear"}}, "rope_scaling"),
    ("ModernBERT-base", {"rope_parameters": LINEAR}, "only .* with the rope_type .default."),
    ("ModernBERT-base", {"layer_types": ["full_attention"]}, "layer_types.* of 4 layers"),
    ("ModernBERT-base", {"classifier_pooling": "max"}, "classifier_pooling is 'max'"),
]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(("name", "entries", "message"), REFUSED)
def test_an_entry_that_would_make_another_model_is_refused_by_name(
    name, entries, message, tmp_path
):
    folder_of(small(name), tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(small(name, **entries)))
    with pytest.raises(ValueError, match=message):
        load_pretrained(tmp_path)


@pytest.mark.slow
def test_an_unknown_entry_is_told(tmp_path):
    folder_of(small("gpt2"), tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(small("gpt2", resid_prdop=0.0)))
    with pytest.warns(UserWarning, match="1 entries of config.json are not known.*resid_prdop"):
        from_pretrained(tmp_path)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("name", "architecture", "entries"),
    [
        ("gpt2", "GPT2DoubleHeadsModel", {"summary_type": "last"}),
        ("openai-gpt", "OpenAIGPTDoubleHeadsModel", {"summary_activation": "tanh"}),
        (
            "electra-small-discriminator",
            "ElectraForMultipleChoice",
            {"summary_activation": "tanh"},
        ),
        ("xlnet-base-cased", "XLNetForSequenceClassification", {"summary_type": "first"}),
        ("xlm-mlm-en-2048", "XLMForSequenceClassification", {"summary_use_proj": False}),
    ],
)
def test_how_a_head_reads_matters_only_where_the_head_is(name, architecture, entries, tmp_path):
    model = folder_of(small(name, **entries), tmp_path)
    assert_same_weights(load_pretrained(tmp_path).model, model)
    folder_of(small(name, architectures=[architecture]), tmp_path)
    (tmp_path / "config.json").write_text(
        json.dumps(small(name, architectures=[architecture], **entries))
    )
    with pytest.raises(ValueError, match=next(iter(entries))):
        load_pretrained(tmp_path)


def rates(layer):
    """The dropout rates of a layer and all inside it."""
    return {part.rate for part in layer._flatten_layers() if hasattr(part, "rate")}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("name", "architecture", "head", "entry"),
    [
        ("albert-base-v2", "AlbertForTokenClassification", None, "classifier_dropout_prob"),
        (
            "albert-base-v2",
            "AlbertForMultipleChoice",
            "multiple_choice",
            "classifier_dropout_prob",
        ),
        ("bert-base-uncased", "BertForSequenceClassification", None, "classifier_dropout"),
        ("bert-base-uncased", "BertForTokenClassification", None, "classifier_dropout"),
        ("bert-base-uncased", "BertForMultipleChoice", "multiple_choice", "classifier_dropout"),
        ("roberta-base", "RobertaForSequenceClassification", None, "classifier_dropout"),
        ("roberta-base", "RobertaForTokenClassification", None, "classifier_dropout"),
        ("ModernBERT-base", "ModernBertForQuestionAnswering", None, "classifier_dropout"),
        (
            "distilbert-base-uncased",
            "DistilBertForSequenceClassification",
            None,
            "seq_classif_dropout",
        ),
        ("distilbert-base-uncased", "DistilBertForMultipleChoice", None, "seq_classif_dropout"),
        ("distilbert-base-uncased", "DistilBertForQuestionAnswering", None, "qa_dropout"),
        (
            "electra-small-discriminator",
            "ElectraForSequenceClassification",
            None,
            "classifier_dropout",
        ),
        (
            "electra-small-discriminator",
            "ElectraForMultipleChoice",
            None,
            "summary_last_dropout",
        ),
        ("gpt2", "GPT2ForTokenClassification", None, "classifier_dropout"),
        ("gpt2", "GPT2DoubleHeadsModel", "multiple_choice", "summary_first_dropout"),
        ("openai-gpt", "OpenAIGPTDoubleHeadsModel", "multiple_choice", "summary_first_dropout"),
        ("xlnet-base-cased", "XLNetForSequenceClassification", None, "summary_last_dropout"),
        ("xlm-mlm-en-2048", "XLMForSequenceClassification", None, "summary_first_dropout"),
    ],
)
def test_the_dropout_of_a_head_is_honoured_and_written_again(
    name, architecture, head, entry, tmp_path
):
    config = small(name, architectures=[architecture], **{entry: 0.7})
    folder_of(config, tmp_path)
    model = from_pretrained(tmp_path)
    (head,) = [head] if head else model.heads.keys() - {"pooled"}
    assert 0.7 in rates(model.heads[head])
    assert 0.7 not in rates(model.stack)
    save_pretrained(model, tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written[entry] == 0.7
    assert written["architectures"] == [architecture]


@pytest.mark.parametrize("name", ["gpt2", "openai-gpt"])
def test_embeddings_have_a_dropout_of_their_own(name, tmp_path):
    folder_of(small(name, embd_pdrop=0.0, resid_pdrop=0.3), tmp_path)
    model = from_pretrained(tmp_path)
    assert rates(model.stack.embeddings) == {0.0}
    assert 0.3 in rates(model.stack.layers[0])
    save_pretrained(model, tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert (written["embd_pdrop"], written["resid_pdrop"]) == (0.0, 0.3)


def test_two_rates_for_one_entry_are_refused(tmp_path):
    model = built(small("xlnet-base-cased"), dropout=0.1, attention_dropout=0.3)
    with pytest.raises(ValueError, match="one entry, dropout"):
        save_pretrained(model, tmp_path / "saved")


@pytest.mark.slow
def test_labels_are_never_shifted(tmp_path):
    names = {"1": "good", "0": "bad"}
    config = small("bert-base-uncased", architectures=["BertForTokenClassification"])
    folder_of({**config, "id2label": names}, tmp_path)
    assert from_pretrained(tmp_path).heads["token_classification"].labels == ["bad", "good"]
    gap = {"0": "bad", "2": "good"}
    (tmp_path / "config.json").write_text(json.dumps({**config, "id2label": gap}))
    with pytest.raises(ValueError, match=r"names 'good', the label 2, and the head .* 2 outputs"):
        from_pretrained(tmp_path)
    # As many as the head has outputs; those without a name are called as transformers does.
    folder_of({**config, "id2label": names | {"2": "odd"}}, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "id2label": gap}))
    found = from_pretrained(tmp_path).heads["token_classification"].labels
    assert found == ["bad", "LABEL_1", "good"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = from_pretrained(tmp_path).heads["token_classification"].labels
    assert found == ["LABEL_0", "LABEL_1", "LABEL_2"]


def test_further_entries_may_not_contradict_the_model(tmp_path):
    model = built(small("gpt2"))
    with pytest.raises(ValueError, match="config has n_layer=5, and the model 2"):
        save_pretrained(model, tmp_path / "saved", config={"n_layer": 5})
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize(
    ("tie", "scale", "tied"),
    [(True, None, True), (False, None, False), (True, True, True), (True, False, False)],
)
def test_transformers_5_calls_a_head_of_its_own_tied_that_does_not_scale(
    tie, scale, tied, tmp_path
):
    entries = {"tie_word_embeddings": tie}
    entries |= {} if scale is None else {"scale_decoder_outputs": scale}
    config = small("flan-t5-xl", **entries)
    model = folder_of(config, tmp_path / "one")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = from_pretrained(tmp_path / "one")
    assert loaded.tied is tied
    assert_same_weights(loaded, model)
    save_pretrained(loaded, tmp_path / "two")
    written = json.loads((tmp_path / "two" / "config.json").read_text())
    assert (written["tie_word_embeddings"], written["scale_decoder_outputs"]) == (tied, tied)
