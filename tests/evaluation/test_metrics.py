from __future__ import annotations

import math

import pytest

from rag.evaluation.metrics import hit, ndcg, percentile, recall, reciprocal_rank


def test_ndcg_discounts_by_rank_and_compares_with_the_best_order() -> None:
    assert ndcg([1, 0, 0], [1]) == 1
    assert ndcg([0, 1, 0], [1]) == pytest.approx(1 / math.log2(3))
    assert ndcg([1, 2], [1, 2]) == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))
    assert ndcg([0] * 10 + [1], [1]) == 0
    assert ndcg([1], [1, 1]) == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert ndcg([], []) == 0


def test_recall_is_the_share_of_relevant_results_that_are_found() -> None:
    assert recall([1, 0, 1], 4) == 0.5
    assert recall([0] * 10 + [1], 1) == 0
    assert recall([], 0) == 0


def test_hit_and_reciprocal_rank_look_at_the_first_relevant_result() -> None:
    assert hit([0, 0, 1], 2) == 0
    assert hit([0, 0, 1], 3) == 1
    assert reciprocal_rank([0, 0, 1, 1]) == pytest.approx(1 / 3)
    assert reciprocal_rank([0]) == 0


def test_percentile_takes_the_nearest_rank() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.95) == 96
    assert percentile(values, 1.0) == 100
    assert percentile([], 0.5) == 0
