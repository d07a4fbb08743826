"""Why a classifier or regressor answers as it does: for a text, for numbers or a sound, for a picture, for a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.batch import in_order
from elman.data.labelled import Labelled, is_folder
from elman.data.motion import is_motion
from elman.data.pictures.archive import is_archive
from elman.data.pictures.ways import PictureEncoder
from elman.data.ragged import Ragged
from elman.data.sequences import Sequences
from elman.data.text.tokens import Tokens
from elman.evaluate import explanation
from elman.evaluate.explanation import Drivers
from elman.evaluate.plots import Plot
from elman.evaluate.report import Section
from elman.evaluate.weighed import Weighed, of_frames, of_picture, of_steps, of_text
from elman.evaluate.wording import Own
from elman.explain.entry import recorded
from elman.explain.importance import REPEATS, Importance, permutation_importance
from elman.explain.units import Followed, followed, movers
from elman.nn.ensemble import Ensemble
from elman.tasks.clips import Clips
from elman.tasks.explained import Explained, chosen_row
from elman.tasks.weighing import Answer, weigh

MOST_ROWS, LOOKED_AT = 2000, 300  # rows that are shuffled, and whose states are looked at
MOST_NUMBERS = 2**25  # that those hold together
FEWEST = 10  # labelled rows that are worth shuffling
MOST_SIGNALS = 64  # features that units may follow
PATCHES = 8  # of a picture's side that are hidden in turn
THIRDS = (Own("first third"), Own("middle third"), Own("last third"))
ENDS = (Own("steps since the start"), Own("steps to the end"))


def explain_pooled(model: Any, source: Any, row: int | None) -> Explained:
    """One row's answer, and of labelled numbers and sounds what all answers rest on, and what units follow."""
    data, labelled = _read(model, source)
    at = chosen_row(row, len(data))
    one = data.take(torch.tensor([at]))
    answer = model.answer(one)
    inputs = Sequences(model.encoded(one.x)).batch(torch.tensor([0])).to(model.config_.device).inputs
    name = "" if data.shown is None or isinstance(model.encoder_, Tokens) else data.shown[at]
    title = f"Why {answer.said}" + (f": {name}" if name else f": row {at + 1}" if len(data) > 1 else "")
    notes = [*data.notes, *model.blend_told()]
    if isinstance(model.encoder_, Tokens):
        pieces = model.encoder_.pieces(one.x[0])[: len(inputs["x"])]  # type: ignore[index]
        weighed = _weighed(model, answer, inputs, torch.eye(len(inputs["x"]), dtype=torch.bool)[..., None], pieces)
        page, plots, table = of_text(weighed, " " if model.encoder_.level == "word" else "")
    elif isinstance(model.encoder_, PictureEncoder):
        page, plots, table, weighed = _picture(model, answer, inputs)
    elif isinstance(model.medium_, Clips):
        steps = torch.eye(len(inputs["x"]), dtype=torch.bool)[..., None]
        names: list[str] = [Own(f"frame {at}") for at in range(1, len(steps) + 1)]
        weighed = _weighed(model, answer, inputs, steps, names)
        frames = inputs["x"][:, 0].cpu().numpy().reshape(-1, *model.medium_.encoder.shape)
        page, plots, table = of_frames(weighed, frames)
    else:
        names = feature_names(model)
        kinds = list(dict.fromkeys(names))
        features = torch.tensor([[name == kind for name in names] for kind in kinds])
        weighed = _weighed(model, answer, inputs, features[:, None], kinds)
        page, plots, table = of_steps(weighed, weighed.values @ features.double().numpy().T)
    pages, facts = [page], {"answer": answer.said, "row": at + 1, **weighed.facts}
    sentence = weighed.sentence
    if labelled and _shuffles(model) and len(data) >= FEWEST:
        error, found, count = _importance(model, data)
        drivers = Drivers({part: (rise.share, rise.low, rise.high) for part, rise in found.items()})
        plots["importance"] = drivers.plot
        pages = [drivers.page(plots["importance"]), *pages]
        notes.append(f"{count:,} of {len(data):,} rows are shuffled, each part {REPEATS} times")
        facts |= {"error": error, "importance": {part: asdict(rise) for part, rise in found.items()}}
        sentence = f"{drivers.sentence('The answers')} {sentence}"
        table = drivers.table
    pages += _units_page(model, data, facts)
    return Explained(title, sentence, tuple(pages), table, plots, facts, tuple(notes))


