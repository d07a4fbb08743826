"""Pictures as sequences of rows or of pixels, and back."""

import numpy as np
import pytest
import torch

from elman.data.pictures.album import Album
from elman.data.pictures.channels import Channels
from elman.data.pictures.ways import PictureEncoder
from elman.errors import InputError

WAYS = ("rows", "pixels", "permuted")


def album(*shape, seed=0):
    return Album.of(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), "x")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channels", [1, 3])
def test_there_and_back(way, channels):
    encoder = PictureEncoder(way, (4, 5, channels), Channels((0.0,) * channels, (1.0,) * channels))
    pictures = torch.randn(3, 4, 5, channels)
    x = encoder.sequences(pictures)
    assert x.shape == (encoder.steps, 3, encoder.features)
    assert torch.equal(encoder.pictures(x), pictures)


def test_each_way_by_hand():
    pictures = torch.arange(12.0).reshape(1, 2, 3, 2)
    rows, pixels, permuted = (PictureEncoder(way, (2, 3, 2), Channels((0.0,) * 2, (1.0,) * 2)) for way in WAYS)
    assert rows.sequences(pictures)[:, 0].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert pixels.sequences(pictures)[:, 0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    assert torch.equal(permuted.sequences(pictures), pixels.sequences(pictures)[permuted.order])


def test_permuted_is_one_order_for_all_and_always():
    encoder = PictureEncoder("permuted", (4, 5, 1), Channels((0.0,), (1.0,)))
    torch.manual_seed(1)
    order = encoder.order
    torch.manual_seed(2)
    assert torch.equal(order, PictureEncoder("permuted", (5, 4, 1), Channels((3.0,), (2.0,))).order)
    assert order.tolist() != list(range(20))
    assert sorted(order.tolist()) == list(range(20))
    numbered = torch.arange(20.0).reshape(1, 4, 5, 1).expand(3, -1, -1, -1)
    assert torch.equal(encoder.sequences(numbered)[:, :, 0], order.float()[:, None].expand(-1, 3))


def test_channels_are_scaled_as_in_the_training_part():
    train = album(50, 4, 5, 3)
    train.values[..., 1] //= 4
    encoder = PictureEncoder.fit(train, "rows")
    x, lengths = encoder.encode(train).padded(torch.arange(50))
    assert x.shape == (4, 50, 15) and lengths.tolist() == [4] * 50
    scaled = encoder.pictures(x)
    torch.testing.assert_close(scaled.mean((0, 1, 2)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.std((0, 1, 2)), torch.ones(3), atol=1e-3, rtol=0)
    other = album(2, 4, 5, 3, seed=1)
    expected = (other.values[1].double() - torch.tensor(encoder.channels.mean)) / torch.tensor(
        encoder.channels.deviation
    )
    found = encoder.pictures(encoder.encode(other).padded(torch.tensor([1]))[0])[0]
    torch.testing.assert_close(found, expected.float())


def test_scales_are_of_some_of_many_and_finite_where_all_is_one_level():
    many = Album.of((np.arange(3000) % 256)[:, None, None], "x")
    assert PictureEncoder.fit(many, "rows").channels.mean[0] == pytest.approx(float(many.values.double().mean()), abs=1)
    assert PictureEncoder.fit(Album.of(np.full((2, 2, 2), 7), "x"), "rows").channels.deviation == (1.0,)


def test_rows_for_training():
    rows = PictureEncoder.fit(album(4, 3, 5), "pixels").encode(album(4, 3, 5))
    assert len(rows) == 4
    assert rows.lengths.tolist() == [15] * 4
    x = rows.padded(torch.tensor([2]))[0]
    assert rows.inputs(x)["x"] is x
    with pytest.raises(InputError, match="--longest is 7, but pictures are read whole: give --size"):
        rows.cut(7)


@pytest.mark.parametrize("way", WAYS)
def test_it_comes_back_from_json(way):
    encoder = PictureEncoder.fit(album(4, 3, 5, 3), way)
    assert PictureEncoder.from_json(encoder.to_json()) == encoder


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="--as is 'columns', but pictures are read as rows, pixels or permuted"):
        PictureEncoder("columns", (1, 1, 1), Channels((0.0,), (1.0,)))
    encoder = PictureEncoder.fit(album(4, 3, 5), "rows")
    for other in (album(2, 5, 3), album(2, 3, 5, 3)):
        with pytest.raises(InputError, match=r"and . channels, but the model reads 5 x 3 and 1: give such"):
            encoder.encode(other)
