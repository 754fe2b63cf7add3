from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from tftransformer.visualize import training_curves

HISTORY = {
    "accuracy": [0.2, 0.5, 0.6],
    "loss": [3.0, 2.0, 1.0],
    "val_accuracy": [0.3, 0.55, 0.5],
    "val_loss": [3.5, 2.0, 2.5],
    "learning_rate": [0.1, 0.2, 0.1],
}


def drawn(figure):
    """Panel title → label of the line → its points."""
    return {
        axes.get_title(): {
            line.get_label().split(" (")[0]: line.get_xydata().tolist() for line in axes.lines
        }
        for axes in figure.axes
    }


def test_each_series_stands_in_its_panel_against_the_epoch():
    panels = drawn(training_curves(HISTORY))
    assert list(panels) == ["loss", "accuracy", "learning rate"]
    assert panels["loss"] == {
        "training": [[1, 3.0], [2, 2.0], [3, 1.0]],
        "validation": [[1, 3.5], [2, 2.0], [3, 2.5]],
    }
    assert panels["accuracy"]["validation"] == [[1, 0.3], [2, 0.55], [3, 0.5]]
    assert panels["learning rate"]["training"] == [[1, 0.1], [2, 0.2], [3, 0.1]]


def test_the_legend_names_the_best_validation_epoch():
    loss, accuracy, _ = training_curves(HISTORY).axes
    assert loss.get_legend().get_texts()[1].get_text() == "validation (best 2, epoch 2)"
    assert accuracy.get_legend().get_texts()[1].get_text() == "validation (best 0.55, epoch 2)"


@pytest.mark.slow
def test_history_dict_frame_and_csv_give_the_same_picture(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"epoch": [0, 1, 2]} | HISTORY)
    frame.to_csv(tmp_path / "log.csv", index=False)
    expected = drawn(training_curves(HISTORY))
    history = SimpleNamespace(epoch=[0, 1, 2], history=HISTORY)
    for same in (history, frame, tmp_path / "log.csv", str(tmp_path / "log.csv")):
        assert drawn(training_curves(same)) == expected


def test_a_validation_every_other_epoch_makes_one_line():
    history = {"loss": [4.0, 3.0, 2.0, 1.0], "val_loss": [np.nan, 3.0, np.nan, 2.0]}
    assert drawn(training_curves(history))["loss"]["validation"] == [[2, 3.0], [4, 2.0]]


def test_a_history_without_a_finite_value_is_told():
    with pytest.raises(ValueError, match="finite value"):
        training_curves({"loss": [np.nan, np.nan]})


def test_a_resumed_run_keeps_its_epoch_numbers():
    panels = drawn(training_curves({"epoch": [7, 8], "loss": [2.0, 1.0]}))
    assert panels == {"loss": {"training": [[8, 2.0], [9, 1.0]]}}


def test_missing_series_and_values_are_left_out(tmp_path):
    (tmp_path / "log.csv").write_text(
        "epoch,perplexity,val_loss,val_token_accuracy\n0,9,2.5,NA\n1,8,1.5,NA\n"
    )
    panels = drawn(training_curves(tmp_path / "log.csv"))
    assert panels == {"loss": {"validation": [[1, 2.5], [2, 1.5]]}}


def test_validation_every_other_epoch():
    panels = drawn(training_curves({"loss": [5, 4, 3, 2, 1], "val_loss": [4.5, 2.5]}))
    assert panels["loss"]["validation"] == [[2, 4.5], [4, 2.5]]


def test_nan_is_no_best_epoch():
    (axes,) = training_curves({"val_loss": [np.nan, 2.0, 3.0]}).axes
    assert axes.get_legend().get_texts()[0].get_text() == "validation (best 2, epoch 2)"


def test_every_accuracy_has_its_panel():
    panels = drawn(training_curves({"mlm_accuracy": [0.1], "nsp_accuracy": [0.2], "loss": [1.0]}))
    assert list(panels) == ["loss", "mlm accuracy", "nsp accuracy"]


@pytest.mark.slow
def test_history_of_keras_fit_and_its_csv_logger(tmp_path):
    import keras

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    history = model.fit(
        x,
        x[:, :1],
        validation_data=(x, x[:, :1]),
        epochs=3,
        verbose=0,
        callbacks=[keras.callbacks.CSVLogger(tmp_path / "log.csv")],
    )
    points = drawn(training_curves(history))["loss"]["validation"]
    assert points == [[n, loss] for n, loss in enumerate(history.history["val_loss"], start=1)]
    logged = drawn(training_curves(tmp_path / "log.csv"))["loss"]["validation"]
    np.testing.assert_allclose(logged, points)


@pytest.mark.slow
def test_picture_is_written(tmp_path):
    training_curves(HISTORY, tmp_path / "new" / "curves.png")
    from matplotlib.image import imread

    height, width, _ = imread(tmp_path / "new" / "curves.png").shape
    assert width > 1500 > height > 400


@pytest.mark.parametrize("history", [{}, {"epoch": [0], "perplexity": [3.0]}, {"loss": []}])
def test_nothing_to_draw(history):
    with pytest.raises(ValueError, match="holds no loss, accuracy or learning rate"):
        training_curves(history)


@pytest.mark.slow
def test_a_failed_write_leaves_the_earlier_picture(tmp_path, monkeypatch):
    path = tmp_path / "curves.png"
    training_curves(HISTORY, path=path)
    before = path.read_bytes()

    def fail(self, target, **options):
        target.write_bytes(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="no space"):
        training_curves(HISTORY, path=path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