def _read(model: Any, source: Any) -> tuple[Labelled, bool]:
    """The rows of a source, with their labels where it has some, and whether it has."""
    parted = isinstance(source, str | Path) and (is_folder(source) or is_motion(source) or is_archive(source))
    texts = isinstance(model.encoder_, Tokens)
    return (model.labelled(source), True) if parted and not texts else (model.unlabelled(source), False)


def _weighed(model: Any, answer: Answer, inputs: dict[str, Tensor], parts: Tensor, names: Sequence[str]) -> Weighed:
    """What each of the ``parts`` (M, T, F) has of the answer, the members' means, beside what attention looks at."""
    network = model.network_
    assert isinstance(network, Ensemble)
    found, _ = weigh(answer, network.members, lambda member: member, inputs, _front, parts, names)
    with torch.no_grad():
        attention = network.explain(**inputs)[1]
    return found if attention is None else replace(found, attention=attention[:, 0].cpu().numpy())


def _front(member: Any) -> nn.Module | None:
    """What reads the symbols' vectors; None of numbers."""
    return None if member.body.embedding is None else member.body.dropout


def _picture(model: Any, answer: Answer, inputs: dict[str, Tensor]) -> tuple[Section, dict[str, Plot], Any, Weighed]:
    """Of a picture by pixel, whatever the way it is read; hidden patch by patch."""
    encoder = model.encoder_
    assert isinstance(encoder, PictureEncoder)
    tall, wide, channels = encoder.shape
    size = max(1, -(-max(tall, wide) // PATCHES))
    corners = [(y, x) for y in range(0, tall, size) for x in range(0, wide, size)]
    patches = torch.zeros(len(corners), tall, wide, channels, dtype=torch.bool)
    for patch, (y, x) in zip(patches, corners, strict=True):
        patch[y : y + size, x : x + size] = True
    names = [Own(f"rows {y + 1}-{min(y + size, tall)}, columns {x + 1}-{min(x + size, wide)}") for y, x in corners]
    weighed = _weighed(model, answer, inputs, encoder.sequences(patches).transpose(0, 1), names)
    values = encoder.pictures(torch.from_numpy(weighed.values)[:, None])[0].sum(-1).numpy()
    hidden = np.zeros((tall, wide))
    for (y, x), lost in zip(corners, weighed.hidden, strict=True):
        hidden[y : y + size, x : x + size] = lost
    seen = encoder.pictures(inputs["x"].cpu())[0].mean(-1).numpy()
    return *of_picture(weighed, values, hidden, seen), weighed


# All answers.


def feature_names(model: Any) -> list[str]:
    """What each number of a step is called."""
    if model.medium_ is not None:
        return [Own(name) for name in model.medium_.feature_names()]
    return [Own(f"channel {at}") for at in range(1, model.encoder_.features + 1)]


def _shuffles(model: Any) -> bool:
    """Whether rows are short sequences of numbers, of which parts can be exchanged."""
    return not isinstance(model.encoder_, Tokens | PictureEncoder) and not isinstance(model.medium_, Clips)


def _importance(model: Any, data: Labelled) -> tuple[float, dict[str, Importance], int]:
    """The mean error of the network, and its rise when features, or thirds of the time, are exchanged."""
    whole = model.encoded(data.x)
    assert isinstance(whole, Ragged)
    steps = int(whole.lengths.max())
    count = max(1, min(MOST_ROWS, len(data), MOST_NUMBERS // (steps * whole.values.shape[1])))
    rows = torch.from_numpy(np.random.default_rng(0).permutation(len(data))[:count]).sort()[0]
    x, lengths = whole.padded(rows)
    y = np.asarray(data.y)[rows.numpy()]
    names = feature_names(model)
    groups = {kind: {"x": torch.tensor([name == kind for name in names])} for kind in dict.fromkeys(names)}
    third = torch.arange(steps) * 3 // lengths[:, None]
    groups |= {said: {"x": (third == at)[..., None]} for at, said in enumerate(THIRDS)}

    def errors(inputs: dict[str, Tensor]) -> np.ndarray:
        found = []
        for some in torch.arange(count).split(256):
            with torch.no_grad():
                z = model.network_(
                    x=inputs["x"][some].transpose(0, 1).to(model.config_.device), lengths=lengths[some]
                ).mean(0)
            found.append(model.errors_of(z.double().cpu(), y[some.numpy()]))
        return np.concatenate(found)

    error, found = permutation_importance(errors, {"x": x.transpose(0, 1)}, groups)
    return error, found, count


def _units_page(model: Any, data: Labelled, facts: dict[str, Any]) -> list[Section]:
    """What the units of the first network's last layer follow, step by step over some rows."""
    if isinstance(model.encoder_, PictureEncoder) or isinstance(model.medium_, Clips):
        return []
    some = data.take(torch.arange(0, len(data), max(1, len(data) // LOOKED_AT))[:LOOKED_AT])
    encoded = model.encoded(some.x)
    states, moves, symbols, values, place = [], [], [], [], []
    body = model.network_.members[0].body
    for batch in in_order(Sequences(encoded), 64):
        given = batch.to(model.config_.device).inputs
        with recorded(body.stack) as found, torch.no_grad():
            body(**given)
        y, lengths = found[0].float().cpu(), given["lengths"].tolist()
        for k, (row, steps) in enumerate(zip(batch.rows.tolist(), lengths, strict=True)):
            states.append(y[:steps, k])
            moves.append(_moves(y[:steps, k], bool(body.bidirectional)))
            place.append(torch.stack([torch.arange(steps), torch.arange(steps).flip(0)], 1))
            if isinstance(model.encoder_, Tokens):
                symbols += model.encoder_.pieces(some.x[row])[:steps]  # type: ignore[index]
            else:
                values.append(given["x"][:steps, k].cpu())
    where = f"The last layer of the {'first ' if model.config_.members > 1 else ''}network, over {len(some):,} rows."
    if symbols:
        moved = movers(torch.cat(moves).numpy(), symbols)
        facts["units"] = [{"unit": unit, "symbols": dict(found)} for unit, found in moved]
        return [explanation.moving(moved, where)]
    signals = dict(zip(ENDS, torch.cat(place).double().numpy().T, strict=True))
    names = feature_names(model)
    if len(names) <= MOST_SIGNALS:
        last = {name: at for at, name in enumerate(names)}  # of several of one name the latest
        signals |= {name: torch.cat(values)[:, at].double().numpy() for name, at in last.items()}
    units: list[Followed] = followed(torch.cat(states).numpy(), signals)
    facts["units"] = [asdict(unit) for unit in units]
    rows = [(one.unit, one.signal, one.correlation, one.chance) for one in units]
    return [explanation.following(rows, where)]


def _moves(y: Tensor, bidirectional: bool) -> Tensor:
    """How far each step moves each unit from the step read before it: y (T, D H) of one row."""
    half = y.shape[1] // 2 if bidirectional else y.shape[1]
    zero = y.new_zeros(1, y.shape[1])
    forth = torch.cat([zero, y]).diff(dim=0)[:, :half]
    back = -torch.cat([y, zero]).diff(dim=0)[:, half:]
    return torch.cat([forth, back], 1)
