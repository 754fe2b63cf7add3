import subprocess
import sys
import warnings

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")

from tftransformer.visualize import alignment, attention_map  # noqa: E402

SOURCE = ["▁the", "▁dog", "s", "</s>"]
TARGET = ["▁die", "▁Hunde", "</s>"]
LONG_WORDS = ["▁Donau", "dampfschifffahrts", "▁Kraftfahrzeughaftpflichtversicherung", "▁und", ","]


def random_weights(*shape):
    weights = np.random.default_rng(0).random(shape) ** 4
    return weights / weights.sum(-1, keepdims=True)


def panels(figure):
    return {axes.get_title(): axes for axes in figure.axes if axes.get_images()}


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def values(axes):
    return np.asarray(axes.get_images()[0].get_array())


def test_a_panel_for_each_head_with_rows_and_columns_in_order():
    weights = random_weights(4, 3, 4)
    drawn = panels(attention_map(weights, TARGET, SOURCE))
    assert list(drawn) == ["head 1", "head 2", "head 3", "head 4"]
    for head, axes in enumerate(drawn.values()):
        np.testing.assert_array_equal(values(axes), weights[head])
        assert labels(axes.yaxis) == ["·die", "·Hunde", "</s>"]
        assert labels(axes.xaxis) == ["·the", "·dog", "s", "</s>"]
        # Label i stands at row i, and row 0 is on top.
        np.testing.assert_array_equal(axes.get_yticks(), range(3))
        np.testing.assert_array_equal(axes.get_xticks(), range(4))
        assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_one_colour_scale_for_all_heads():
    weights = np.stack([np.full((3, 3), 0.25), np.eye(3) * 0.75])
    for axes in panels(attention_map(weights, TARGET)).values():
        assert axes.get_images()[0].get_clim() == (0, 0.75)


def test_a_single_matrix_and_one_that_sees_nothing():
    drawn = panels(attention_map(np.zeros((3, 3)), TARGET, title="Empty"))
    assert values(drawn["attention"]).max() == 0


def test_alignment_begins_with_the_mean_over_heads():
    weights = random_weights(2, 3, 4)
    drawn = panels(alignment(weights, SOURCE, TARGET))
    assert list(drawn) == ["mean over heads", "head 1", "head 2"]
    np.testing.assert_allclose(values(drawn["mean over heads"]), (weights[0] + weights[1]) / 2)
    np.testing.assert_array_equal(values(drawn["head 2"]), weights[1])
    assert labels(drawn["head 1"].yaxis) == ["·die", "·Hunde", "</s>"]


def test_alignment_of_words():
    weights = random_weights(2, 3, 4)
    axes = panels(alignment(weights, SOURCE, TARGET, words=True))["head 1"]
    assert labels(axes.xaxis) == ["the", "dogs", "</s>"]
    np.testing.assert_allclose(values(axes)[:, 1], weights[0, :, 1] + weights[0, :, 2])


@pytest.mark.slow
@pytest.mark.parametrize(("heads", "tokens"), [(4, 8), (8, 40)])
def test_labels_do_not_overlap(heads, tokens):
    names = (LONG_WORDS * tokens)[:tokens]
    figure = alignment(random_weights(heads, tokens, tokens), names, names)
    renderer = figure.canvas.get_renderer()
    everything = []
    for axes in panels(figure).values():
        everything += [axes.title, axes.xaxis.label, axes.yaxis.label]
        everything += [*axes.xaxis.get_ticklabels(), *axes.yaxis.get_ticklabels()]
        assert min(label.get_fontsize() for label in axes.xaxis.get_ticklabels()) >= 8
    figure.draw_without_rendering()  # places the titles
    boxes = np.array([text.get_window_extent(renderer).extents for text in everything])
    left, bottom, right, top = boxes.T
    apart_x = (right[:, None] <= left) | (left[:, None] >= right)
    apart_y = (top[:, None] <= bottom) | (bottom[:, None] >= top)
    overlapping = np.argwhere(~(apart_x | apart_y) & ~np.eye(len(boxes), dtype=bool))
    assert not len(overlapping), [everything[i].get_text() for i in overlapping[0]]


