"""Motion files (.ts): a sequence of numbers and its label a line, as the UEA and UCR archives keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from elman.data.arrays import as_ragged
from elman.data.files import as_text, load_bytes, short
from elman.data.labelled import NOTHING, Labelled
from elman.errors import InputError

PLAIN = "a .ts file of numbers is needed"


def is_motion(source: Any) -> bool:
    return isinstance(source, str | Path) and str(source).lower().endswith(".ts")


def read_motion(path: str | Path, *, labelled: bool = True) -> Labelled:
    """The sequences (T, F) of a file, and their labels.

    A line is F lists of T numbers parted by commas, the lists parted by colons, and the label behind the last colon;
    lines that begin with # or @ are about the file. Raises InputError naming the line that is something else.
    """
    path = Path(path)
    text = as_text(load_bytes(path, PLAIN), path.name, PLAIN)
    rows: list[np.ndarray] = []
    labels: list[str] = []
    has_label = True
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.lower().startswith("@classlabel"):
            has_label = "true" in line.lower()
        if line.lower().startswith("@timestamps") and "true" in line.lower():
            raise InputError(f"{path.name} has time stamps, which are not read: give it without, at even steps")
        if not line or line[0] in "#@%":
            continue
        *lists, label = line.split(":") if has_label else [*line.split(":"), ""]
        try:
            features = [np.array(one.split(","), np.float32) for one in lists]
            rows.append(np.stack(features, 1))
        except ValueError:
            raise InputError(
                f"line {number} of {path.name} is {short(line)}, but lists of numbers of one length, parted by colons, "
                "and a label are needed: correct it; a missing value (?) must be filled"
            ) from None
        labels.append(label.strip())
    if not rows:
        raise InputError(f"{path.name} holds no sequences: a line of numbers and a label each are needed")
    if labelled and not has_label:
        raise InputError(f"{path.name} says that it has no labels, but they are what is learnt: give a file with some")
    return Labelled(as_ragged(rows), np.array(labels) if labelled else NOTHING)
