"""A SavedModel in a process that knows neither Keras nor this package."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.decoding import BeamSearch, Greedy, Sampling

TEXTS = ["The dog sleeps.", "", "two birds in the house and a dog", "Vögel 🐦"]

SERVE = """
import json, sys
import tensorflow as tf
import tensorflow_text
path, texts = sys.argv[1], json.loads(sys.argv[2])
module = tf.saved_model.load(path)

def plain(outputs):
    values = {name: value.tolist() for name, value in outputs.items()}
    def decode(value):
        if isinstance(value, list):
            return [decode(v) for v in value]
        return value.decode() if isinstance(value, bytes) else value
    return {name: decode(value) for name, value in values.items()}

def call(name, texts):
    outputs = module.signatures[name](texts=tf.constant(texts, tf.string))
    return plain({name: value.numpy() for name, value in outputs.items()})

with tf.compat.v1.Session(graph=tf.Graph()) as session:
    graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], path)
    signature = graph.signature_def["serving_default"]
    fetches = {name: tensor.name for name, tensor in signature.outputs.items()}
    outputs = session.run(fetches, {signature.inputs["texts"].name: texts})
print(json.dumps({
    "python": call("serving_default", texts),
    "n_best": call("n_best", texts),
    "one": call("serving_default", texts[:1]),
    "none": call("serving_default", []),
    "session": plain(outputs),
    "modules": [name for name in sys.modules if name.partition(".")[0] == "tftransformer"],
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "jit_compile", "parallel"),
    [
        (Greedy(), False, 1),
        (BeamSearch(3, num_return=2), False, 3),
        (BeamSearch(3, num_return=2), True, 3),
        (Sampling(seed=5, num_return=2), False, 1),
    ],
    ids=repr,
)
def test_the_export_translates_as_the_translator_in_a_bare_process(
    make_translator, tmp_path, strategy, jit_compile, parallel
):
    translator = make_translator(strategy=strategy, parallel=parallel)
    path = translator.export(tmp_path / "export", jit_compile=jit_compile)
    run = subprocess.run(
        [sys.executable, "-c", SERVE, str(path), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,  # the package is not to be found from here by chance
        check=True,
    )
    served = json.loads(run.stdout)
    expected = translator.n_best(TEXTS)
    for loader in ("python", "session"):
        assert served[loader]["translations"] == [best.text for best, *_ in expected]
        np.testing.assert_allclose(
            served[loader]["scores"], [best.score for best, *_ in expected], rtol=1e-4
        )
    assert served["one"]["translations"] == served["python"]["translations"][:1]
    assert served["none"] == {
        "translations": [],
        "scores": [],
        "finished": [],
        "cut": [],
    }
    for found, texts in zip(expected, served["n_best"]["translations"], strict=True):
        assert [translation.text for translation in found] == texts[: len(found)]
    assert served["modules"] == []


@pytest.mark.slow
def test_signatures_have_readable_names(make_translator, tmp_path):
    path = make_translator(strategy=Greedy()).export(tmp_path / "export")
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    assert signature.structured_input_signature[1] == {
        "texts": tf.TensorSpec([None], tf.string, name="texts")
    }
    assert sorted(signature.structured_outputs) == ["cut", "finished", "scores", "translations"]


@pytest.mark.slow
def test_loops_read_no_variables(make_translator):
    """TensorFlow runs only such loops at the same time: two search, one is over blocks of text."""
    module = make_translator(strategy=BeamSearch(2), parallel=2).module
    graph = module.compute.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert [node.op for node in nodes if "While" in node.op] == ["StatelessWhile"] * 3


@pytest.mark.slow
def test_white_space_translates_to_nothing_in_the_graph_as_in_python(make_translator):
    spaces = [chr(i) for i in range(0x3001) if chr(i).isspace()]
    texts = ["", *spaces, "".join(spaces), *(chr(i) for i in range(128) if chr(i) not in spaces)]
    translator = make_translator(strategy=Greedy())
    scores = translator.module.functions["serving_default"](tf.constant(texts))["scores"].numpy()
    assert [score == 0 for score in scores] == [not text.strip() for text in texts]


def test_an_export_where_nothing_may_be_written_is_an_os_error(make_translator, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_translator(strategy=Greedy()).export(tmp_path / "file" / "export")


@pytest.mark.slow
def test_an_export_overwrites_nothing_and_leaves_nothing_half_done(make_translator, tmp_path):
    translator = make_translator(strategy=Greedy())
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "precious").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        translator.export(tmp_path / "taken")
    assert (tmp_path / "taken" / "precious").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


@pytest.mark.slow
def test_the_export_holds_the_weights_once(make_translator, tmp_path):
    translator = make_translator(strategy=Greedy())
    path = translator.export(tmp_path / "export")
    (data,) = (path / "variables").glob("*.data-*")
    weights = 4 * translator.model.count_params()
    assert weights <= data.stat().st_size < 1.1 * weights


@pytest.mark.slow
def test_a_long_request_is_cut_and_says_so(make_translator, serve, tmp_path):
    translator = make_translator(strategy=Greedy())
    texts = ["dog", "dog house " * 8000]
    default = translator.export(tmp_path / "default")
    short = translator.export(tmp_path / "short", max_source_length=4)
    for path, length in ((default, 512), (short, 4)):
        pieces = translator.source_tokenizer.encode(texts).ids[1][: length - 1]
        expected = translator(translator.source_tokenizer.decode([pieces])[0])
        for outputs in serve(path, texts):
            assert outputs["cut"].tolist() == [False, True]
            assert outputs["translations"][1].decode() == expected


@pytest.mark.slow
def test_a_limit_of_an_export_is_a_length(make_translator, tmp_path):
    with pytest.raises(ValueError, match=r"max_source_length=1 .*expected an int ≥ 2"):
        make_translator().export(tmp_path / "export", max_source_length=1)


@pytest.mark.slow
def test_a_name_that_tensorflow_could_not_read_is_refused(make_translator, tmp_path):
    with pytest.raises(ValueError, match="for a pattern"):
        make_translator(strategy=Greedy()).export(tmp_path / "model [1]")
    assert not list(tmp_path.iterdir())
