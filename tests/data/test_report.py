"""The report in numbers and in words."""

from tftransformer.data import Report


def test_counts_and_words():
    report = Report(given=1200, missing=2, too_long=3)
    assert (report.dropped, report.used) == (5, 1195)
    assert str(report) == "1,195 of 1,200 rows used; dropped: 2 missing, 3 too long"
    assert str(Report(given=4)) == "4 of 4 rows used"
    assert str(Report(given=0)) == "0 of 0 rows used"
