"""Why a tagger, a generator or a recommender answers as it does: which of the steps before moved it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.data.sequences import Sequences
from elman.data.sessions.items import UNKNOWN
from elman.data.sessions.reader import Sessions
from elman.errors import InputError
from elman.evaluate.explanation import bars
from elman.evaluate.report import Figure, Section, Table
from elman.evaluate.weighed import of_pairs, of_text
from elman.nn.language import LanguageEnsemble
from elman.tasks.explained import Explained, chosen_row
from elman.tasks.weighing import Answer, against_others, weigh

MOST_READ = 300  # the last symbols of a prompt, or of a session


def explain_tags(model: Any, source: Any, row: int | None) -> Explained:
    """Of one sentence: what each tag loses when a word is hidden."""
    sentences = model.sentences(source)
    words = sentences[chosen_row(row, len(sentences))]
    inputs = Sequences(model.spelled([words])).batch(torch.tensor([0])).to(model.config_.device).inputs
    tags = model.guess([words])[0]
    numbers = torch.tensor([model.tags_.index(tag) for tag in tags])
    place, classes = torch.arange(len(words)), len(model.tags_)

    def call(network: Any) -> Callable[..., Tensor]:
        """Each word's own tag: its logit, less the mean of the others', (1, T)."""

        def own(**given: Tensor) -> Tensor:
            z = network(**given).transpose(0, 1)
            return (classes * z[:, place, numbers] - z.sum(2)) / (classes - 1)

        return own

    answer = Answer(" ".join(tags), "the tags together", lambda outputs: outputs.sum(1))
    parts = torch.eye(len(words), dtype=torch.bool)[..., None]
    _, effects = weigh(answer, [model.network_], call, inputs, lambda network: network.body.dropout, parts, words)
    plot, figure = of_pairs(effects, words, [f"{word}: {tag}" for word, tag in zip(words, tags, strict=True)], "a tag")
    others = effects * (1 - np.eye(len(words)))
    rows = []
    for at, (word, tag) in enumerate(zip(words, tags, strict=True)):
        most = int(np.abs(others[:, at]).argmax())
        rows.append((word, tag, float(effects[at, at]), words[most], float(others[most, at])))
    table = Table(
        ("word", "tag", "when it is hidden", "and of the others", "when that is"),
        rows,
        "What the tag's logit, less the mean of the others', loses.",
    )
    known = [(abs(lost), f"{other} moves the tag of {word} ({lost:+.2g})") for word, _, _, other, lost in rows]
    page = Section("Which words moved each tag", "A hidden word is one that training dropped.", [figure, table])
    sentence = f"{' '.join(f'{word}/{tag}' for word, tag, *_ in rows)}: of other words most, {max(known)[1]}."
    facts = {"words": words, "tags": tags, "hidden": effects.T.tolist()}
    return Explained("Why these tags", sentence, (page,), table, {"tags": plot}, facts)


def explain_next(model: Any, prompt: Any) -> Explained:
    """What of a prompt moved the likeliest next symbol."""
    if not isinstance(prompt, str) or not prompt:
        raise InputError("there is nothing to explain: give a text, after which the next symbol is explained")
    pieces = model.tokens_.pieces(prompt)[-MOST_READ:]
    ids = model.tokens_.encode([prompt]).values[-MOST_READ:].long()[:, None].to(model.config_.device)
    network = model.network_
    assert isinstance(network, LanguageEnsemble)
    network.eval()
    with torch.no_grad():
        z = torch.stack([member(ids, fresh=True)[-1, 0] for member in network.members]).mean(0)
    p = z[2:].softmax(0).cpu()  # padding and the unknown symbol are never written
    best = int(p.argmax()) + 2
    symbol = model.tokens_.symbols[best]
    answer = Answer(
        f"{symbol!r} ({p[best - 2]:.2f})",
        f"the logit of {symbol!r}, less the mean of the others'",
        against_others(best, len(z)),
    )
    parts = torch.eye(len(ids), dtype=torch.bool)[..., None]
    weighed, _ = weigh(
        answer,
        network.members,
        lambda member: lambda x: member(x, fresh=True)[-1],
        {"x": ids},
        lambda member: member.input_dropout,
        parts,
        pieces,
    )
    page, plots, table = of_text(weighed, " " if model.tokens_.level == "word" else "")
    facts = {"answer": symbol, "probability": float(p[best - 2]), **weighed.facts}
    return Explained(f"Why {symbol!r} comes next", weighed.sentence, (page,), table, plots, facts)


def explain_recommended(model: Any, data: Sessions, row: int | None) -> Explained:
    """Which items of a session moved the first recommendation: what it loses when one is left out."""
    at = chosen_row(row, len(data))
    codes = model.items_.encode(data).row(at)
    codes = codes[codes != UNKNOWN][-MOST_READ:].long()
    if len(codes) < 2:
        raise InputError(
            f"the session has {len(codes)} item{'s' * (len(codes) != 1)} that the model knows, but two at least are "
            "needed to leave one out: give a longer one"
        )
    whole = model.log_p(codes[:, None])[0]
    best = int(whole.argmax())
    kept = torch.stack([torch.cat([codes[:k], codes[k + 1 :]]) for k in range(len(codes))], 1)
    lost = (whole[best] - model.log_p(kept)[:, best]).tolist()
    names, first = [str(model.items_.names[code]) for code in codes.tolist()], str(model.items_.names[best])
    order = sorted(range(len(names)), key=lambda at: -abs(lost[at]))
    table = Table(
        ("item", "place", "left out"),
        [(names[at], at + 1, lost[at]) for at in order],
        f"What the log probability of {first} loses when the item is left out.",
    )
    plot = bars({f"{names[at]} ({at + 1})": lost[at] for at in order}, None, "lost when it is left out", "By item")
    figure = Figure(plot.svg, "The items of the session, with their places.")
    page = Section(f"Why {first} comes first", "Each item is left out in turn.", [figure, table])
    said = ", ".join(f"{names[at]} ({lost[at]:+.2g})" for at in order[:4])
    sentence = f"{first} ({whole[best].exp():.2g}) is recommended first, most because of {said}."
    facts = {"answer": first, "probability": float(whole[best].exp()), "items": names, "left_out": lost}
    return Explained(f"Why {first} is recommended", sentence, (page,), table, {"items": plot}, facts)
