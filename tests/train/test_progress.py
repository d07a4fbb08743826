"""The bar tells of loss, validation and gradient: on a terminal in place, elsewhere in some lines."""

import io

from rich.console import Console

from elman.train.progress import Bar

EVENTS = [
    {"event": "start", "steps": 4, "every": 2},
    {"event": "step", "step": 1, "steps": 4, "loss": 0.75, "grad_norm": 2.5, "lr": 0.1},
    {"event": "step", "step": 2, "steps": 4, "loss": 0.5, "grad_norm": 1.5, "lr": 0.1},
    {"event": "valid", "step": 2, "steps": 4, "loss": 0.625, "grad_norm": 2.0, "lr": 0.1, "valid": 0.25, "best": 0.25,
     "seconds": 3.2},
    {"event": "end", "steps": 4, "best_step": 2, "why": "the planned steps were made"},
]  # fmt: skip


def test_away_from_a_terminal_each_validation_is_a_line_on_stderr(capsys):
    bar = Bar(Console(file=io.StringIO()))
    for event in EVENTS:
        bar(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "step 2/4  loss 0.625  valid 0.2500 (best 0.2500)  |grad| 2  3 s\n"


def test_away_from_a_terminal_many_validations_are_some_lines(capsys):
    bar = Bar(Console(file=io.StringIO()))
    for step in range(1, 1001):
        bar({**EVENTS[3], "step": step, "steps": 1000})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 25 and lines[-1].startswith("step 1000/1000")


def test_steps_that_were_all_skipped_have_no_loss_to_tell(capsys):
    bar = Bar(Console(file=io.StringIO()))
    bar({**EVENTS[3], "loss": None, "grad_norm": None})
    err = capsys.readouterr().err
    assert "loss -  " in err and "|grad| -  " in err


def test_on_a_terminal_the_bar_is_drawn_in_place_and_closed(capsys):
    screen = io.StringIO()
    bar = Bar(Console(file=screen, force_terminal=True, width=120))
    for event in EVENTS:
        bar(event)
    assert bar.progress is None
    assert "loss 0.7500" in screen.getvalue() and "|grad| 2.50" in screen.getvalue()
    assert capsys.readouterr().err == ""


def test_an_alarm_is_shown_once_as_long_as_it_lasts():
    screen = io.StringIO()
    bar = Bar(Console(file=screen, width=120))
    for text in (None, "it says one thing", "it says one thing", None, "it says nothing"):
        bar({**EVENTS[3], "alarm": text})
    assert screen.getvalue() == "WARNING: it says one thing\nWARNING: it says nothing\n"


FLOW = {"name": "layer", "verdict": "vanishing", "memory": 3, "steps": 30, "norms": [1.0] * 12 + [0.0] * 12}
FLOW |= {"radius": {"h": 0.5}, "stuck": {"h": (0.1, 0.2)}, "silent": 2, "units": 8}
LOOK = {"event": "look", "step": 2, "moved": 0.01, "inside": [FLOW]}
LINE = (
    f"step 2  layer  {'█' * 12}{'▁' * 12}  vanishing, remembers 3 of 30 steps, radius 0.50, stuck 30 %, "
    "silent 2 of 8, a step moves 1 %"
)


def test_what_goes_on_inside_is_a_line_a_layer_where_it_is_wanted(capsys):
    for inside in (False, True):
        bar = Bar(Console(file=io.StringIO()), inside=inside)
        for event in [*EVENTS[:4], LOOK, EVENTS[4]]:
            bar(event)
        assert (LINE in capsys.readouterr().err) == inside


def test_on_a_terminal_it_stands_above_the_bar():
    screen = io.StringIO()
    bar = Bar(Console(file=screen, force_terminal=True, width=160), inside=True)
    for event in [*EVENTS[:4], LOOK, EVENTS[4]]:
        bar(event)
    assert LINE in screen.getvalue() and bar.progress is None
