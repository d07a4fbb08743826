"""Many sounds from files: one rate for all, silence trimmed, and what cannot be used counted and said."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from elman.data.files import is_there, named
from elman.data.sound.reader import MOST, Header, header, read_sound, usual_rate
from elman.data.sound.trim import trimmed
from elman.errors import InputError

SILENT = 1e-4  # a peak below this, three steps of 16 bits, is none
ALL = 16 * MOST  # samples of all sounds together: 4 GiB


@dataclass(frozen=True)
class Recordings:
    """Sounds at one ``rate``: their ``names``, their ``waves`` (N,) each, and in words what was noticed in reading.

    ``kept`` (R,) are their places among the ``asked`` files: those of zero length and silent ones are not among them.
    """

    names: list[str]
    waves: list[Tensor]
    rate: int
    notes: tuple[str, ...] = ()
    kept: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    asked: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.waves)

    def take(self, rows: Tensor) -> Recordings:
        """The sounds with these numbers, in this order."""
        numbers = rows.tolist()
        names, waves = [self.names[i] for i in numbers], [self.waves[i] for i in numbers]
        return dataclasses.replace(self, names=names, waves=waves, kept=self.kept[rows])

    @property
    def keys(self) -> list[bytes]:
        """A digest of each wave: equal ones are the same sound."""
        return [hashlib.sha256(wave.numpy().tobytes()).digest() for wave in self.waves]

    @property
    def seconds(self) -> float:
        """Of all sounds together."""
        return sum(map(len, self.waves)) / self.rate


def read_recordings(paths: Sequence[str | Path], *, rate: int | None = None, trim: bool = True) -> Recordings:
    """The sounds of the files at ``rate`` samples a second (the commonest, 16,000 at most, when left out), mono.

    Files of zero length and silent ones are left out and named in the notes; ``trim`` cuts silence at both ends off.
    Raises InputError naming every file that is absent, for one that cannot be read, and where nothing is left.
    """
    files = [Path(path) for path in paths]
    absent = list(dict.fromkeys(named(file) for file in files if not is_there(file)))
    if not files:
        raise InputError("there are no files to read: give some of sound")
    if absent:
        if len(files) == 1:
            raise InputError(f"there is no file {absent[0]}: give the name of a file of sound")
        all_of_them = len(absent) == len(set(files))
        other = ", leave the rows out, or name another column" if all_of_them else ", or leave the rows out"
        raise InputError(
            f"{len(absent):,} of {len(set(files)):,} files are absent: {', '.join(absent)}; correct the names{other}"
        )
    headers = _headers(files)
    rates = [found.rate for found in headers]
    if not any(rates):
        what = f"{files[0].name} holds" if len(files) == 1 else f"all {len(files):,} files hold"
        raise InputError(f"{what} no samples: give files with sound in them")
    counts = Counter(own for own in rates if own)
    rate = rate or usual_rate(counts)
    waves: list[Tensor] = []
    kept: list[int] = []
    silent: list[str] = []
    total = 0
    for at, file in enumerate(files):
        if not rates[at]:
            continue
        wave = read_sound(file, rate)
        if float(wave.abs().max()) < SILENT:
            silent.append(str(file))
            continue
        waves.append(trimmed(wave, rate).clone() if trim else wave)
        kept.append(at)
        total += len(waves[-1])
        if total > ALL:
            raise InputError(f"the sounds have more than {ALL:,} samples together: give fewer, or a lower sample rate")
    if not waves:
        what = f"{files[0].name} is" if len(files) == 1 else f"all {len(files):,} files are"
        raise InputError(f"{what} silent: give files with sound in them")
    empty = [str(file) for file, own in zip(files, rates, strict=True) if not own]
    notes = [*_left_out(empty, len(files), "hold no samples"), *_left_out(silent, len(files), "are silent")]
    if set(counts) != {rate}:
        held = ", ".join(f"{own:,} Hz ({count:,})" for own, count in counts.most_common())
        notes.append(f"the sounds have {held} and are read at {rate:,} Hz")
    several = sum(found.channels > 1 for found in headers)
    if several:
        notes.append(f"{several:,} of {len(files):,} sounds have several channels, which are mixed down to one")
    cut = [str(file) for file, found in zip(files, headers, strict=True) if found.cut]
    if cut:
        notes.append(
            f"{len(cut):,} of {len(files):,} sounds hold less than they claim, which is read: {', '.join(cut)}"
        )
    asked = tuple(map(str, files))
    return Recordings([asked[at] for at in kept], waves, rate, tuple(notes), torch.tensor(kept), asked)


def _headers(files: Sequence[Path]) -> list[Header]:
    """What each file says of itself; InputError naming all that are no sound, and why the first is not."""
    found: list[Header] = []
    faults: dict[str, str] = {}
    for file in files:
        try:
            found.append(header(file))
        except InputError as error:
            faults[str(file)] = str(error)
    if faults:
        first, *others = faults
        more = f"; nor can {', '.join(others)}" if others else ""
        raise InputError(faults[first] + more)
    return found


def _left_out(names: list[str], count: int, why: str) -> list[str]:
    if not names:
        return []
    return [f"{len(names):,} of {count:,} sounds {why} and are left out: {', '.join(names)}"]
