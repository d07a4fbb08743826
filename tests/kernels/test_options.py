"""What each cell may have beyond its plain equations, and the sentence that refuses the rest."""

import pytest
import torch
from cases import CELLS, given, tensors

from elman import kernels
from elman.kernels import Options, Weights
from elman.kernels.options import EXTRAS, check, extras

ONE = torch.ones(1)
NORM = {"gain_ih": ONE, "gain_hh": ONE}


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_what_the_table_has_is_allowed_and_named(case):
    weights, options = given(case, tensors(case)[0], torch.float64)
    check(case.operation, options, weights[0])
    named = {"drop": "recurrent dropout"}
    asked = {named.get(word, word) for word in case.also} - {"evaluated"} | ({"decay"} & EXTRAS[case.operation])
    assert set(extras(options, weights[0])) == asked


@pytest.mark.parametrize(
    ("operation", "options", "weights", "message"),
    [
        ("elman", {}, {}, "operation is 'elman', but there are rnn, lstm, gru, slstm"),
        (
            "rnn",
            {"activation": "gelu"},
            {},
            "activation is 'gelu', but 'rnn' has 'tanh', 'relu', 'sigmoid': choose one",
        ),
        (
            "indrnn",
            {"activation": "sigmoid"},
            {},
            "activation is 'sigmoid', but 'indrnn' has 'relu', 'tanh': choose one",
        ),
        ("gru", {"activation": "relu"}, {}, "activation is 'relu', but 'gru' has 'tanh': choose one"),
        ("gru", {"reset": "never"}, {}, "reset is 'never', but it must be 'after' or 'before'"),
        ("lstm", {"reset": "before"}, {}, "reset before is asked for, but of such options 'lstm' has cells, clip"),
        ("gru", {"cells": True}, {}, "cells is asked for, but of such options 'gru' has clip, layer norm"),
        ("gru", {"zone_c": ONE}, {}, "zoneout of c is asked for, but of such options 'gru' has"),
        ("mingru", {"zone_h": ONE}, {}, "zoneout is asked for, but of such options 'mingru' has none"),
        ("indrnn", {"drop": ONE}, {}, "recurrent dropout is asked for, but of such options 'indrnn' has none"),
        ("lstm", {"heads": 2}, {}, "heads is asked for, but of such options 'lstm' has cells"),
        ("gru", {}, {"weight_hr": ONE}, "projection is asked for, but of such options 'gru' has"),
        ("rnn", {}, {"weight_ch": ONE}, "peephole is asked for, but of such options 'rnn' has"),
        ("slstm", {}, NORM, "layer norm is asked for, but of such options 'slstm' has heads"),
        ("rnn", {"clip": 0.0}, {}, "clip is 0.0, but a number above 0 is needed"),
        ("rnn", {"clip": float("nan")}, {}, "clip is nan, but a number above 0 is needed"),
        ("gru", {"reset": "before"}, NORM, "reset is 'before' beside layer norm, which needs 'after'"),
        ("rnn", {}, {"gain_ih": ONE}, "gain_hh is missing, but layer norm of 'rnn' has gain_ih, gain_hh: give these"),
        ("lstm", {}, NORM, "gain_c is missing, but layer norm of 'lstm' has gain_ih, gain_hh, gain_c: give these"),
        ("lstm", {}, {"bias_c": ONE}, "gain_ih is missing"),
        (
            "gru",
            {},
            NORM | {"gain_c": ONE},
            "gain_c is given, but layer norm of 'gru' has gain_ih, gain_hh: give these",
        ),
        ("slstm", {"heads": 3}, {"weight_ih": torch.ones(16, 1)}, "heads is 3, but a divisor of H=4 is needed"),
        ("slstm", {"heads": 0}, {"weight_ih": torch.ones(16, 1)}, "heads is 0, but a divisor of H=4 is needed"),
        ("lstm", {}, {"weight_hh": None}, "weights have no weight_hh, but 'lstm' needs it: give it"),
        ("rglru", {}, {}, "weights have no decay, but 'rglru' needs it: give it"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(operation, options, weights, message):
    own = Weights(**{"weight_ih": ONE, "weight_hh": ONE} | weights)
    with pytest.raises(ValueError, match=message):
        check(operation, Options(**options), own)
    with pytest.raises(ValueError, match=message):
        kernels.layer(operation, torch.ones(1, 1, 1), (torch.ones(1, 1, 1),), (own,), options=Options(**options))


def test_what_only_weights_tell_is_left_open_without_them():
    check("gru", Options(reset="before"))
    check("slstm", Options(heads=3))
