"""What a request of each task becomes: rows for the model's ``predict``, and its answers as JSON. One table by task.

Everything here runs in the thread that owns the model, but ``check``, ``bound`` and ``key``. No text that comes from
outside is ever taken for the name of a file: what is passed to ``predict`` are lists, frames, and files that were
written here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from elman.data.files import as_text, parsed
from elman.deploy.serve import bodies, media
from elman.deploy.serve.limits import Limits
from elman.errors import InputError
from elman.tasks.explained import chosen_row

MOST_HISTORY = 1_000  # values of the past that are told beside a forecast


class Kind:
    """One kind of request: its ``body``, and how it is answered.

    ``together``: rows of several requests whose ``key`` is the same are answered in one call.
    """

    body: ClassVar[type[bodies.Body]]
    together: ClassVar[bool] = True

    def __init__(self, task: Any, limits: Limits) -> None:
        self.task, self.limits = task, limits

    def check(self, body: Any) -> None:
        """InputError for what is plainly too much, before it waits for the model and takes memory meanwhile."""

    def bound(self, body: Any) -> int:
        """Steps that the model reads and writes for a request, at most; cheaply told."""
        raise NotImplementedError

    def key(self, body: Any) -> Hashable:
        """Requests of different keys are not answered together: of other settings, or of far longer rows."""
        return None

    def rows(self, body: Any) -> list[Any]:
        """What is to be answered for; InputError where it is too much."""
        raise NotImplementedError

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        """An answer for each row."""
        raise NotImplementedError

    def replies(self, asked: Sequence[Any]) -> list[dict[str, Any]]:
        """What /predict says to each of the requests."""
        parts = [self.rows(body) for body in asked]
        left = iter(self.answers([row for part in parts for row in part], asked[0]))
        return [{"answers": list(islice(left, len(part)))} for part in parts]

    def explain(self, body: Any) -> Any:
        """Why one row's answer is as it is."""
        source = self.source(body)
        if isinstance(source, list):
            self.brief(self.steps(source[chosen_row(body.row, len(source))]))
        return self.task.explain(source, body.row)

    def source(self, body: Any) -> Any:
        """What ``explain`` reads."""
        return self.rows(body)

    def steps(self, row: Any) -> int:
        """How long a row is."""
        return len(row)

    def brief(self, steps: int) -> None:
        """InputError for a row that takes too long to explain: each of its steps is hidden in turn."""
        most = self.limits.max_explained
        if steps > most:
            raise InputError(f"the row has {steps:,} steps, but {most:,} are explained: send a shorter one")

    def few(self, count: int, longest: int, least: int) -> None:
        """InputError for too many rows, or too many steps; ``least`` is a bound that spares looking closer."""
        limits = self.limits
        if count > limits.max_rows:
            raise InputError(f"a request has {count:,} rows, but {limits.max_rows:,} are answered at once: send fewer")
        if min(least, count * longest) > limits.max_steps:
            raise InputError(
                f"a request has {count:,} rows of up to {longest:,} steps, together {count * longest:,}, but "
                f"{limits.max_steps:,} are read at once: send fewer or shorter ones"
            )


class OfTexts(Kind):
    """Texts, read as ``tokens`` of the task."""

    body = bodies.Texts

    def bound(self, body: bodies.Texts) -> int:
        return len(body.texts) * max(map(len, body.texts))

    def key(self, body: Any) -> Hashable:
        # Rows are padded to the longest: those of about one length belong together.
        return max(map(len, body.texts)).bit_length()

    def rows(self, body: bodies.Texts) -> list[Any]:
        most, bound = self.limits.max_steps, self.bound(body)
        longest = max(map(len, body.texts))
        if bound > most and longest <= 64 * most:  # a longer text is too long whatever its pieces are
            longest = max(len(self.pieces(text)) for text in body.texts)
        self.few(len(body.texts), longest, bound)
        return list(body.texts)

    def steps(self, row: Any) -> int:
        return len(self.pieces(row)) if isinstance(row, str) else len(row)

    def pieces(self, text: str) -> Sequence[Any]:
        """A text as the steps that the model reads."""
        return self.task.encoder_.pieces(text)


