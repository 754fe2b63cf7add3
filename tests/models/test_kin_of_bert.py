"""What families near BERT do otherwise: shared layers, other heads, languages in front of texts."""

import keras
import numpy as np
import pytest

import tftransformer as tt
from tftransformer.objectives import ReplacedTokens
from tftransformer.pretrained import from_pretrained, save_pretrained

SIZES = {"vocab_size": 20, "d_model": 8, "num_heads": 2, "dff": 12}
IDS = np.array([[5, 6, 7, 0], [8, 9, 10, 11]], "int32")


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, [0, 0, 0, 0, 0]),
        ({"num_groups": 2}, [0, 0, 0, 1, 1]),
        ({"num_groups": 2, "inner_layers": 2}, [0, 1, 0, 1, 0, 1, 2, 3, 2, 3]),
        ({"num_groups": 5}, [0, 1, 2, 3, 4]),
    ],
)
def test_steps_of_albert_run_all_layers_of_their_group(options, order):
    model = tt.Albert(**SIZES, num_layers=5, embedding_width=6, **options)
    distinct = [layer for group in model.groups for layer in group]
    assert [distinct.index(layer) for layer in model.stack.layers] == order
    one = tt.Albert(**SIZES, num_layers=1, embedding_width=6)
    per_layer = one.stack.layers[0].count_params()
    assert model.count_params() == one.count_params() + (len(distinct) - 1) * per_layer


def test_albert_without_layers_is_refused():
    with pytest.raises(ValueError, match="num_groups"):
        tt.Albert(**SIZES, num_groups=0)


@pytest.mark.parametrize("name", ["segments", "embedding_width", "order"])
def test_distilbert_has_no_such_argument(name):
    with pytest.raises(TypeError, match=f"'{name}' is no argument of DistilBert"):
        tt.DistilBert(**SIZES, **{name: 2})
    with pytest.raises(ValueError, match="'segment_ids'"):
        tt.DistilBert(**SIZES, num_layers=1)({"token_ids": IDS, "segment_ids": IDS * 0})


@pytest.mark.slow
def test_electra_learns_to_find_replaced_tokens_and_its_parts_are_folders(tmp_path):
    keras.utils.set_random_seed(0)
    data = tt.DataProcess("en", objective=ReplacedTokens(), tokenizer="wordpiece", vocab_size=150)
    frame = tt.everyday_corpus(size=300).train
    batches = data.fit(frame).batches(frame)
    sizes = {"vocab_size": data.tokenizers[0].vocab_size, "num_layers": 1, "num_heads": 2}
    model = tt.ReplacedTokenModel(
        tt.Electra(**sizes, d_model=8, dff=16, embedding_width=12, heads=["masked_lm"]),
        tt.Electra(**sizes, d_model=16, dff=32, embedding_width=12, heads=["replaced"]),
        head="replaced",
    )
    objective = data.objective
    model.compile("adam", objective.losses(), loss_weights=objective.loss_weights)
    inputs, labels, weights = next(batches.iterate())
    losses = [model.train_on_batch(inputs, labels, weights) for _ in range(30)]
    first, last = (np.ravel(losses[n])[0] for n in (0, -1))
    assert last < first
    for part in (model.generator, model.discriminator):
        save_pretrained(part, tmp_path / part.name)
        again = from_pretrained(tmp_path / part.name)
        for name, output in part(IDS).items():
            np.testing.assert_array_equal(again(IDS)[name], output)


def test_a_projection_that_electras_files_have_not_is_refused(tmp_path):
    model = tt.Electra(**SIZES, num_layers=1, embedding_width=8)
    with pytest.raises(ValueError, match="embedding_width=None"):
        save_pretrained(model, tmp_path / "saved")
    save_pretrained(tt.Electra(**SIZES, num_layers=1, embedding_width=None), tmp_path / "saved")
    assert from_pretrained(tmp_path / "saved").embedding_width is None


def test_without_targets_mbart_reads_the_last_token_of_the_source_first():
    model = tt.MBart(**SIZES, num_layers=1, pad_id=0)
    targets = np.array([[7, 5, 6, 7], [11, 8, 9, 10]], "int32")
    expected = model({"source_ids": IDS, "target_ids": targets})["hidden"]
    np.testing.assert_array_equal(model({"source_ids": IDS})["hidden"], expected)


def test_mbart_has_norms_before_its_sublayers_and_bart_behind_them():
    for kind, before in ((tt.MBart, True), (tt.Bart, False)):
        model = kind(**SIZES, num_layers=1)
        for stack in (model.encoder, model.decoder):
            assert (stack.final_norm is not None) == before
            residual = stack.layers[0].attention_residual
            assert (residual.before is not None, residual.after is None) == (before, before)
