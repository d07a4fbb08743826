"""Requests drawn from the description at /openapi.json, and many that it forbids: no answer is the server's fault."""

import warnings

import pytest

from served import ToldStreams

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, Phase, settings  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("name", ["texts", "numbers", "sessions", "days", "prose", "tags", "pairs", "strokes"])
def test_no_request_is_a_fault_of_the_server(serving, name):
    client = serving(name, streams=ToldStreams(), max_steps=300)
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    seen = set()
    quiet = list(HealthCheck)
    for operation in schema.get_all_operations():
        operation = operation.ok()

        @settings(max_examples=40, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=quiet)
        def check(case):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = case.as_transport_kwargs(base_url="http://127.0.0.1:8000")
                made.pop("cookies", None)
                response = client.request(**made)
            seen.add(response.status_code)
            assert response.status_code in (200, 400, 404, 405, 415, 422), (response.status_code, response.text)
            if response.status_code != 200:
                assert set(response.json()) == {"error"}
            case.validate_response(schemathesis.transport.prepare.Response.from_any(response))

        for mode in schemathesis.GenerationMode:
            case = operation.as_strategy(generation_mode=mode)
            from hypothesis import given

            given(case=case)(check)()
    assert 200 in seen and 422 in seen