class Labels(Kind):
    """A label for each row, whatever rows are."""

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        names = [str(label) for label in self.task.classes_]
        return [_label(names, p) for p in self.task.predict_proba(rows).tolist()]


class Numbers(Kind):
    """A number for each row."""

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        return [{"value": None if np.isnan(value) else value} for value in self.task.predict(rows).tolist()]


class OfSequences(Kind):
    body = bodies.Sequences

    def bound(self, body: bodies.Sequences) -> int:
        return len(body.sequences) * max(map(len, body.sequences))

    def key(self, body: bodies.Sequences) -> Hashable:
        return max(map(len, body.sequences)).bit_length()

    def check(self, body: bodies.Sequences) -> None:
        self.few(len(body.sequences), max(map(len, body.sequences)), self.bound(body))

    def rows(self, body: bodies.Sequences) -> list[Any]:
        return [_array(row, at) for at, row in enumerate(body.sequences)]


class OfFiles(Kind):
    """One file of a medium, in base64: it is written to a folder of its own while it is read."""

    medium: ClassVar[media.Medium]

    def bound(self, body: Any) -> int:
        return len(getattr(body, self.medium.name))

    def rows(self, body: Any) -> list[Any]:
        return [media.decoded(getattr(body, self.medium.name), self.medium)]

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        with media.written(rows, self.medium) as paths:
            for path in paths:
                self.few(1, self.medium.steps(path, self.task), self.limits.max_steps + 1)
            return self.of_files(paths, body)

    def of_files(self, paths: list[Path], body: Any) -> list[dict[str, Any]]:
        """An answer for each file."""
        return super().answers(paths, body)

    def explain(self, body: Any) -> Any:
        with media.written(self.rows(body), self.medium) as paths:
            self.brief(self.medium.steps(paths[0], self.task))
            return self.task.explain(paths, body.row)


class OfSounds(OfFiles):
    body, medium = bodies.Sound, media.SOUND


class OfPictures(OfFiles):
    body, medium = bodies.Picture, media.PICTURE


class TextLabels(Labels, OfTexts):
    pass


class SequenceLabels(Labels, OfSequences):
    pass


class SoundLabels(OfSounds, Labels):
    pass


class PictureLabels(OfPictures, Labels):
    pass


class TextNumbers(Numbers, OfTexts):
    pass


class SequenceNumbers(Numbers, OfSequences):
    pass


class SoundNumbers(OfSounds, Numbers):
    pass


class PictureNumbers(OfPictures, Numbers):
    pass


class Tags(OfTexts):
    def rows(self, body: bodies.Texts) -> list[Any]:
        found = [text.split() for text in super().rows(body)]
        if not all(found):
            raise InputError(f"text {found.index([]) + 1} holds no words: give some, parted by blanks")
        return found

    def pieces(self, text: str) -> Sequence[Any]:
        return text.split()

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        tags = self.task.predict(rows)
        return [{"words": words, "tags": list(own)} for words, own in zip(rows, tags, strict=True)]


class Writing(OfTexts):
    """A text for each text."""

    body = bodies.Written

    def key(self, body: Any) -> Hashable:
        return super().key(body), body.best, body.beam

    def rows(self, body: Any) -> list[Any]:
        found = super().rows(body)
        open_at_once = max(body.best, body.beam or self.task.config_.beam)
        # So many texts are written for each, and each of them is about as long as what is read.
        self.few(len(found), open_at_once * max(map(len, found)), self.limits.max_steps + 1)
        return found

    def pieces(self, text: str) -> Sequence[Any]:
        return self.task.read_by.pieces(text)

    def answers(self, rows: list[Any], body: bodies.Written) -> list[dict[str, Any]]:
        if body.best == 1:
            return [{"text": text} for text in self.task.predict(rows, beam=body.beam)]
        answers = []
        for text in rows:
            found = self.task.predict([text], best=body.best, beam=body.beam)
            ranked = [
                {"text": said, "score": score}
                for said, score in zip(found[self.task.config_.target], found["score"], strict=True)
            ]
            answers.append({"text": ranked[0]["text"], "best": ranked})
        return answers


