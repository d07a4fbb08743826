"""Pictures side by side: each in its place, with grey between them."""

import numpy as np
import pytest

from elman.evaluate.grid import GAP, grid_plot, montage


def pictures(count, channels=1):
    return np.arange(1, count + 1, dtype=np.uint8)[:, None, None, None] * np.ones((2, 3, channels), np.uint8)


@pytest.mark.parametrize(
    ("count", "columns", "rows_and_columns"),
    [(1, None, (1, 1)), (4, None, (2, 2)), (5, None, (2, 3)), (7, None, (3, 3)), (6, 2, (3, 2)), (3, 8, (1, 8))],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_picture_lies_in_its_place(count, columns, rows_and_columns, channels):
    whole = montage(pictures(count, channels), columns)
    rows, across = rows_and_columns
    assert whole.shape == (rows * (2 + GAP) - GAP, across * (3 + GAP) - GAP, channels)
    assert whole.dtype == np.uint8
    seen = np.full(whole.shape, 128)
    for at in range(count):
        y, x = at // across * (2 + GAP), at % across * (3 + GAP)
        seen[y : y + 2, x : x + 3] = at + 1
    assert (whole == seen).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_figure_of_it(channels):
    plot = grid_plot(pictures(9, channels), "Nine squares")
    assert plot.description == "9 pictures: Nine squares"
    (image,) = plot.figure.axes[0].images
    assert image.get_array().shape == (5, 31, 3)
    assert "<svg" in plot.svg
    wide, tall = plot.figure.get_size_inches()
    assert tall / wide == pytest.approx(5 / 31)
