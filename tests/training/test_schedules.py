import keras
import numpy as np
import pytest

from tftransformer.training import (
    CosineSchedule,
    CustomSchedule,
    InverseSquareRootSchedule,
    LinearSchedule,
    OneCycleSchedule,
    SlantedTriangularSchedule,
    recipes,
)

SCHEDULES = [
    CustomSchedule(16, warmup_steps=10),
    InverseSquareRootSchedule(1e-3, warmup_steps=10),
    LinearSchedule(1e-3, total_steps=100, warmup_steps=10, final=1e-5),
    LinearSchedule(1e-3, total_steps=100),
    CosineSchedule(1e-3, total_steps=100, warmup_steps=10, final=1e-5),
    SlantedTriangularSchedule(1e-3, total_steps=100),
    OneCycleSchedule(1e-3, total_steps=100),
]


def rates(schedule, steps):
    return np.array([float(schedule(step)) for step in steps])


def test_custom_schedule_is_equation_three_of_the_paper():
    steps = np.array([1, 2, 5, 3999, 4000, 4001, 100_000], "float64")
    expected = 512**-0.5 * np.minimum(steps**-0.5, steps * 4000**-1.5)
    np.testing.assert_allclose(rates(CustomSchedule(512), steps), expected, rtol=1e-6)


def test_inverse_square_root_has_its_peak_at_the_end_of_the_warm_up():
    schedule = InverseSquareRootSchedule(0.5, warmup_steps=100)
    expected = [0.0, 0.25, 0.5, 0.25]
    np.testing.assert_allclose(rates(schedule, [0, 50, 100, 400]), expected, rtol=1e-6)


def test_linear_decay_goes_in_two_straight_lines():
    schedule = LinearSchedule(1.0, total_steps=110, warmup_steps=10, final=0.5)
    steps = [0, 5, 10, 60, 110, 500]
    np.testing.assert_allclose(rates(schedule, steps), [0, 0.5, 1, 0.75, 0.5, 0.5], rtol=1e-6)


def test_cosine_decay_is_half_a_wave():
    schedule = CosineSchedule(1.0, total_steps=110, warmup_steps=10)
    quarter = 0.5 * (1 + np.cos(np.pi / 4))
    np.testing.assert_allclose(
        rates(schedule, [5, 10, 35, 60, 110, 500]), [0.5, 1, quarter, 0.5, 0, 0], atol=1e-6
    )


@pytest.mark.parametrize(("total", "fraction", "ratio"), [(100, 0.1, 32.0), (1000, 0.25, 8.0)])
def test_slanted_triangle_is_equation_three_of_the_paper(total, fraction, ratio):
    steps = np.arange(total + 1)
    cut = int(np.floor(total * fraction))
    p = np.where(steps < cut, steps / cut, 1 - (steps - cut) / (cut * (1 / fraction - 1)))
    expected = 0.01 * (1 + p * (ratio - 1)) / ratio
    schedule = SlantedTriangularSchedule(0.01, total, fraction, ratio)
    np.testing.assert_allclose(rates(schedule, steps), expected, rtol=1e-5)
    assert rates(schedule, [10 * total]) == pytest.approx(0.01 / ratio, rel=1e-5)


@pytest.mark.parametrize("total", [1, 5])
def test_slanted_triangle_without_a_step_to_rise_in_only_falls(total):
    found = rates(SlantedTriangularSchedule(1.0, total), range(total + 1))
    np.testing.assert_allclose(found, np.linspace(1, 1 / 32, total + 1), rtol=1e-5)


def test_one_cycle_is_three_straight_lines():
    schedule = OneCycleSchedule(1.0, 200, start_ratio=5, final_ratio=1000, final_fraction=0.2)
    steps = np.arange(250)
    expected = np.interp(steps, [0, 80, 160, 200], [0.2, 1.0, 0.2, 0.001])
    np.testing.assert_allclose(rates(schedule, steps), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_every_schedule_is_finite_from_step_zero_and_survives_serialisation(schedule):
    assert np.isfinite(rates(schedule, [0, 1, 10**6])).all()
    assert all(type(value) in (int, float) for value in schedule.get_config().values())
    optimizer = keras.optimizers.Adam(schedule)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    steps = [0, 3, 10, 70]
    config = copy.get_config()["learning_rate"]
    restored = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(rates(restored, steps), rates(schedule, steps))


def test_config_holds_plain_numbers_even_if_given_tensors():
    schedule = CustomSchedule(keras.ops.convert_to_tensor(64), warmup_steps=np.int64(10))
    assert schedule.get_config() == {"d_model": 64, "warmup_steps": 10}
    assert type(schedule.d_model) is int


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CustomSchedule(0), "d_model"),
        (lambda: CustomSchedule(8, warmup_steps=-1), "warmup_steps"),
        (lambda: LinearSchedule(0.1, 100, 2.5), "warmup_steps must be a whole number"),
        (lambda: LinearSchedule(0.1, 100, -1), "warmup_steps"),
        (lambda: CustomSchedule(8, warmup_steps=1.5), "whole"),
        (lambda: InverseSquareRootSchedule(float("nan")), "peak"),
        (lambda: LinearSchedule(1.0, total_steps=10, warmup_steps=10), "warmup_steps"),
        (lambda: CosineSchedule(1.0, total_steps=10, final=2.0), "final"),
        (lambda: SlantedTriangularSchedule(1.0, 10, cut_fraction=1.0), "cut_fraction"),
        (lambda: SlantedTriangularSchedule(1.0, 10, ratio=0.5), "ratio"),
        (lambda: OneCycleSchedule(1.0, 10, start_ratio=20, final_ratio=10), "final_ratio"),
        (lambda: OneCycleSchedule(1.0, 10, final_fraction=2), "final_fraction"),
    ],
)
def test_impossible_numbers_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("updates", [1, 2, 40, 5000])
def test_averaged_adamw_rises_falls_and_averages_the_end(updates):
    optimizer = recipes.averaged_adamw(0.01, updates)
    found = rates(optimizer._learning_rate, range(1, updates + 1))
    assert found.argmax() == max(1, updates // 20) - 1
    np.testing.assert_allclose(found.max(), 0.01, rtol=1e-6)
    assert np.all(found > 0)
    assert optimizer.use_ema
    assert optimizer.ema_momentum == min(0.99, max(0.0, 1 - 20 / updates))
