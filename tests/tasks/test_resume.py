"""Every task: a fit that stops and goes on ends as one that did not stop."""

import numpy as np
import pandas as pd
import pytest
from small_tasks import CASES

import tftransformer as tt

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*:UserWarning")]


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_resumed_ends_as_if_it_had_not_stopped(name, tmp_path):
    settings, rows = CASES[name]
    frame = pd.DataFrame(rows)

    def fit(folder, **how):
        task = getattr(tt, name)(**settings)
        how |= {"directory": tmp_path / folder, "epochs": 2, "validation": frame}
        return task.fit(frame, verbose=0, **how)

    whole = fit("whole")
    fit("parts", steps=1)
    parts = fit("parts", resume=True)
    assert whole.history_ == parts.history_
    for one, other in zip(whole.model_.get_weights(), parts.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
