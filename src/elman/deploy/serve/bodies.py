"""What may be asked of each task, as the JSON objects that /openapi.json describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

Text = Annotated[str, Field(description="a text")]
Cell = str | int | float | bool | None
Base64 = Annotated[str, Field(description="a file's bytes in base64", min_length=1)]


class Body(BaseModel):
    """Nothing is taken that is not named, nothing is turned into another type, and no number is NaN or infinite."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Rows(Body):
    """A series: rows, or a file's text; nothing of both goes on from the data of the fit."""

    rows: Annotated[list[dict[str, Cell]], Field(min_length=1)] | None = None
    csv: Annotated[str, Field(min_length=1, description="the text of a CSV, TSV or JSON-lines file")] | None = None


class Texts(Body):
    texts: Annotated[list[Text], Field(min_length=1)]


class Sequences(Body):
    """Sequences (T, F) of numbers; of one feature (T,) will do."""

    sequences: Annotated[
        list[Annotated[list[list[float]], Field(min_length=1)] | Annotated[list[float], Field(min_length=1)]],
        Field(min_length=1),
    ]


class Sound(Body):
    """A WAV file."""

    sound: Base64


class Picture(Body):
    """A PNG or JPEG file."""

    picture: Base64


class Written(Texts):
    """Texts to be read, of each of which another is written."""

    best: Annotated[int, Field(ge=1, le=20)] = 1
    beam: Annotated[int, Field(ge=1, le=20)] | None = None


class Heard(Sound):
    beam: Annotated[int, Field(ge=1, le=20)] | None = None


class Write(Body):
    """How a text is drawn."""

    length: Annotated[int, Field(ge=1)] = 500
    temperature: Annotated[float, Field(ge=0, le=100)] = 0.8
    top_k: Annotated[int, Field(ge=1)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class Prompt(Write):
    prompt: str = ""


class Sessions(Body):
    sessions: Annotated[list[Annotated[list[str | int], Field(min_length=1)]], Field(min_length=1)]
    top: Annotated[int, Field(ge=1, le=1000)] = 10
    new: bool = False


class Paint(Body):
    count: Annotated[int, Field(ge=1)] = 16
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class Why(Body):
    """What an explanation is asked for besides."""

    row: Annotated[int, Field(ge=1, description="which row, counted from 1")] | None = None
    lang: Literal["en", "zh"] | None = None


def why(body: type[Body]) -> type[Body]:
    """The body of /explain: that of /predict, with ``row`` and ``lang``."""
    return create_model(f"Why{body.__name__}", __base__=(body, Why))


class Answers(BaseModel):
    """An answer for each row; of a forecaster the end of the series besides."""

    answers: list[dict[str, Any]]
    history: list[dict[str, Any]] | None = None


class Explanation(BaseModel):
    """Why, in a sentence; ``html`` is a whole page that asks for nothing from outside; facts by the task."""

    model_config = ConfigDict(extra="allow")

    sentence: str
    html: str


class Health(BaseModel):
    status: Literal["ok", "draining"]
    task: str
    elman: str


class Problem(BaseModel):
    """What is wrong, in one sentence."""

    error: str


def sentence(errors: Sequence[Any]) -> str:
    """The first of pydantic's complaints, in one sentence."""
    # What is not known is mostly a misspelt name of what is missing.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
    told = first["msg"][:1].lower() + first["msg"][1:]
    return f"{place or 'the body'}: {told}{more}; see /openapi.json for what is taken"
