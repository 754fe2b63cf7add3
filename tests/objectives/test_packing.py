"""Packed documents: each block once, and no document knows of its neighbours."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import tftransformer as tt
from tftransformer.core import Ragged
from tftransformer.objectives import NextToken
from tftransformer.objectives.packing import pack
from tftransformer.training.losses import label_smoothed_cross_entropy

TOKENIZER = SimpleNamespace(special_ids={"pad": 9, "start": 1, "end": 2})
MASK = tt.CausalMask() & tt.PaddingMask() & tt.DocumentMask()
SIZES = {"vocab_size": 40, "num_layers": 2, "d_model": 16, "num_heads": 2, "dff": 24}


def functional(**options):
    """A model of a stack, which no family has, with the inputs of packed rows."""
    inputs = {
        name: keras.Input((None,), dtype=dtype, name=name)
        for name, dtype in (
            ("token_ids", "int32"), ("padding_mask", "bool"), ("position_ids", "int32"),
            ("query_documents", "int32"), ("key_documents", "int32"),
        )
    }  # fmt: skip
    embeddings = tt.TokenEmbeddings(40, 16, pad_id=9)
    stack = tt.Encoder(2, 16, 2, 24, mask=MASK, embeddings=embeddings, dropout=0.0, **options)
    context = dict(inputs)
    ids, padding_mask = context.pop("token_ids"), context.pop("padding_mask")
    hidden = stack(ids, padding_mask=padding_mask, context=context)
    return keras.Model(inputs, {"lm": tt.LanguageModelHead(40)(hidden)})


MODELS = {
    "learned, gpt": lambda: tt.Gpt(**SIZES, num_positions=12, pad_id=9, mask=MASK),
    "learned, gpt2": lambda: tt.Gpt2(**SIZES, num_positions=12, pad_id=9, mask=MASK),
    "rotary": lambda: functional(rotary=tt.RotaryPositions()),
    "relative": lambda: tt.XLNet(**SIZES, pad_id=9, mask=MASK),
    "bucketed": lambda: functional(position_bias=tt.BucketedBias(2, bidirectional=False)),
}


def make(name):
    keras.utils.set_random_seed(5)
    model = MODELS[name]()
    for weight in model.trainable_weights:  # large enough for every path to show
        weight.assign(4 * weight)
    return model


def one_row(documents, width=12):
    objective = NextToken(documents="packed")
    columns = objective.blocks(Ragged.from_rows(documents), TOKENIZER, width)
    examples = objective.examples(columns, [TOKENIZER])
    assert len(examples) == 1
    return examples.batch(np.array([0, -1]), (width,))


def test_labels_positions_and_documents_are_those_of_a_plain_loop():
    random = np.random.default_rng(0)
    documents = [random.integers(10, 40, n).tolist() for n in random.integers(0, 30, 40)]
    objective = NextToken(documents="packed")
    blocks, rows = objective.blocks(Ragged.from_rows(documents), TOKENIZER, 12)
    assert (
        blocks.tolist()
        == NextToken().blocks(Ragged.from_rows(documents), TOKENIZER, 12)[0].tolist()
    )
    examples = objective.examples([blocks, rows], [TOKENIZER])
    chosen = random.permutation(len(examples))
    inputs, labels, weights = examples.batch(np.append(chosen, -1), (12,))
    for i, row in enumerate([*(rows[r].tolist() for r in chosen), []]):
        own = [blocks[block].tolist() for block in row]
        fill = 12 - sum(len(block) - 1 for block in own)
        expected = {
            "token_ids": [t for block in own for t in block[:-1]] + [9] * fill,
            "padding_mask": [True] * (12 - fill) + [False] * fill,
            "position_ids": [p for block in own for p in range(len(block) - 1)] + [0] * fill,
            "query_documents": [n for n, b in enumerate(own, 1) for _ in b[1:]] + [0] * fill,
        }
        expected["key_documents"] = expected["query_documents"]
        assert {name: x[i].tolist() for name, x in inputs.items()} == expected
        assert labels["lm"][i].tolist() == [t for b in own for t in b[1:]] + [9] * fill
        assert weights["lm"][i].tolist() == [1] * (12 - fill) + [0] * fill
    assert examples.lengths[chosen, 0].tolist() == weights["lm"].sum(axis=1)[:-1].tolist()


@given(st.lists(st.integers(1, 9), max_size=40))
@settings(deadline=None)
def test_each_block_stands_in_one_row_which_has_room(lengths):
    rows = pack(np.array(lengths, np.int64), 9).tolist()
    assert sorted(block for row in rows for block in row) == list(range(len(lengths)))
    assert all(0 < sum(lengths[block] for block in row) <= 9 for row in rows)
    # Rows at most half full would have been one.
    assert sum(sum(lengths[block] for block in row) <= 4 for row in rows) <= 1


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("name", MODELS)
def test_changing_one_document_moves_no_logits_or_gradients_of_another(name):
    model = make(name)
    documents = [[11, 12, 13], [21, 22], [31, 32]]

    def computed(changed):
        inputs, labels, weights = one_row([documents[0], changed, documents[2]])
        of_others = (weights["lm"] * (inputs["query_documents"] != 2)).astype("float32")
        variables = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            logits = model(inputs, training=False)["lm"]
            losses = label_smoothed_cross_entropy(labels["lm"], logits, 0.0)
            loss = tf.reduce_sum(losses * of_others)
        gradients = [
            tf.convert_to_tensor(gradient)
            for gradient in tape.gradient(loss, variables)
            if gradient is not None  # XLNet's of segments and targets
        ]
        return logits.numpy()[:1], inputs["query_documents"][:1], gradients

    logits, document, gradients = computed([21, 22])
    other_logits, _, other_gradients = computed([28, 11])
    assert np.abs(logits - other_logits)[document == 2].max() > 0.01
    np.testing.assert_array_equal(logits[document != 2], other_logits[document != 2])
    for one, two in zip(gradients, other_gradients, strict=True):
        np.testing.assert_array_equal(one, two)
    assert max(np.abs(one).max() for one in gradients) > 0.01


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("name", MODELS)
def test_a_packed_document_has_the_logits_that_it_has_alone(name):
    model = make(name)
    documents = [[11, 12, 13], [21, 22], [31, 32]]
    inputs, _, _ = one_row(documents)
    packed = model(inputs, training=False)["lm"].numpy()[0]
    for number, document in enumerate(documents, 1):
        alone = one_row([document], len(document) + 1)[0]
        alone = model(alone, training=False)["lm"].numpy()[0]
        np.testing.assert_allclose(
            packed[inputs["query_documents"][0] == number], alone, atol=2e-5, rtol=1e-4
        )


def data(documents, **options):
    frame = pd.DataFrame({"text": tt.everyday_corpus(size=300).train["en"]})
    objective = NextToken(documents=documents)
    process = tt.DataProcess(
        "text", objective=objective, vocab_size=400, max_length=48, batch_tokens=384, **options
    )
    return process, frame, process.fit(frame).batches(frame)


def gpt2(process, mask=MASK):
    keras.utils.set_random_seed(1)
    size = process.source_tokenizer.vocab_size
    return tt.Gpt2(size, 1, 16, 2, num_positions=48, pad_id=0, mask=mask, dropout=0.0)


@pytest.mark.slow
def test_packed_rows_train_by_trainer_and_fit_with_the_loss_of_documents_apart(tmp_path):
    process, _, packed = data("packed")
    _, _, apart = data("apart")
    assert packed.padding < 0.05
    assert len(packed.examples) < 0.8 * len(apart.examples)
    model = gpt2(process)
    plain = gpt2(process, None)
    losses = [
        tt.Trainer(one, batches, precision="float32", verbose=0).evaluate(batches)["loss"]
        for one, batches in ((model, packed), (plain, apart))
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    before = losses[0]
    trainer = tt.Trainer(model, packed, optimizer="adam", epochs=2, precision="float32", verbose=0)
    assert trainer.train().history["loss"][-1] < before - 0.1

    fitted = gpt2(process).only("lm")
    fitted.compile("adam", tt.LabelSmoothedCrossEntropy(0.0))
    dataset = packed.dataset().map(lambda x, y, w: (x, y["lm"], w["lm"]))
    assert fitted.fit(dataset, epochs=2, shuffle=False, verbose=0).history["loss"][-1] < before
    process.save(tmp_path)
    assert tt.DataProcess.load(tmp_path).objective.documents == "packed"


def test_a_model_that_would_mix_the_documents_is_refused():
    model = tt.Gpt2(40, 1, 16, 2, num_positions=12, pad_id=9)
    with pytest.raises(
        ValueError, match=r"nothing reads the inputs 'key_documents', 'query_documents'.*Docum"
    ):
        model(one_row([[11, 12]])[0])
    with pytest.raises(ValueError, match=r"documents='mixed'.* packed"):
        NextToken(documents="mixed")


@pytest.mark.slow
def test_a_model_that_was_trained_on_packed_rows_takes_a_prompt_for_one_document():
    model, plain = make("learned, gpt2"), tt.Gpt2(**SIZES, num_positions=12, pad_id=9)
    plain.set_weights(model.get_weights())
    prompts = np.array([[11, 12, 13], [9, 21, 22]])
    texts = [
        tt.Greedy()(one.start_decoding(prompts), prompts, max_new_tokens=6, end_id=-1, pad_id=9).ids
        for one in (model, plain)
    ]
    np.testing.assert_array_equal(*texts)
