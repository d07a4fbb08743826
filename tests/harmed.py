"""What a disk or a copy does to saved files: a bit is another, or the end is missing.

``harm`` puts every file of a directory through it, whatever wrote the directory and whatever reads it again.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman.errors import InputError


@dataclass
class Harm:
    """How many harms were tried, how many of them were refused, and in words what became of the others."""

    tried: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


def harm(folder: Path, load: Callable[[Path], Any], flips: int, truncations: int, seed: int = 0) -> Harm:
    """Flip a bit so many times, and cut a file short so many times; each harm is undone before the next.

    Files are drawn evenly, places in them evenly, so that a short manifest is met as often as long weights.
    """
    found = Harm()
    for name, raw, what in harms(folder, flips, truncations, seed):
        path = folder / name
        whole = path.read_bytes()
        path.write_bytes(raw)
        try:
            load(folder)
            found.wrong.append(f"{what}: loaded")
        except InputError as error:
            told = "\n" not in str(error) and len(str(error)) < 600
            found.refused += told
            found.wrong += [f"{what}: no sentence: {str(error)[:200]!r}"] * (not told)
        except Exception as error:
            found.wrong.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
        finally:
            path.write_bytes(whole)
        found.tried += 1
    load(folder)  # whole again, or the above shows nothing
    return found


def harms(folder: Path, flips: int, truncations: int, seed: int) -> Iterator[tuple[str, bytes, str]]:
    """The name of a file, its harmed bytes, and what was done to them."""
    draw = random.Random(f"harm {seed}")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    names = [name for name in names if (folder / name).stat().st_size]
    for at in range(flips + truncations):
        name = names[at % len(names)]
        raw = bytearray((folder / name).read_bytes())
        place = draw.randrange(len(raw))
        if at < flips:
            bit = draw.randrange(8)
            raw[place] ^= 1 << bit
            yield name, bytes(raw), f"bit {bit} of byte {place} of {name}"
        else:
            # One byte less is the least that is noticed.
            place = draw.choice((place, len(raw) - 1))
            yield name, bytes(raw[:place]), f"{name} cut to {place} of {len(raw)} bytes"
