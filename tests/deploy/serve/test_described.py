"""Requests drawn from the description at /openapi.json, and many that it forbids: no answer is the server's fault."""

import warnings

import pytest

from served import ToldStreams

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

MODES = list(schemathesis.GenerationMode)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")  # of the tool's own drawing
@pytest.mark.slow
@pytest.mark.parametrize("name", ["texts", "numbers", "sessions", "days", "prose", "tags", "pairs", "strokes"])
def test_no_request_is_a_fault_of_the_server(serving, name):
    client = serving(name, streams=ToldStreams(), max_steps=300)
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    seen = set()

    def check(case):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other libraries, about values that no user would send
            made = case.as_transport_kwargs(base_url="http://127.0.0.1:8000")
            given = {"params": made.get("params"), "headers": made.get("headers")}
            body = {"json": made["json"]} if "json" in made else {"content": made.get("data")}
            response = client.request(made["method"], made["url"], **given, **body)
            seen.add(response.status_code)
            assert response.status_code < 500, response.text
            # What fits the description may still be nothing that the model can answer: a row that is not there.
            case.validate_response(response, excluded_checks=[positive_data_acceptance])
        if response.status_code != 200:
            assert list(response.json()) == ["error"] and "\n" not in response.json()["error"]

    quiet = settings(
        max_examples=40,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for operation in (found.ok() for found in schema.get_all_operations()):
        # A GET of these takes nothing, so that there is nothing to be wrong in it.
        for mode in MODES if operation.method.upper() == "POST" else [schemathesis.GenerationMode.POSITIVE]:
            quiet(given(case=operation.as_strategy(generation_mode=mode))(check))()
    assert seen >= {200, 422}
