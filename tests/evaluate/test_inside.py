"""What went on inside, drawn: both ends of the training, whatever the numbers are."""

from elman.evaluate.inside import section, through_time
from elman.evaluate.report import Report

FLOW = {
    "name": "layer", "cell": "rnn", "steps": 30, "lags": [0, 10, 29], "norms": [1.0, 0.1, 0.0], "verdict": "vanishing",
    "memory": 10, "factor": 0.5, "direct": 0.0, "radius": {"h": 0.5}, "stuck": {"h": [0.1, 0.2]},
    "silent": 3, "units": 8,
}  # fmt: skip
LOOKS = [{"step": 0, "inside": [{**FLOW, "norms": [1.0, 1e300, 1e300]}]}, {"step": 9, "inside": [FLOW]}]


def test_the_picture_says_in_words_what_it_shows():
    plot = through_time(LOOKS)
    assert plot.description == "layer: vanishing, 0 at lag 29."
    assert "steps back" in plot.svg and "10⁻" in plot.svg and plot.svg.startswith("<svg")


def test_the_section_stands_in_a_page_with_the_findings():
    page = Report("Model", sections=[section(LOOKS, ["It vanishes."])]).render()
    for text in ("Gradients through time", "10 of 30", "3 of 8", "It vanishes.", "30"):
        assert text in page


def test_gated_cells_have_no_column_of_the_radius():
    gated = {**FLOW, "cell": "gru", "radius": {"r": 1.0, "z": 1.0, "n": 1.0}, "stuck": {}}
    shown = section([{"step": 0, "inside": [gated]}], [])
    assert "radius of W_hh" not in shown.items[1].columns and "–" in shown.items[1].written[0]


def test_nothing_was_seen_and_nothing_is_shown():
    assert section([], []) is None and section([{"step": 0, "inside": []}], []) is None
