from __future__ import annotations

import pytest

from charlstm.training.estimate import estimate


@pytest.mark.parametrize(
    ("steps", "is_disturbed"),
    [
        ([(1.0, 1.0)] * 4, False),
        ([(1.0, 1.9)] * 4, False),  # two threads
        ([(1.0, 0.5)] * 4, True),  # half of the time somebody else computed
        ([(1.0, 1.0), (1.1, 1.0), (1.7, 1.7), (1.8, 1.8)], True),
        ([(1.0, 1.0), (9.0, 9.0), (1.2, 1.2), (1.1, 1.1)], False),  # one that was slow is not yet a busy machine
        ([(1.0, 1.0)], False),
    ],
)
def test_a_busy_machine_is_told_by_two_measurements_and_by_two_clocks(
    steps: list[tuple[float, float]], is_disturbed: bool
) -> None:
    assert estimate(steps, 3).is_disturbed == is_disturbed


def test_the_processor_waits_for_a_gpu_without_being_busy() -> None:
    assert not estimate([(1.0, 0.1)] * 4, 3, on_cpu=False).is_disturbed
