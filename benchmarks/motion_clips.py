"""Body movements drawn as stick figures: coordinates of a .ts file to a folder of clips, a subfolder a label."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from elman.data.motion import read_motion

SIZE, SCALE = 64, 4  # pixels of a side, and how much larger a frame is drawn before it is shrunk
# NATOPS: three coordinates of the left and right hand tip, elbow, wrist and thumb, in this order.
TIPS, ELBOWS, WRISTS, THUMBS = (0, 1), (2, 3), (4, 5), (6, 7)


def frame(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A frame (SIZE, SIZE, 3) of the joints (8, 2), which lie between ``low`` and ``high``."""
    side = SIZE * SCALE
    place = (0.08 + 0.84 * (points - low) / (high - low)) * side
    place[:, 1] = side - place[:, 1]
    picture = Image.new("RGB", (side, side))
    draw = ImageDraw.Draw(picture)
    for arm, colour in ((0, (255, 200, 80)), (1, (80, 200, 255))):
        chain = [tuple(place[joints[arm]]) for joints in (ELBOWS, WRISTS, TIPS)]
        draw.line(chain, fill=colour, width=3 * SCALE)
        draw.line([tuple(place[WRISTS[arm]]), tuple(place[THUMBS[arm]])], fill=colour, width=2 * SCALE)
        x, y = place[ELBOWS[arm]]
        draw.ellipse([x - 8, y - 8, x + 8, y + 8], fill="white")
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BOX))


def render(file: Path, folder: Path) -> Path:
    """Write one mp4 a movement; returns the folder."""
    data = read_motion(file)
    rows = [data.x.row(at).numpy().reshape(-1, 8, 3)[..., :2] for at in range(len(data))]
    every = np.concatenate(rows).reshape(-1, 2)
    low, high = every.min(0), every.max(0)
    for at, (row, label) in enumerate(zip(rows, data.y, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        with av.open(str(place / f"{at:03d}.mp4"), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width = stream.height = SIZE
            stream.pix_fmt, stream.bit_rate = "yuv420p", 400_000
            for points in row:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame(points, low, high), format="rgb24")))
            container.mux(stream.encode())
    return folder
