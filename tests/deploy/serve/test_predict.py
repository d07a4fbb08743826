"""Every task's requests and answers, which are the model's own; and every bad request in one sentence."""

import base64
import io
import json
import wave

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from served import RATE, in_base64, make_texts, make_wave, wav

TEXTS = make_texts()[0][:3]
X = np.random.default_rng(1).normal(size=(3, 5, 2)).round(3)
HIGH, LOW = wav(make_wave(1500, 20)), wav(make_wave(300, 20))


def png(pixels):
    image = pytest.importorskip("PIL.Image")
    held = io.BytesIO()
    image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)
JSON = ANY | st.fixed_dictionaries({"sequences": st.lists(st.lists(ANY, max_size=3), max_size=3)})


@pytest.fixture
def served_numbers(serving):
    return serving("numbers")


def answers(client, body):
    response = client.post("/predict", json=body)
    assert response.status_code == 200, response.text
    return response.json()["answers"]


def test_texts_are_labelled_as_the_model_labels_them(serving, model):
    found = answers(serving(), {"texts": TEXTS})
    p = model("texts").predict_proba(TEXTS)
    assert [one["label"] for one in found] == model("texts").predict(TEXTS).tolist()
    assert [one["probabilities"]["down"] for one in found] == pytest.approx(p[:, 0].tolist(), abs=1e-6)
    assert all(one["probability"] == max(one["probabilities"].values()) for one in found)


def test_sequences_of_numbers(serving, model):
    found = answers(serving("numbers"), {"sequences": X.tolist()})
    assert [one["value"] for one in found] == pytest.approx(model("numbers").predict(list(X)).tolist(), abs=1e-5)


def test_sounds_and_pictures(serving):
    pytest.importorskip("soundfile")
    client = serving("sounds")
    assert {answers(client, {"sound": in_base64(one)})[0]["label"] for one in (HIGH, LOW)} <= {"high", "low"}
    pixels = np.zeros((8, 8), np.uint8)
    (found,) = answers(serving("pictures"), {"picture": in_base64(png(pixels))})
    assert set(found["probabilities"]) == {"0", "1"}


def test_tags_and_items_and_translations(serving, model):
    (found,) = answers(serving("tags"), {"texts": ["the dog sees"]})
    assert found == {"words": ["the", "dog", "sees"], "tags": model("tags").predict([["the", "dog", "sees"]])[0]}
    client = serving("sessions")
    found = answers(client, {"sessions": [["1", "2"], [3]], "top": 4, "new": True})
    assert [len(one["items"]) for one in found] == [4, 4]
    assert not {"1", "2"} & set(found[0]["items"]) and found[0]["scores"] == sorted(found[0]["scores"], reverse=True)
    assert client.get("/model").json()["items"][0] in map(str, range(9))
    client = serving("pairs")
    assert answers(client, {"texts": ["a b", ""]})[1] == {"text": ""}
    (found,) = answers(client, {"texts": ["a b"], "best": 2})
    assert found["best"][0]["text"] == found["text"] and len(found["best"]) == 2


def test_generated_text_is_that_of_the_model(serving, model):
    body = {"prompt": "the ", "length": 70, "seed": 3, "temperature": 0.5}
    (found,) = answers(serving("prose"), body)
    body.pop("prompt")
    assert found == {"text": model("prose").predict("the ", **body)}


def test_a_forecast_goes_on_from_the_fit_from_rows_and_from_a_file(serving, model):
    client = serving("days")
    whole = client.post("/predict", json={}).json()
    assert whole == client.post("/predict").json()
    assert len(whole["answers"]) == 3 and whole["answers"][0]["time"].startswith("2020-04-30")
    assert whole["history"][-1] == {"time": "2020-04-29T00:00:00", "value": pytest.approx(50, abs=10)}
    days = [f"2021-01-{day:02}" for day in range(1, 29)]
    rows = [{"day": day, "y": 50.5 + at % 7} for at, day in enumerate(days)]
    csv = "day,y\n" + "".join(f"{row['day']},{row['y']}\n" for row in rows)
    assert answers(client, {"rows": rows}) == answers(client, {"csv": csv})
    assert answers(client, {"csv": csv})[0]["time"].startswith("2021-01-29")


def test_speech_in_and_out_and_pictures_out(serving):
    pytest.importorskip("soundfile")
    (heard,) = answers(serving("speech"), {"sound": in_base64(LOW)})
    assert isinstance(heard["text"], str)
    (spoken,) = answers(serving("voice"), {"texts": ["ab"]})
    with wave.open(io.BytesIO(base64.b64decode(spoken["sound"]))) as file:
        assert file.getframerate() == RATE and file.getnframes() / RATE == pytest.approx(spoken["seconds"])
    image = pytest.importorskip("PIL.Image")
    client = serving("strokes")
    painted = answers(client, {"count": 2, "seed": 1})
    assert painted == answers(client, {"count": 2, "seed": 1})
    assert image.open(io.BytesIO(base64.b64decode(painted[0]["picture"]))).size == (6, 6)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("texts", {"texts": ["good fine bad"]}, "speaks most"),
        ("numbers", {"sequences": X.tolist(), "row": 2}, "channel 2"),
        ("prose", {"prompt": "the cat"}, "most"),
        ("sessions", {"sessions": [["1", "2"]]}, "is recommended first"),
        ("days", {}, "the forecast"),
        ("tags", {"texts": ["the dog"], "lang": "zh"}, "the/"),
    ],
)
def test_answers_are_explained_by_a_page(serving, name, body, said):
    found = serving(name).post("/explain", json=body)
    assert found.status_code == 200, found.text
    told = found.json()
    assert said in told["sentence"].lower()
    assert told["html"].startswith("<!doctype html>") and ("lang" not in body or 'lang="zh' in told["html"])