class Hearing(OfSounds):
    """What is said in a sound."""

    body = bodies.Heard

    def key(self, body: bodies.Heard) -> Hashable:
        return body.beam

    def of_files(self, paths: list[Path], body: bodies.Heard) -> list[dict[str, Any]]:
        return [{"text": text} for text in self.task.predict(paths, beam=body.beam)]


class Speaking(OfTexts):
    """A sound for each text."""

    def rows(self, body: bodies.Texts) -> list[Any]:
        for at, text in enumerate(body.texts, 1):
            if not text.strip():
                raise InputError(f"text {at} is empty: give one with letters to speak")
        return super().rows(body)

    def pieces(self, text: str) -> Sequence[Any]:
        return text

    def answers(self, rows: list[Any], body: Any) -> list[dict[str, Any]]:
        return [
            {
                "sound": media.as_wav(one.wave, one.rate),
                "seconds": one.seconds,
                "stopped": one.stopped,
                "unknown": list(one.unknown),
            }
            for one in self.task.predict(rows)
        ]


class NextItems(Kind):
    """The likeliest next items of each session."""

    body = bodies.Sessions

    def bound(self, body: bodies.Sessions) -> int:
        return len(body.sessions) * max(map(len, body.sessions))

    def key(self, body: bodies.Sessions) -> Hashable:
        return max(map(len, body.sessions)).bit_length(), body.top, body.new

    def check(self, body: bodies.Sessions) -> None:
        longest = max(body.top, *map(len, body.sessions))  # of what is read and of what is told
        self.few(len(body.sessions), longest, self.limits.max_steps + 1)

    def rows(self, body: bodies.Sessions) -> list[Any]:
        return [list(map(str, session)) for session in body.sessions]

    def answers(self, rows: list[Any], body: bodies.Sessions) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = [{"items": [], "scores": []} for _ in rows]
        found = self.task.predict(rows, top=body.top, new=body.new)
        for at, item, score in zip(found["session"], found["item"], found["probability"], strict=True):
            answers[int(at)]["items"].append(item)
            answers[int(at)]["scores"].append(score)
        return answers


class Alone(Kind):
    """Requests that are answered one at a time."""

    together = False

    def reply(self, body: Any) -> dict[str, Any]:
        raise NotImplementedError

    def replies(self, asked: Sequence[Any]) -> list[dict[str, Any]]:
        return [self.reply(body) for body in asked]


