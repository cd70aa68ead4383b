"""Faults: lopsided assigners, failing arms and biased judges are seen, and what is well is left alone."""

from simulate.experiments.faults import biased_judge, breach, guarded, lopsided


def test_a_lopsided_assigner_is_flagged_within_three_thousand_units() -> None:
    assert lopsided(0.55, runs=200).share > 0.95


def test_a_fair_assigner_is_flagged_hardly_ever() -> None:
    assert lopsided(0.5, runs=500).share <= 0.01


def test_doubled_errors_are_rolled_back_within_five_hundred_requests() -> None:
    assert breach(0.1, 0.2, runs=20, every=50).share == 1.0


def test_a_control_with_more_requests_shows_doubled_errors_sooner() -> None:
    alone, more = (
        breach(0.05, 0.1, runs=20, every=50, requests=300, spec=guarded(control_weight=n)).share for n in (1, 4)
    )
    assert more > alone


def test_equal_errors_are_hardly_ever_rolled_back() -> None:
    assert breach(0.1, 0.1, guarded(alpha=0.02), runs=30, every=100).share <= 0.05


def test_labels_correct_a_biased_judge_and_are_not_enough_alone() -> None:
    found = biased_judge(runs=100)
    assert found.corrected >= 0.93
    assert found.judge_only < 0.1
    assert found.width < 0.7 * found.width_labels_only
