"""The painter: pictures in, pictures of the same kind out, and what a picture costs."""

import numpy as np
import pytest
from PIL import Image

from elman.errors import InputError
from elman.tasks.load import load
from elman.tasks.paint import Painter
from made_pictures import bars, folder_of_bars


def quick(**settings):
    return Painter(**{"steps": 40, "hidden": 16, "batch_size": 32, "learning_rate": 1e-2, **settings})


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    x, y = bars(200)
    file = tmp_path_factory.mktemp("painter") / "bars.npz"
    np.savez(file, x_train=x, y_train=y, x_test=bars(60)[0][:40], y_test=y[:40])
    return file


@pytest.fixture(scope="module")
def fitted(archive):
    """A model which no test may change."""
    return quick(steps=120).fit(archive)


def test_an_archive_is_learnt_and_costs_less_than_each_pixel_alone(fitted):
    told = fitted.evaluation_
    assert told.rows == 40
    assert told.metrics["nats"] < told.baselines["places"]["nats"]
    assert told.metrics["bits_per_dimension"] == pytest.approx(told.metrics["nats"] / 64 / np.log(2))
    assert "Painted" in fitted.report()


def test_pictures_are_painted_and_drawn_again_by_their_seed(fitted):
    found = fitted.predict(count=5, seed=1)
    assert found.shape == (5, 8, 8, 1) and found.dtype == np.uint8 and set(np.unique(found)) <= {0, 255}
    np.testing.assert_array_equal(found, fitted.predict(count=5, seed=1))
    assert (found != fitted.predict(count=5, seed=2)).any()
    assert fitted.predict().shape[0] == 16


def test_the_upper_share_of_a_picture_is_kept(fitted, tmp_path):
    x = np.where(bars(3)[0] > 100, 255, 0).astype(np.uint8)
    found = fitted.predict(x, keep=0.5, seed=0)[..., 0]
    np.testing.assert_array_equal(found[:, :4], x[:, :4])
    np.testing.assert_array_equal(fitted.predict(x, keep=1.0, seed=0)[..., 0], x)
    Image.fromarray(x[0]).save(tmp_path / "x.png")
    assert fitted.predict(str(tmp_path / "x.png"), keep=0.25).shape == (1, 8, 8, 1)


def test_a_painter_is_saved(fitted, archive, tmp_path):
    again = load(fitted.save(tmp_path / "m"))
    np.testing.assert_array_equal(again.predict(count=3, seed=4), fitted.predict(count=3, seed=4))
    told, before = again.evaluate(archive), fitted.evaluation_
    assert told.metrics["nats"] == pytest.approx(before.metrics["nats"], rel=1e-6)
    assert told.baselines == before.baselines


@pytest.mark.parametrize("settings", [{"levels": 4}, {"levels": 16, "cell": "gru"}, {"colour": True, "levels": 3}])
def test_levels_and_colours_are_painted(tmp_path, settings):
    folder_of_bars(tmp_path, 20)
    model = quick(**settings).fit(tmp_path)
    found = model.predict(count=2, seed=0)
    assert found.shape == (2, 8, 8, 3 if settings.get("colour") else 1)
    assert len(np.unique(found)) <= settings["levels"]
    assert model.evaluation_.metrics["bits_per_dimension"] < np.log2(settings["levels"])


def test_pictures_met_in_the_fit_are_noticed(fitted, tmp_path):
    np.savez(tmp_path / "same.npz", x=bars(200)[0])
    assert any("were learnt from" in note for note in fitted.evaluate(tmp_path / "same.npz").notes)


def test_what_cannot_be_painted_is_refused(fitted, archive, tmp_path):
    for wrong, said in [
        ({"count": 0}, "count must be from 1 to 10,000"),
        ({"temperature": -1.0}, "temperature must be at least 0"),
        ({"keep": 0.5}, "--keep is of pictures that are given"),
    ]:
        with pytest.raises(InputError, match=said):
            fitted.predict(**wrong)
    with pytest.raises(InputError, match="--count is of pictures that are painted wholly"):
        fitted.predict(archive, count=3)
    with pytest.raises(InputError, match="pictures are needed"):
        fitted.predict("a text")
    with pytest.raises(InputError, match="levels must be from 2 to 256"):
        quick(levels=1).fit(archive)
    with pytest.raises(InputError, match="holds no pictures"):
        quick().fit(tmp_path)
    large = np.zeros((4, 80, 80), np.uint8)
    with pytest.raises(InputError, match="80 x 80 pixels, but 4,096 are painted at most"):
        quick(size=80).fit(large)
