"""Paint: pictures like those that were learnt, a pixel at a time; what a picture costs; and the rest of half a one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from elman.data.batch import Batch, Examples, in_order
from elman.data.met import fingerprints, met_in_words
from elman.data.pictures.album import Album
from elman.data.pictures.archive import held_part
from elman.data.pictures.levels import MOST, LevelPictures, levelled
from elman.data.pictures.source import read_pictures
from elman.data.stratify import dealt
from elman.errors import InputError
from elman.evaluate.pictures import report
from elman.evaluate.pictures.neighbours import Neighbours, Places
from elman.nn.pixels import PixelNetwork, pixel_nats
from elman.tasks.base import DOES, Judged, Prepared, Task, TaskConfig
from elman.tasks.sequence import FEW
from elman.train.config import require, require_least, require_share
from elman.train.pace import steps_a_pass

LONGEST = 28  # pixels of a side, unless asked for: each pixel is a step
COUNTED = 20_000  # pictures that the baselines count at most
SHOWN = 16


@dataclass(frozen=True, kw_only=True)
class PaintConfig(TaskConfig):
    """What of a picture is learnt, and what a pixel sees of it.

    Parameters
    ----------
    levels
        Levels of grey, or of each colour; 2 are drawn: a pixel is white with the chance of its brightness.
    size
        Pixels of the longer side that pictures are scaled down to; 28 when left out.
    colour
        Learn colours too.
    up
        Rows above a pixel that it sees parts of at once, beside what the network remembers.
    side
        Pixels to its left, and to both sides in the rows above, that it sees at once.
    position
        Numbers learnt for each place.
    skip_broken
        Leave out pictures that cannot be read, instead of stopping.
    valid_share
        Share of the pictures that chooses when to stop.
    test_share
        Share of the pictures that judges.
    """

    levels: int = 2
    size: int | None = None
    colour: bool = False
    up: int = 3
    side: int = 3
    position: int = 16
    skip_broken: bool = False
    valid_share: float = 0.05
    test_share: float = 0.1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    batch_size: int = 64
    learning_rate: float = 3e-3
    beta2: float = 0.99
    weight_decay: float = 0.01
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(2 <= self.levels <= 256, "levels", self.levels, "from 2 to 256")
        require_least(self, 1, "size", "side", "position")
        require_least(self, 0, "up")
        require_share(self, "valid_share", "test_share")


class Painter(Task):
    """Learn pictures and paint: ``Painter(minutes=10).fit("mnist.npz").predict(count=64)``, (64, Y, X, C) bytes."""

    name = "paint"
    help = "Learn to paint pictures, pixel by pixel: the same as `elman fit generate PICTURES --as pixels`."
    file = "A folder of pictures, with or without subfolders, or a .npz archive."
    after = (
        ("predict {} --count 64 --out grid.png", "paint"),
        ("predict {} x.png --keep 0.5 --out rest.png", "paint the rest of a picture anew"),
        ("evaluate {} FOLDER_OR_NPZ", "what other pictures cost, in nats and bits"),
    )
    options = ("count", "keep", "temperature", "seed")
    Config = PaintConfig

    # From the source to levels.

    def prepare(self, source: Any, valid: Any, test: Any, config: PaintConfig) -> Prepared:
        self.shape_: tuple[int, int, int] | None = None
        album = self._album(source)
        tall, wide, channels = (int(side) for side in album.values.shape[1:])
        if tall * wide > MOST:
            raise InputError(
                f"the pictures have {wide} x {tall} pixels, but {MOST:,} are painted at most: give a smaller --size"
            )
        self.shape_ = tall, wide, channels
        test = held_part(source) if test is None else test
        given = {name: self._album(part) for name, part in (("valid", valid), ("test", test)) if part is not None}
        shares = {
            "valid": 0.0 if "valid" in given else config.valid_share,
            "test": 0.0 if "test" in given else config.test_share,
        }
        rows = dealt(np.zeros(len(album), np.int64), **shares, seed=config.seed, keys=album.keys)
        parts = {name: album.take(part) for name, part in rows.items()} | given
        counted = ", ".join(f"{len(part):,} {DOES[name]}" for name, part in parts.items() if len(part))
        notes = [*album.notes, f"pictures: {counted}"]
        if not len(parts["valid"]):
            parts["valid"] = parts["train"]
        if 0 < len(parts["test"]) < FEW:
            notes.append(f"WARNING: {len(parts['test'])} pictures are too few to judge by")
        how = ", a pixel white with the chance of its brightness" if config.levels == 2 else ""
        notes.append(f"pictures of {wide} x {tall} pixels in {config.levels} levels{how}")
        self.met_ = fingerprints(parts["train"].keys)
        some = parts["train"].values[:: -(-len(parts["train"]) // COUNTED)]
        drawn = levelled(some, config.levels, torch.Generator().manual_seed(config.seed)).numpy()
        self.places_ = Places.fit(drawn, config.levels)
        self.neighbours_ = Neighbours.fit(drawn, config.levels)
        return Prepared(
            LevelPictures(parts["train"].values, config.levels),
            LevelPictures(parts["valid"].values, config.levels, config.seed),
            LevelPictures(parts["test"].values, config.levels, config.seed) if len(parts["test"]) else None,
            tuple(notes),
            parts["test"],
        )

    def _album(self, source: Any, part: Literal["train", "test"] = "train") -> Album:
        """The pictures of a source; those of later sources in the shape of the first."""
        config = self.config()
        longest = config.size or LONGEST
        return read_pictures(
            source, part, shape=self.shape_, longest=longest, colour=config.colour, skip=config.skip_broken
        )

    # The network and what it learns by.

    def sizes(self, config: PaintConfig, examples: Examples) -> list[dict[str, Any]]:
        if config.hidden:
            return [{"hidden": config.hidden}]
        largest = 64 if len(examples) < 1000 else 128 if len(examples) < 5000 else 256
        wanted = [{"hidden": hidden} for hidden in (256, 192, 128, 64, 32) if hidden <= largest]
        return wanted if config.minutes else wanted[1:2] or wanted

    def enough(self, config: PaintConfig, examples: Examples) -> float:
        """Two passes: each has as many steps to learn from as there are pixels."""
        return min(4000, 2 * steps_a_pass(examples, config))

    def network(self, config: PaintConfig) -> nn.Module:
        assert config.hidden is not None and self.shape_ is not None
        return PixelNetwork(
            shape=self.shape_,
            levels=config.levels,
            up=config.up,
            side=config.side,
            position=config.position,
            cell=config.cell,
            hidden=config.hidden,
            layers=config.layers,
            residual=config.residual,
            dropout=config.dropout,
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean -log p of a number of the pictures."""
        assert batch.y is not None
        return pixel_nats(outputs, batch.y).mean() / batch.y[0].numel()

    def validate(self, network: nn.Module, examples: Examples) -> float:
        """Nats a picture."""
        return float(self._costs(network, examples).mean())

    def _costs(self, network: nn.Module, examples: Examples) -> np.ndarray:
        found = []
        with torch.no_grad():
            for batch in in_order(examples, 128):
                batch = batch.to(self.config_.device)
                assert batch.y is not None
                found.append(pixel_nats(network(**batch.inputs), batch.y).double().cpu().numpy())
        return np.concatenate(found)

    # From outputs to what the user sees.

    def judge_source(self, source: Any) -> Judged:
        album = self._album(source, "test")
        notes = (*album.notes, *met_in_words(self.met_, album.keys))
        return self.judge(LevelPictures(album.values, self.config_.levels, self.config_.seed), album, notes)

    def judge(self, examples: Examples, judged: Album, notes: tuple[str, ...]) -> Judged:
        assert isinstance(examples, LevelPictures) and examples.drawn is not None
        began = time.perf_counter()
        self.network_.eval()
        nats, x = self._costs(self.network_, examples), examples.drawn.numpy().astype(np.int64)
        rivals = {"places": self.places_.nats(x), "neighbours": self.neighbours_.nats(x)}
        evaluation = report.judge(nats, rivals, x[0].size, notes=notes, began=began)
        some = examples.drawn[:: max(1, len(examples) // SHOWN)][:SHOWN].long()
        shown = {
            "Painted": self._painted(torch.zeros(SHOWN, *x.shape[1:], dtype=torch.int64), 0, 1.0, 0),
            "Held out": self._bytes(some),
            "The lower half of these painted anew": self._painted(some, x.shape[1] // 2, 1.0, 0),
        }
        return Judged(evaluation, report.sections(evaluation, shown))

    def _bytes(self, levels: Tensor) -> np.ndarray:
        return (levels.double() * (255 / (self.config_.levels - 1))).round().to(torch.uint8).numpy()

    def _painted(self, x: Tensor, known: int, temperature: float, seed: int | None) -> np.ndarray:
        network = self.network_
        assert isinstance(network, PixelNetwork)
        generator = torch.Generator(device=self.config_.device)
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        parts = [
            network.paint(some.to(self.config_.device), known, temperature, generator).cpu() for some in x.split(256)
        ]
        return self._bytes(torch.cat(parts))

    def predict(
        self,
        source: Any = None,
        *,
        count: int | None = None,
        keep: float | None = None,
        temperature: float = 1.0,
        seed: int | None = None,
    ) -> np.ndarray:
        """(N, Y, X, C) bytes: ``count`` pictures (16), or those of a source whose upper share ``keep`` (0.5) is kept.

        Raises InputError for settings outside their range.
        """
        self.fitted()
        assert self.shape_ is not None
        require(0 <= temperature < float("inf"), "temperature", temperature, "at least 0")
        self.remark()
        if source is None:
            if keep is not None:
                raise InputError("--keep is of pictures that are given: name a file or a folder, or leave it out")
            count = SHOWN if count is None else count
            require(1 <= count <= 10_000, "count", count, "from 1 to 10,000")
            return self._painted(torch.zeros(count, *self.shape_, dtype=torch.int64), 0, temperature, seed)
        if count is not None:
            raise InputError("--count is of pictures that are painted wholly: leave it out where some are given")
        keep = 0.5 if keep is None else keep
        require(0 <= keep <= 1, "keep", keep, "from 0 to 1")
        album = self._album(source, "test")
        self.remark(*album.notes)
        drawn = None if seed is None else torch.Generator().manual_seed(seed)
        x = levelled(album.values, self.config_.levels, drawn)
        return self._painted(x, round(keep * self.shape_[0]), temperature, seed)

    # What is saved.

    def encoders(self) -> dict[str, Any]:
        assert self.shape_ is not None
        return {"shape": list(self.shape_), "neighbours": self.neighbours_.count}

    def kept(self) -> dict[str, Tensor]:
        """What the baselines have counted."""
        return {
            "places": torch.from_numpy(self.places_.counts),
            "neighbours": torch.from_numpy(self.neighbours_.counts),
        }

    def restore(self, encoders: dict[str, Any], kept: dict[str, Tensor]) -> None:
        tall, wide, channels = map(int, encoders["shape"])
        self.shape_ = tall, wide, channels
        self.places_ = Places(kept["places"].numpy())
        self.neighbours_ = Neighbours(kept["neighbours"].numpy(), int(encoders["neighbours"]))
        if self.places_.counts.shape[-1] != self.config_.levels:
            raise InputError(
                f"--levels is {self.config_.levels}, but {self.places_.counts.shape[-1]} were counted: use the model "
                "as it was saved"
            )

    def title(self) -> str:
        return "Pictures, pixel by pixel"