def test_png_is_written_into_a_new_folder(tmp_path):
    path = tmp_path / "plots" / "layer 1.png"
    figure = attention_map(random_weights(4, 3, 4), TARGET, SOURCE, title="Layer 1", path=path)
    from matplotlib.image import imread

    height, width, _ = imread(path).shape
    assert 500 < width < 2000
    assert 400 < height < 2000
    assert figure._suptitle.get_text() == "Layer 1"


@pytest.mark.parametrize(("ending", "magic"), [("svg", b"<?xml"), ("PDF", b"%PDF")])
def test_format_follows_the_ending(tmp_path, ending, magic):
    path = tmp_path / f"plot.{ending}"
    attention_map(random_weights(3, 3), TARGET, path=str(path))
    assert path.read_bytes().startswith(magic)


@pytest.mark.parametrize("name", ["plot", "plot.docx"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in one of \.png, \.svg, \.pdf"):
        attention_map(random_weights(3, 3), TARGET, path=tmp_path / name)


@pytest.mark.slow
def test_any_token_is_drawn_without_a_warning(tmp_path):
    tokens = ["東京", "שלום", "مرحبا", "🙂", "$x^2$", "$_{", "\n", "\x07", "", " ", "%", "<0xE2>"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights = random_weights(2, len(tokens), len(tokens))
        figure = attention_map(weights, tokens, title="$_{", path=tmp_path / "plot.png")
    shown = labels(panels(figure)["head 1"].yaxis)
    assert shown[4:7] == ["$x^2$", "$_{", "↵"]
    assert shown[1] == "שלום"


def test_long_tokens_are_cut():
    axes = panels(attention_map(np.ones((1, 1)), LONG_WORDS[2:3]))["attention"]
    assert labels(axes.xaxis) == ["·Kraftfahrzeughaftpfl…"]


def test_a_notebook_shows_the_figure_whether_or_not_pyplot_is_loaded():
    figure = attention_map(random_weights(3, 3), TARGET)
    assert figure._repr_png_().startswith(b"\x89PNG")
    formatters = pytest.importorskip("IPython.core.formatters")
    shown, _ = formatters.DisplayFormatter().format(figure)
    assert shown["image/png"].startswith(b"\x89PNG")


def test_pyplot_and_its_settings_are_left_alone():
    import matplotlib.pyplot as plt

    before = plt.get_backend(), plt.get_fignums(), dict(matplotlib.rcParams)
    attention_map(random_weights(2, 3, 3), TARGET)._repr_png_()
    assert before == (plt.get_backend(), plt.get_fignums(), dict(matplotlib.rcParams))


def test_settings_of_the_user_do_not_spoil_the_picture():
    with matplotlib.rc_context({"image.origin": "lower", "figure.constrained_layout.use": True}):
        axes = panels(attention_map(random_weights(3, 3), TARGET))["attention"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


@pytest.mark.slow
def test_importing_is_light_and_drawing_needs_no_pyplot():
    # Keras imports what it finds; only what comes on top of it counts.
    script = """
import sys
import keras
before = set(sys.modules)
from tftransformer.visualize import attention_map
assert not any(name.startswith("matplotlib") for name in set(sys.modules) - before)
attention_map([[1.0]], ["a"])._repr_png_()
assert "matplotlib.pyplot" not in set(sys.modules) - before
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_weights_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\(2, 4, 3\).*3 query tokens.*4 key tokens"):
        alignment(random_weights(2, 4, 3), SOURCE, TARGET)
    with pytest.raises(ValueError, match=r"\(1, 2, 3, 3\).*weights\[0\]"):
        attention_map(random_weights(1, 2, 3, 3), TARGET)
    with pytest.raises(ValueError, match=r"\(3, 4\), expected \(heads"):
        alignment(random_weights(3, 4), SOURCE, TARGET)
    with pytest.raises(ValueError, match="after the softmax"):
        attention_map(np.full((3, 3), np.nan), TARGET)


@pytest.mark.slow
def test_very_many_tokens_do_not_cost_gigabytes():
    tokens = [f"▁{number}" for number in range(600)]
    figure = attention_map(np.eye(600), tokens)
    assert max(figure.get_size_inches()) * figure.dpi <= 10_000
