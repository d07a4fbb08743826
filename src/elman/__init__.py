"""elman: recurrent networks made practical.

Names are loaded when first used, so importing costs little more than torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from elman import kernels, nn
from elman.errors import ElmanError, InputError
from elman.version import __version__

if TYPE_CHECKING:
    from elman.deploy.stream import stream
    from elman.evaluate.evaluation import Evaluation
    from elman.tasks.checkpoints import Checkpoints
    from elman.tasks.classify import Classifier
    from elman.tasks.forecast import Forecaster
    from elman.tasks.generate import Generator
    from elman.tasks.load import load
    from elman.tasks.paint import Painter
    from elman.tasks.recommend import Recommender
    from elman.tasks.regress import Regressor
    from elman.tasks.speak import Speaker
    from elman.tasks.summarize import Summarizer
    from elman.tasks.tag import Tagger
    from elman.tasks.transcribe import Transcriber
    from elman.tasks.translate import Translator

_HOMES = {
    "Checkpoints": "elman.tasks.checkpoints",
    "Classifier": "elman.tasks.classify",
    "Evaluation": "elman.evaluate.evaluation",
    "Forecaster": "elman.tasks.forecast",
    "Generator": "elman.tasks.generate",
    "Painter": "elman.tasks.paint",
    "Recommender": "elman.tasks.recommend",
    "Regressor": "elman.tasks.regress",
    "Speaker": "elman.tasks.speak",
    "Summarizer": "elman.tasks.summarize",
    "Tagger": "elman.tasks.tag",
    "Transcriber": "elman.tasks.transcribe",
    "Translator": "elman.tasks.translate",
    "load": "elman.tasks.load",
    "stream": "elman.deploy.stream",
}

__all__ = [
    "Checkpoints",
    "Classifier",
    "ElmanError",
    "Evaluation",
    "Forecaster",
    "Generator",
    "InputError",
    "Painter",
    "Recommender",
    "Regressor",
    "Speaker",
    "Summarizer",
    "Tagger",
    "Transcriber",
    "Translator",
    "__version__",
    "kernels",
    "load",
    "nn",
    "stream",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
