import json

import pytest

from proxy.openai import errors, surfaces


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/v1/chat/completions", "chat/completions"),
        ("/openai/deployments/gpt-4o/chat/completions", "chat/completions"),
        ("/openai/v1/responses", "responses"),
        ("/v1/completions", "completions"),
        ("/openai/deployments/embedder/embeddings", "embeddings"),
        ("/embeddings", "embeddings"),
    ],
)
def test_a_surface_is_told_by_how_the_path_ends(path, surface):
    assert surfaces.surface_of(path) == surface


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions/",
        "/v1/chat/completions/chatcmpl-1",
        "/v1/responses/compact",
        "/v1/models",
        "/",
        "",
        "/v1/autocompletions",
    ],
)
def test_every_other_path_has_no_surface(path):
    assert surfaces.surface_of(path) is None


def test_azures_deployment_is_read_from_the_path_and_unquoted():
    assert surfaces.azure_deployment("/openai/deployments/my%20gpt/chat/completions") == "my gpt"
    assert surfaces.azure_deployment("/v1/chat/completions") is None
    assert surfaces.azure_deployment("/openai/deployments/") is None


def test_our_own_errors_have_openais_shape():
    body = json.loads(errors.error_body("No answer.", type="server_error", code="teacher_unreachable"))

    assert body == {
        "error": {"message": "No answer.", "type": "server_error", "param": None, "code": "teacher_unreachable"}
    }


@pytest.mark.parametrize(
    ("error", "label"),
    [
        ({"code": "rate_limit_exceeded", "type": "requests"}, "rate_limit_exceeded"),
        ({"code": None, "type": "server_error", "message": "secret text"}, "server_error"),
        ({"code": 429}, "429"),
        ({"code": "a sentence with the user's text"}, "error"),
        ("a whole text", "error"),
        (None, "error"),
    ],
)
def test_an_upstreams_error_is_named_by_its_code_or_type_never_by_its_text(error, label):
    assert errors.error_label(error) == label