BAD = [
    ("texts", "/predict", {"texts": []}, "texts: list should have at least 1 item"),
    ("texts", "/predict", {"texts": ["a"], "rows": 1}, "rows: extra inputs are not permitted"),
    ("texts", "/predict", {"texts": [None]}, "texts.0: input should be a valid string"),
    ("texts", "/predict", {"texts": ["a"] * 1001}, "a request has 1,001 rows, but 1,000 are answered at once"),
    ("texts", "/predict", {"texts": ["a b " * 30_000]}, "a request has 1 rows of up to 60,000 steps"),
    ("texts", "/explain", {"texts": ["a"], "row": 2}, "--row is 2, but there is row 1"),
    ("texts", "/explain", {"texts": ["a " * 2000]}, "the row has 2,000 steps, but 1,000 are explained"),
    ("numbers", "/predict", {"sequences": [[[1, 2], [1]]]}, "sequence 0 has steps of 1 and of 2 numbers"),
    ("numbers", "/predict", {"sequences": [[[1, 2]]] * 999 + [[[1, 2]] * 60]}, "together 60,000"),
    ("numbers", "/explain", {"sequences": [[[1, 2]] * 60_000]}, "together 60,000"),
    ("numbers", "/predict", {"sequences": [[1.0]]}, "X has 1 features, but the model is expecting 2"),
    ("numbers", "/predict", {"sequences": [[[1, 1e300]]]}, "sequence 0 holds infinity"),
    ("tags", "/predict", {"texts": ["a", " "]}, "text 2 holds no words"),
    ("sessions", "/predict", {"sessions": [["nothing"]]}, "holds no item that the model knows"),
    ("pairs", "/predict", {"texts": ["a b"] * 1000, "beam": 20}, "together 60,000"),
    ("sessions", "/predict", {"sessions": [["1"]] * 100, "top": 1000}, "together 100,000"),
    ("days", "/explain", {"csv": "day,y\n" + "2021-01-01,1\n" * 20_000}, "but 10,000 are explained"),
    ("prose", "/predict", {"length": 60_000}, "together 60,000"),
    ("days", "/predict", {"rows": [{"day": "2021-01-01"}], "csv": "a"}, "both rows and csv are given"),
    ("days", "/predict", {"csv": "day\n2021-01-01\n"}, "has no column 'y'"),
    ("days", "/predict", {"csv": "\0"}, "holds a NUL byte"),
    ("days", "/predict", {"rows": [{"day": "soon", "y": 1}]}, "'soon'"),
    ("sounds", "/predict", {"sound": "a file.wav"}, "the sound is no base64"),
    ("sounds", "/predict", {"sound": in_base64(b"OggS....")}, "the sound is not a WAV file"),
    ("sounds", "/predict", {"sound": in_base64(b"RIFF....WAVE")}, "the sound cannot be read as sound"),
    ("sounds", "/predict", {"sound": in_base64(wav(np.zeros(800)))}, "the sound is silent"),
    ("pictures", "/predict", {"picture": in_base64(b"\x89PNG....")}, "the picture is no picture that can be read"),
    ("strokes", "/explain", {"count": 1}, "is not explained"),
    ("strokes", "/predict", {"count": 5000}, "a request has 5,000 rows"),
    ("voice", "/predict", {"texts": [" "]}, "text 1 is empty"),
]


@pytest.mark.parametrize(("name", "path", "body", "said"), BAD)
def test_what_cannot_be_answered_is_said_in_one_sentence(serving, name, path, body, said):
    if name in ("sounds", "voice"):
        pytest.importorskip("soundfile")
    response = serving(name).post(path, json=body)
    assert response.status_code == 422, response.text
    assert set(response.json()) == {"error"}
    assert said in response.json()["error"] and "\n" not in response.json()["error"]
    assert "/tmp" not in response.text and "elman-" not in response.text


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"texts": ["a"]', b"\xff", b"1" * 6000])
def test_what_is_no_json_is_said_to_be_none(serving, body):
    client = serving()
    response = client.post("/predict", content=body, headers={"content-type": "application/json; charset=utf-8"})
    assert response.status_code == 400, response.text
    assert client.post("/predict", content=body, headers={"content-type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("body", ['{"sequences": [[[1e999, 1]]]}', '{"sequences": [[[1e300, 1]]]}', '"texts"', "null"])
def test_no_number_is_infinite(serving, body):
    response = serving("numbers").post("/predict", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422, response.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode())))
def test_whatever_is_sent_the_server_is_not_at_fault(served_numbers, body):
    response = served_numbers.post("/predict", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (200, 400, 422), response.text
    assert response.status_code == 200 or list(response.json()) == ["error"]


def test_a_text_is_never_taken_for_a_file(serving, tmp_path):
    (tmp_path / "secret.txt").write_text("secret\n" * 3)
    name = str(tmp_path / "secret.txt")
    client = serving("pairs")
    for body in ({"texts": [name]}, {"texts": ["/etc/passwd"]}):
        assert len(answers(client, body)) == 1
        assert "secret" not in client.post("/explain", json=body).json()["html"].replace(name, "")
    assert len(answers(serving(), {"texts": [name, "/etc/hosts.csv"]})) == 2


def test_the_description_is_exact_and_self_contained(serving):
    told = serving().get("/openapi.json").json()
    assert set(told["paths"]) == {"/healthz", "/model", "/metrics", "/predict", "/explain"}
    schema = told["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["additionalProperties"] is False and schema["required"] == ["texts"]
    assert "http" not in json.dumps(told["components"])
    assert serving().get("/docs").status_code == 404
