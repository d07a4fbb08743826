"""The figures: what is drawn is what was given, the SVG stands alone and beside others, any text is safe."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from PIL import Image

from elman.evaluate import plots
from elman.evaluate.labels import plots as class_plots
from elman.evaluate.style import name_ends, styled

SVG = "{http://www.w3.org/2000/svg}"
HOURS = np.datetime64("2024-03-01T00", "h") + np.arange(96)
WAVE = 100 + 20 * np.sin(np.arange(96) / 24 * 2 * np.pi)
RNG = np.random.default_rng(0)
HISTORY = [
    {"step": i, "loss": 1 / (i + 1), "valid": 1 / (i + 1) + (i / 90) ** 2 if i % 5 == 0 else None, "lr": 1e-3}
    for i in range(60)
]


def window(K=24, **more):
    middle = WAVE[72 : 72 + K]
    bands = {0.8: (middle - 5, middle + 5), 0.95: (middle - 9, middle + 9)}
    return plots.forecast(HOURS[72 : 72 + K], middle, bands, middle + 1, (HOURS[:72], WAVE[:72]), **more)


MADE = {
    "forecast": window(label="Demand, MWh"),
    "forecast of one step": window(1),
    "forecast of integers, alone": plots.forecast([3, 4, 5], [1.0, 2.0, 3.0]),
    "forecast with missing actual": plots.forecast([3, 4], [1.0, 2.0], actual=[np.nan, np.nan]),
    "forecast without a past": plots.forecast([3, 4], [1.0, 2.0], history=([], [])),
    "error by step": plots.error_by_step({"this model": [1.0, 2, 3], "the last value": [2.0, np.nan, np.nan]}),
    "training": plots.training(HISTORY),
    "training, nothing recorded": plots.training([]),
    "scatter": plots.scatter(RNG.normal(0, 1, (99, 9)), RNG.normal(0, 1, (99, 9)), "MW"),
    "scatter of nothing": plots.scatter([np.nan], [1.0]),
    "scatter of one value": plots.scatter([2.0, 2.0], [2.0, 2.0]),
    "residuals": plots.residuals(RNG.normal(0, 1, 900), np.zeros(900), "MW"),
    "residuals all equal": plots.residuals([1.0, 2.0], [1.0, 2.0]),
    "residuals of nothing": plots.residuals([], []),
    "calibration": plots.calibration({0.8: 0.75, 0.95: 0.99}),
    "confusion": class_plots.confusion([[50, 3], [10, 40]], ["negative", "positive"]),
    "confusion of many": class_plots.confusion(
        RNG.integers(0, 999, (12, 12)), [f"label number {i}" for i in range(12)]
    ),
    "confusion with a label never true": class_plots.confusion([[3, 0], [0, 0]], ["a", "b"]),
    "reliability": class_plots.reliability(RNG.integers(0, 3, 200), RNG.dirichlet(np.ones(3), 200)),
    "reliability of one row": class_plots.reliability([0], [[0.5, 0.5]]),
}


def texts(plot):
    return ["".join(element.itertext()) for element in ET.fromstring(plot.svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("plot", MADE.values(), ids=MADE)
def test_svg_is_small_self_contained_and_described(plot):
    root = ET.fromstring(plot.svg)
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == plot.title and description.text == plot.description and len(plot.description) > 10
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert len(plot.svg) < (80_000 if "dot" in plot.description or "labels" in plot.description else 25_000)
    for element in root.iter():
        assert element.tag not in {f"{SVG}style", f"{SVG}metadata", f"{SVG}image"}
        for key, value in element.attrib.items():
            assert not key.endswith("href") or value.startswith("#")
            assert "url(" not in value.replace("url(#", "")
            assert "DejaVu" not in value and "nan" not in value.lower()


def test_names_inside_one_svg_point_somewhere_and_none_meets_another_svg():
    seen = set()
    for plot in MADE.values():
        root = ET.fromstring(plot.svg)
        names = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(names) == len(set(names)) and not seen & set(names)
        seen |= set(names)
        pointers = {v[1:] for element in root.iter() for k, v in element.attrib.items() if k.endswith("href")}
        clips = {e.get("clip-path")[5:-1] for e in root.iter() if e.get("clip-path")}
        assert pointers | clips | set(root.get("aria-labelledby").split()) == set(names)


def test_every_colour_is_one_a_page_may_set():
    for plot in MADE.values():
        for element in ET.fromstring(plot.svg).iter():
            for rule in element.get("style", "").split("; "):
                if rule.startswith(("fill: ", "stroke: ")):
                    assert rule.endswith("none") or "var(--plot-" in rule


def test_the_same_input_gives_the_same_bytes():
    assert window(label="Demand, MWh").svg == MADE["forecast"].svg
    assert plots.training(HISTORY).svg == MADE["training"].svg


def test_forecast_draws_what_it_was_given():
    plot = window()
    axes = plot.figure.axes[0]
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    for values in (WAVE[:72], WAVE[72:], WAVE[72:] + 1):
        assert any(len(line) == len(values) and np.array_equal(line, values) for line in drawn)
    wide, narrow = (area.get_paths()[0].vertices[:, 1] for area in axes.collections)
    assert (wide.min(), wide.max()) == pytest.approx((WAVE[72:].min() - 9, WAVE[72:].max() + 9))
    assert (narrow.min(), narrow.max()) == pytest.approx((WAVE[72:].min() - 5, WAVE[72:].max() + 5))
    shown = texts(plot)
    assert {"actual", "forecast", "80 %", "95 %"} <= set(shown) and "2024" in shown and "03 Mar" in shown


def test_one_step_has_bands_too():
    bands = MADE["forecast of one step"].figure.axes[0].collections
    assert [band.get_segments()[0][:, 1].tolist() for band in bands] == [
        [WAVE[72] - 9, WAVE[72] + 9],
        [WAVE[72] - 5, WAVE[72] + 5],
    ]


def test_lines_are_named_at_their_ends_even_where_the_last_step_is_unknown():
    assert {"this model", "the last value"} <= set(texts(MADE["error by step"]))


def test_names_at_the_ends_stay_apart():
    plot = plots.error_by_step({f"line {i}": [1.0, 5 + i / 100] for i in range(6)})
    plot.figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in plot.figure.axes[0].texts), key=lambda box: box.y0)
    assert len(boxes) == 6
    assert all(above.y0 >= below.y1 - 1 for below, above in pairwise(boxes))
    assert [text.get_text() for text in plot.figure.axes[0].texts] == [f"line {i}" for i in range(6)]


def test_training_marks_the_lowest_validation_loss_and_leaves_out_what_is_absent():
    plot = MADE["training"]
    recorded = [(r["valid"], r["step"]) for r in HISTORY if r["valid"] is not None]
    assert f"at step {min(recorded)[1]}." in plot.description
    assert "learning rate" in texts(plot) and "gradient norm" not in texts(plot)
    assert len(plot.figure.axes) == 2


def test_a_loss_that_falls_far_is_drawn_on_a_log_scale_and_one_below_zero_is_not():
    falling = plots.training([{"step": i, "loss": 10.0 ** (2 - i / 5)} for i in range(20)])
    assert falling.figure.axes[0].get_yscale() == "log" and "0.1" in texts(falling)
    below = plots.training([{"step": i, "loss": 1.0 - i} for i in range(20)])
    assert below.figure.axes[0].get_yscale() == "linear"


def test_long_histories_are_thinned_to_means():
    plot = plots.training([{"step": i, "loss": float(i % 2)} for i in range(60_000)])
    line = plot.figure.axes[0].lines[0]
    assert len(line.get_xdata()) == plots.POINTS and np.allclose(line.get_ydata(), 0.5)
    assert len(plot.svg) < 30_000


def test_scatter_says_how_many_of_how_many_and_residuals_their_mean():
    assert MADE["scatter"].description.startswith("600 of 891 forecasts")
    error = np.array([1.0, 2.0, -0.5, 3.5])
    plot = plots.residuals(error, np.zeros(4))
    assert "mean 1.50" in texts(plot) and "75 % of the forecasts were too low" in plot.description
    counts = plot.figure.axes[0].patches[0].get_data().values
    assert counts.sum() == 4


def test_calibration_places_points_as_percentages():
    line = MADE["calibration"].figure.axes[0].lines[1]
    assert line.get_xydata() == pytest.approx(np.array([[80, 75], [95, 99]]))


HOSTILE = [
    "<script>alert(1)</script>",
    '$x^$ & "y"',
    "需求 \x00\x07",
    ' id="x" d="1.23456" fill: #0072b2',
    "a" * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_may_be_a_name(text):
    plot = plots.error_by_step({text: [1.0, 2.0]}, label=text, title=text)
    shown = " ".join(texts(plot)) + ET.fromstring(plot.svg).find(f"{SVG}title").text
    assert "<script" not in plot.svg
    assert text.replace("\x00\x07", "").strip()[:12] in shown


def test_matplotlib_is_left_as_it_was_and_pyplot_is_not_loaded():
    before = dict(matplotlib.rcParams)
    _ = window(6).svg
    assert dict(matplotlib.rcParams) == before
    code = "import sys, elman.evaluate.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_png_has_the_shape_of_the_figure_and_a_transparent_ground(tmp_path):
    path = plots.save_png(MADE["calibration"], tmp_path / "figure.png", dpi=144)
    with Image.open(path) as image:
        assert image.size == (800, 540) and image.mode == "RGBA" and image.getpixel((0, 0))[3] == 0


@pytest.mark.parametrize("times", [1, 50])
def test_names_stand_at_the_ends_of_their_lines(times):
    history = [{"step": at, "loss": times * (5 - at), "valid": times * (9 - at)} for at in range(3)]
    axes = plots.training(history).figure.axes[0]
    low, high = axes.get_ylim()
    found = {text.get_text(): low + text.get_position()[1] * (high - low) for text in axes.texts}
    assert found["training"] == pytest.approx(3 * times) and found["validation"] == pytest.approx(7 * times)


def test_names_that_would_leave_the_top_are_moved_down():
    plot = MADE["calibration"]
    axes = plot.figure.axes[0]
    count = len(axes.texts)
    with styled():
        name_ends(axes, [(100.0, f"name {i}", "#000000") for i in range(4)])
    placed = [text.get_position()[1] for text in axes.texts[count:]]
    assert max(placed) <= 1.03 and np.diff(placed) == pytest.approx(0.065)
    for text in axes.texts[count:]:
        text.remove()
