"""Pictures, clips and movements made for tests: bars that stand or lie, a spot that goes up or down."""

import av
import numpy as np
from PIL import Image


def bar(lying, seed, side=8):
    """(side, side) bytes: a bright bar somewhere on a noisy ground."""
    draw = np.random.default_rng([seed, lying])
    picture = draw.integers(0, 60, (side, side))
    at = draw.integers(1, side - 1)
    picture[(slice(None), at) if not lying else at] = 220
    return picture.astype(np.uint8)


def bars(count, side=8):
    """(N, side, side) and the labels of pictures, half of them lying."""
    y = np.arange(count) % 2
    return np.stack([bar(int(lying), at, side) for at, lying in enumerate(y)]), np.array(["standing", "lying"])[y]


def folder_of_bars(folder, count=24, begin=0):
    for at in range(begin, begin + count):
        for lying, name in enumerate(("standing", "lying")):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(bar(lying, at)).save(folder / name / f"{at}.png")
    return folder


def spot(rising, seed, frames=6, side=32):
    """(T, side, side, 3) bytes: a spot that goes up or down."""
    draw = np.random.default_rng([seed, rising])
    clip = np.full((frames, side, side, 3), 20, np.uint8)
    column = draw.integers(4, side - 10)
    for t in range(frames):
        top = 2 + t * 4 if not rising else side - 8 - t * 4
        clip[t, top : top + 6, column : column + 6] = 230
    return clip


def write_clip(path, frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def folder_of_clips(folder, count=10, begin=0):
    for at in range(begin, begin + count):
        for rising, name in enumerate(("down", "up")):
            write_clip(folder / name / f"{at}.mp4", spot(rising, at))
    return folder


def write_motion(path, count=24, begin=0):
    """Two coordinates of which one swings slowly or quickly."""
    lines = ["@problemName swings", "@classLabel true slow quick", "@data"]
    for at in range(begin, begin + count):
        draw = np.random.default_rng(at)
        quick = at % 2
        t = np.linspace(0, 1, 16)
        wave = np.sin(2 * np.pi * (1 + 2 * quick) * t + draw.uniform(0, 6))
        rows = [wave, draw.normal(0, 0.1, 16)]
        text = ":".join(",".join(f"{value:.4f}" for value in row) for row in rows)
        lines.append(f"{text}:{('slow', 'quick')[quick]}")
    path.write_text("\n".join(lines) + "\n")
    return path
