"""A server in this process, around a small model."""

import hashlib
from urllib.parse import urljoin

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from starlette.testclient import TestClient

from elman.deploy.serve.app import Service, application
from elman.deploy.serve.limits import Limits
from elman.deploy.serve.tokens import Tokens
from elman.errors import InputError
from served import MODELS, ToldStreams

HERE = "http://127.0.0.1:8000"
MODEL = hashlib.sha256(b"a model").digest()


class Client(TestClient):
    """Its WebSockets call the server by the same name as its requests do."""

    def websocket_connect(self, url, **options):
        return super().websocket_connect(urljoin(HERE.replace("http", "ws"), url), **options)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A model by the name of what it is of, fitted once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = MODELS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return get


@pytest.fixture
def service(model):
    def make(name="texts", streams=None, **limits):
        streams = InputError("this model cannot be streamed") if streams is None else streams
        return Service(model(name), name, Limits(**limits), Tokens(b"k" * 32, MODEL), streams, threads=1)

    return make


@pytest.fixture
def serving(service):
    """A client of a server in this process."""
    opened = []

    def make(name="texts", token=None, streams=None, **limits):
        app = application(service(name, streams, **limits), token)
        client = Client(app, base_url=HERE, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def told():
    return ToldStreams()
