"""Pictures that are painted."""

from __future__ import annotations

from typing import Any

from elman.deploy.serve import bodies, media
from elman.deploy.serve.asked.kind import Alone


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
