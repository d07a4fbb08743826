"""A small network worked out at the command line."""

import json
import math

import pytest


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    (folder / "two.json").write_text(json.dumps({"W": [[1.0], [0.5]], "U": [[0, 1], [1, 0]], "V": [[1, 1]]}))
    (folder / "bare.json").write_text('{"W": [1.0]}')
    return folder


def test_the_example_is_printed_drawn_and_handed_over(here, printed):
    out = printed("trace", "--out", "trace.svg")
    assert out.startswith("h_t = tanh(W x_t + U h_{t-1} + b)\n")
    assert "  h_1 = tanh(0.5·1 + 0.8·0 + 0) = 0.4621\n" in out and out.count("step ") == 5
    assert (here / "trace.svg").read_text().startswith("<svg")
    found = json.loads(printed("trace", "--cell", "lstm", "--inputs", "1", "-0.5", "--json"))
    assert len(found["steps"]) == 2 and set(found["steps"][0]["values"]) == {"x", "i", "f", "g", "o", "c", "h", "y"}


def test_weights_come_from_a_file(here, printed):
    found = json.loads(printed("trace", "--weights", "two.json", "--inputs=1", "--json"))
    h = [math.tanh(1.0), math.tanh(0.5)]
    assert found["steps"][0]["values"]["h"] == pytest.approx(h)
    assert found["steps"][0]["values"]["y"] == [pytest.approx(sum(h))]


def test_what_cannot_be_traced_is_refused(refused):
    assert "of which W and U are a must" in refused("trace", "--weights", "bare.json")
    assert "cannot read none.json" in refused("trace", "--weights", "none.json")
    assert "W has 2 rows, but a lstm has 4 gates" in refused("trace", "--cell", "lstm", "--weights", "two.json")
    assert "an .svg is drawn" in refused("trace", "--out", "x.png")
    assert "cnn" in refused("trace", "--cell", "cnn")