class Forecasts(Alone):
    """The next values of a series, with the end of what came before them."""

    body = bodies.Rows

    def bound(self, body: bodies.Rows) -> int:
        return len(body.rows or ()) + (body.csv or "").count("\n")

    def source(self, body: bodies.Rows) -> Any:
        if body.rows is not None and body.csv is not None:
            raise InputError("both rows and csv are given: give one of them")
        if self.bound(body) > self.limits.max_steps:
            raise InputError(
                f"the series has {self.bound(body):,} rows, but {self.limits.max_steps:,} are read: send its end alone"
            )
        if body.csv is not None:
            return parsed(as_text(body.csv.encode(), "the file"), "the file")
        return None if body.rows is None else _columns(body.rows)

    def explain(self, body: Any) -> Any:
        # Of a series each part is shuffled some times, which takes far less than hiding every step of it.
        most = 10 * self.limits.max_explained
        if self.bound(body) > most:
            raise InputError(
                f"the series has {self.bound(body):,} rows, but {most:,} are explained: send its end alone"
            )
        return super().explain(body)

    def reply(self, body: bodies.Rows) -> dict[str, Any]:
        source = self.source(body)
        found = self.task.predict(source)
        return {"answers": _plain(found.to_dicts()), "history": self._history(source)}

    def _history(self, source: Any) -> list[dict[str, Any]]:
        """The end of each series that the forecast goes on from, its missing values left out."""
        task = self.task
        series = task.context_ if source is None else task.reader_.read(source)
        when = "step" if series.clock.step == "row" else "time"
        each = max(1, MOST_HISTORY // len(series.groups))
        told = []
        for name, begin, end in zip(series.groups, series.starts, series.starts[1:], strict=False):
            for at in range(max(begin, end - each), end):
                if not np.isnan(value := float(series.values[at, 0])):
                    own = {} if series.groups == ("",) else {task.config_.group or "series": name}
                    told.append({**own, when: series.times[at].item(), "value": value})
        return _plain(told)


class Painting(Alone):
    """Pictures."""

    body = bodies.Paint

    def bound(self, body: bodies.Paint) -> int:
        tall, wide, channels = self.task.shape_
        return body.count * tall * wide * channels

    def reply(self, body: bodies.Paint) -> dict[str, Any]:
        self.few(body.count, self.bound(body) // body.count, self.bound(body))
        found = self.task.predict(count=body.count, temperature=body.temperature, seed=body.seed)
        return {"answers": [{"picture": media.as_png(pixels)} for pixels in found]}

    def explain(self, body: Any) -> Any:
        return self.task.why(None, body.row)  # which says that there is no such thing


class Generating(Alone):
    """A text that goes on; it is drawn a few symbols at a time, so that others are answered in between (`app`)."""

    body = bodies.Prompt

    def bound(self, body: bodies.Prompt) -> int:
        return len(body.prompt) + body.length

    def begin(self, body: bodies.Prompt) -> Any:
        """The pieces of the text."""
        self.few(1, self.bound(body), self.bound(body))
        return self.task.stream(
            body.prompt, body.length, body.temperature, top_k=body.top_k, top_p=body.top_p, seed=body.seed
        )

    def source(self, body: bodies.Prompt) -> str:
        return body.prompt


OF_MEDIA: dict[str, dict[str, type[Kind]]] = {
    "classify": {"text": TextLabels, "numbers": SequenceLabels, "sound": SoundLabels, "pictures": PictureLabels},
    "regress": {"text": TextNumbers, "numbers": SequenceNumbers, "sound": SoundNumbers, "pictures": PictureNumbers},
}
OF_TASKS: dict[str, type[Kind]] = {
    "forecast": Forecasts,
    "tag": Tags,
    "generate": Generating,
    "paint": Painting,
    "translate": Writing,
    "summarize": Writing,
    "transcribe": Hearing,
    "speak": Speaking,
    "recommend": NextItems,
}


def kind_of(task: Any, limits: Limits) -> Kind:
    """What is asked of a task. Raises InputError for one that is not served."""
    if task.name in OF_TASKS:
        return OF_TASKS[task.name](task, limits)
    held = task.encoders()["kind"]
    if held not in OF_MEDIA.get(task.name, {}):
        raise InputError(f"models that {task.name} {held} are not served, texts, numbers, sounds and pictures are")
    return OF_MEDIA[task.name][held](task, limits)


def _label(names: list[str], p: list[float]) -> dict[str, Any]:
    if np.isnan(p[0]):  # a silent sound has no label
        return {"label": None, "probability": None, "probabilities": {}}
    best = max(range(len(p)), key=p.__getitem__)
    return {"label": names[best], "probability": p[best], "probabilities": dict(zip(names, p, strict=True))}


def _array(row: list[Any], at: int) -> np.ndarray:
    widths = {len(step) if isinstance(step, list) else 0 for step in row}
    if len(widths) > 1:
        raise InputError(f"sequence {at} has steps of {min(widths)} and of {max(widths)} numbers: give all as many")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused with its place
        return np.asarray(row, np.float64).astype(np.float32)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns; one that holds any text becomes text, as in a file."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return {
        name: [cell if cell is None or isinstance(cell, str) else str(cell) for cell in cells]
        if any(isinstance(cell, str) for cell in cells)
        else cells
        for name, cells in columns.items()
    }


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()} for row in rows]
