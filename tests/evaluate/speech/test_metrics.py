"""Focus and distances of made speech."""

import numpy as np
import pytest

from elman.errors import InputError
from elman.evaluate.speech.metrics import cepstra, cepstral_distance, focus, warped

RNG = np.random.default_rng(0)


def by_hand(apart):
    """The best path's sum and length, cell after cell."""
    T, U = apart.shape
    best = np.full((T + 1, U + 1), np.inf)
    steps = np.zeros((T + 1, U + 1))
    best[0, 0] = 0
    for i in range(1, T + 1):
        for j in range(1, U + 1):
            ways = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
            at = min(ways, key=lambda way: best[way])
            best[i, j], steps[i, j] = best[at] + apart[i - 1, j - 1], steps[at] + 1
    return best[T, U] / steps[T, U]


@pytest.mark.parametrize(("T", "U"), [(1, 1), (1, 5), (5, 1), (6, 9), (9, 6), (7, 7)])
def test_the_path_is_the_best_of_all(T, U):
    apart = RNG.random((T, U))
    assert warped(apart) == pytest.approx(by_hand(apart))


def test_a_sound_is_no_distance_from_itself_however_slow():
    frames = RNG.normal(size=(12, 20))
    assert cepstral_distance(frames, frames) == pytest.approx(0, abs=1e-5)
    assert cepstral_distance(frames.repeat(2, axis=0), frames) == pytest.approx(0, abs=1e-5)
    assert cepstral_distance(frames + 3.0, frames) == pytest.approx(0, abs=1e-5)  # louder is not farther
    assert cepstral_distance(frames, RNG.normal(size=(12, 20))) > 1


def test_the_distance_of_two_frames_is_its_equation():
    a, b = RNG.normal(size=(1, 20)), RNG.normal(size=(1, 20))
    c = [2 / 20 * sum((a - b)[0, n] * np.cos(np.pi * k * (n + 0.5) / 20) for n in range(20)) for k in range(1, 14)]
    assert cepstral_distance(a, b) == pytest.approx(10 / np.log(10) * np.sqrt(2 * sum(x * x for x in c)))
    assert cepstra(RNG.normal(size=(4, 8))).shape == (4, 7)


def test_focus_is_the_mean_of_the_largest_weights():
    assert focus([[0.5, 0.5, 0.0], [0.1, 0.0, 0.9]]) == pytest.approx(0.7)
    with pytest.raises(InputError, match="at least one of each is needed"):
        focus(np.zeros((0, 3)))
