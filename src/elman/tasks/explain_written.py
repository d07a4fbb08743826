"""Why a text was written: what of the text or sound that was read each symbol owes to what, and attention's own map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.data.ragged import Ragged
from elman.data.sequence_pairs import SequencePairs
from elman.data.sequences import Rows
from elman.data.text.reader import read_texts
from elman.errors import InputError
from elman.evaluate.alignment import alignment
from elman.evaluate.explanation import heat, shaded
from elman.evaluate.plots import Plot
from elman.evaluate.report import Figure, Item
from elman.evaluate.weighed import MOST_PIECES, of_pairs
from elman.evaluate.wording import Own
from elman.nn import ctc
from elman.nn.beam import Found
from elman.nn.pointer import PointerNetwork
from elman.tasks.explained import Explained, chosen_row
from elman.tasks.weighing import Answer, weigh

AT_ONCE = 2**18  # numbers read at once: for each of a few rows the whole vocabulary is weighed at every step
PARTS = 40  # of a sound that are hidden in turn


def explain_pair(model: Any, source: Any, row: int | None) -> Explained:
    """Of one text: what each written symbol loses when one that was read is hidden, and what attention looked at."""
    texts = read_texts(source, model.config_.source, model.name)
    text = texts[chosen_row(row, len(texts))]
    if not text.strip():
        raise InputError("the text is empty, and so is what is written of it: give another --row")
    rows = model.rows([text])
    found = model.written(rows)[0][0]
    read = model.read_by.pieces(text)[: int(rows.lengths[0])]
    written = [*model.pieces(rows, 0, found), "end"]
    said = model.texts(rows, [found])[0]
    inputs = _pair(model, rows, found)
    network = model.network_
    copies = isinstance(network, PointerNetwork)
    answer = Answer(repr(said), "the text's log probability", lambda outputs: outputs.sum(1))
    weighed, effects = weigh(
        answer,
        [network],
        _copied if copies else _spoken,
        inputs,
        (lambda one: one.encoder) if copies else (lambda one: one.encoder.dropout),
        torch.eye(len(read), dtype=torch.bool)[..., None],
        read,
        AT_ONCE,
    )
    apart = " " if model.read_by.level == "word" else ""
    items: list[Item] = [*shaded(read[:MOST_PIECES], weighed.shares.tolist()[:MOST_PIECES], apart, said)]
    looked = alignment(found.attention[:, : len(read)].numpy(), written, along=read, upright="written", label="read")
    hidden, figure = of_pairs(effects, read, written, "a written symbol's log probability")
    page = weighed.page([*items, figure, Figure(looked.svg, "What attention looked at when each was written.")])
    facts = {"read": read, "written": written, "hidden": effects.T.tolist(), **weighed.facts, "answer": said}
    plots = {"hidden": hidden, "attention": looked}
    return Explained(f"Why {said!r}", weighed.sentence, (page,), weighed.table, plots, facts)


def _pair(model: Any, rows: Rows, found: Found) -> dict[str, Tensor]:
    """The inputs of a row with what was written, which the network is asked the log probability of."""
    y = Ragged.of([np.array(found.symbols, np.int64)])
    batch = SequencePairs(rows, y, model.target_tokens_.size).batch(torch.tensor([0]))
    assert batch.y is not None
    inputs = {**batch.inputs, "before": batch.inputs["before"].long(), "after": batch.y.long()}
    return {name: value.to(model.config_.device) for name, value in inputs.items()}


def _log_p(logits: Tensor, after: Tensor) -> Tensor:
    """(N, T): the log probability of each symbol ``after`` (T, N) by logits (T, N, V)."""
    return logits.log_softmax(-1).gather(-1, after[..., None])[..., 0].T


def _spoken(network: Any) -> Callable[..., Tensor]:
    return lambda after, **given: _log_p(network(**given), after)


def _copied(network: Any) -> Callable[..., Tensor]:
    return lambda after, **given: network(**given, after=after).log_p.reshape(after.shape).T


def explain_heard(model: Any, source: Any, row: int | None) -> Explained:
    """Of one sound: what its text loses when a part of the sound is hidden, and when each symbol was heard."""
    recordings = model.recordings(source)
    at = chosen_row(row, len(recordings))
    x = model.encoder_.encode([recordings.waves[at]])
    found = model.written(x)[0][0]
    said = model.decoded(found)
    if not found.symbols:
        raise InputError(f"nothing is heard in {recordings.names[at]}, so nothing is to be explained: give another")
    inputs, ends = _pair(model, x, found), np.linspace(0, len(x.values), min(PARTS, len(x.values)) + 1).astype(int)
    seconds = (ends * model.encoder_.hop).tolist()
    names = [Own(f"{begin:.2f}-{end:.2f} s") for begin, end in pairwise(seconds)]
    steps = torch.arange(len(x.values))
    parts = torch.stack([(begin <= steps) & (steps < end) for begin, end in pairwise(ends)])
    answer = Answer(repr(said), "the text's log probability", lambda outputs: outputs.sum(1))
    call = _heard if model.config_.by == "ctc" else _told
    weighed, effects = weigh(answer, [model.network_], call, inputs, lambda one: None, parts[..., None], names, AT_ONCE)
    drawn = model.drawn(x, 0, found)
    plots: dict[str, Plot] = {
        "time": heat(weighed.shares, [Own("in all")], _middle(seconds), label="seconds", title="By time", wide=True),
        "attention": alignment(
            drawn.weights, list(drawn.symbols), along=drawn.seconds, upright="heard", label="seconds"
        ),
    }
    if call is _told:
        symbols = [*drawn.symbols, "end"]
        plots["hidden"] = heat(effects.T, symbols, _middle(seconds), label="seconds", title="By symbol and time")
    captions = {
        "time": "Where in the sound the text comes from: integrated gradients.",
        "attention": "When each symbol was heard.",
        "hidden": "What each symbol loses when a part of the sound is hidden.",
    }
    page = weighed.page([Figure(plot.svg, captions[name], name == "time") for name, plot in plots.items()])
    facts = {"file": recordings.names[at], **weighed.facts, "answer": said}
    return Explained(f"Why {said!r}", weighed.sentence, (page,), weighed.table, plots, facts, recordings.notes)


def _told(network: Any) -> Callable[..., Tensor]:
    """By attention."""
    return lambda after, **given: _log_p(network(**given).logits, after)


def _heard(network: Any) -> Callable[..., Tensor]:
    """By ctc, of the text as a whole: (N, 1)."""

    def log_p(x: Tensor, lengths: Tensor, before: Tensor, after: Tensor) -> Tensor:
        y, steps = network.hear(x, lengths)
        sizes = torch.full((x.shape[1],), len(after) - 1)
        return -ctc.ctc_costs(network.said(y), steps, after[:-1], sizes)[:, None]

    return log_p


def _middle(seconds: Sequence[float]) -> np.ndarray:
    return (np.array(seconds[:-1]) + np.array(seconds[1:])) / 2
