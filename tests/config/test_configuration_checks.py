"""What `understudy check` refuses beyond the shape of a configuration."""

import pytest

from comparators.base import Comparator
from proxy.config.checks import check_config
from proxy.config.model import Config
from proxy.errors import ConfigurationError
from proxy.relay.telemetry import UNMATCHED


def route(**more):
    return {"name": "a", "teacher": {"url": "http://t/v1"}, "comparators": [{"use": "exact"}], **more}


def config(*routes, **more):
    return Config.model_validate({"routes": list(routes) or [route()], **more})


def said(checked):
    with pytest.raises(ConfigurationError) as caught:
        check_config(checked)
    return str(caught.value)


def test_a_configuration_without_flaws_passes():
    check_config(config())
    check_config(config(teacher={"url": "https://api.openai.com/v1", "api_key": "ours"}))


def test_a_public_address_that_spends_our_key_needs_access_keys():
    ours = {"url": "http://t", "api_key": "ours"}
    for public in ("0.0.0.0:80", ":80", "[::]:80", "192.0.2.1:80", "proxy.example:80"):
        assert "listen" in said(config(listen=public, teacher=ours))
    text = said(config(route(teacher=ours), listen=":8080"))
    assert text.startswith("listen: :8080 lets anyone spend our own teacher key; give access.keys")
    assert "ours" not in text.replace("our", "")
    check_config(config(route(teacher=ours), listen=":8080", access={"keys": ["client-1"]}))
    check_config(config(route(), listen=":8080"))
    check_config(config(route(teacher=ours), listen="localhost:8080"))


def test_a_public_admin_plane_needs_a_token():
    assert said(config(admin={"listen": ":9000"})).startswith(
        "admin.listen: :9000 is open to others; give admin.tokens"
    )
    check_config(config(admin={"listen": ":9000", "tokens": {"read": "r"}}))


def test_tokens_must_differ():
    assert "admin.tokens: must differ" in said(config(admin={"tokens": {"read": "same", "admin": "same"}}))


def test_both_planes_need_a_port_of_their_own():
    assert "admin.listen" in said(config(listen="127.0.0.1:8081"))
    assert "admin.listen" in said(config(listen=":8081"))
    check_config(config(listen="127.0.0.1:0", admin={"listen": "127.0.0.1:0"}))


def test_a_student_or_teacher_that_is_this_proxy_is_refused():
    student = {"name": "s", "url": "http://localhost:8080/v1"}
    assert said(config(route(students=[student]))) == (
        "routes[0].students[0].url: leads back to this proxy, which listens on 127.0.0.1:8080"
    )
    assert "routes[0].teacher.url: leads back" in said(config(route(teacher={"url": "http://127.0.0.1:8080"})))
    assert "teacher.url: leads back" in said(config(teacher={"url": "http://[::1]:8080"}))
    assert "admin plane" in said(config(teacher={"url": "http://127.0.0.1:8081"}))


def test_a_comparator_that_asks_this_proxy_is_refused():
    judge = {"use": "judge", "url": "http://localhost:8080/v1", "model": "m"}
    semantic = {"use": "semantic", "url": "http://127.0.0.1:8080/v1", "model": "m"}
    for use in (judge, semantic, {"use": "auto", "prose": judge}, {"use": "all_of", "comparators": ["exact", judge]}):
        assert said(config(route(comparators=[use]))) == (
            "routes[0].comparators[0]: its url leads back to this proxy, which listens on 127.0.0.1:8080"
        )
    check_config(config(route(comparators=[{**judge, "url": "http://localhost:8082/v1"}])))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "*/responses"])
def test_a_comparator_of_embeddings_is_refused_where_only_texts_come(path):
    route_ = route(match={"path": path}, comparators=[{"use": "embedding"}], students=[STUDENT])
    assert "routes[0].comparators[0]: embedding cannot compare answers of " in said(config(route_))
    check_config(config(route_ | {"match": {"path": "/v1/*"}}))


def test_a_comparator_that_does_not_exist_is_named_with_its_place():
    text = said(config(route(comparators=[{"use": "exact"}, {"use": "lable"}])))
    assert text.startswith("routes[0].comparators[1]: ")
    assert "lable" in text
    assert "\n" not in text


def test_an_option_that_a_comparator_does_not_have_is_named():
    text = said(config(route(comparators=[{"use": "exact", "agre_at": 1}])))
    assert text.startswith("routes[0].comparators[0]: ")
    assert "agre_at" in text


STUDENT = {"name": "s", "url": "http://s/v1", "model": "m"}


@pytest.mark.parametrize("comparators", [[{"use": "exact"}], [{"use": "number"}, {"use": "text"}]])
def test_a_comparator_of_texts_is_refused_where_only_embeddings_come(comparators):
    text = said(config(route(match={"path": "/v1/embeddings"}, comparators=comparators, students=[STUDENT])))

    lines = text.split("\n")
    assert len(lines) == len(comparators)
    for index, (line, use) in enumerate(zip(lines, comparators, strict=True)):
        assert line.startswith(
            f"routes[0].comparators[{index}]: {use['use']} cannot compare embeddings, which are all that"
            " /v1/embeddings matches; it compares chat/completions, completions, responses"
        )


def test_a_comparator_is_not_refused_where_it_can_compare_or_has_nothing_to_compare():
    check_config(config(route(match={"path": "/v1/embeddings"})))
    check_config(config(route(students=[STUDENT])))
    for path in (
        "/v1/*",
        "*/completions",
        "/v1/chat/completions",
        "/v1/responses",
        "/openai/deployments/*/completions",
    ):
        check_config(config(route(match={"path": path}, students=[STUDENT])))
    vectors = {"use": "tests.config.test_configuration_checks:Vectors"}
    check_config(config(route(match={"path": "*/embeddings"}, comparators=[vectors], students=[STUDENT])))


class Vectors(Comparator):
    name, version, surfaces = "vectors", "1", frozenset({"embeddings"})


def test_a_segment_may_not_hold_a_credential_nor_take_a_built_in_key():
    text = said(config(route(segments=[{"header": "X-Api-Key", "as": "who"}, {"body": "user", "as": "language"}])))
    assert "routes[0].segments[0].header: X-Api-Key holds a credential, which is never stored" in text
    assert "routes[0].segments[1].as: language is a built-in segment" in text


def test_required_segments_are_segments_of_the_route():
    text = said(config(route(gate={"require": ["tenant=acme", "turn=second", "language=de"]})))
    assert text.split("\n") == [
        "routes[0].gate.require[0]: tenant is no segment of this route; it has teacher_version, language, length, turn",
        "routes[0].gate.require[1]: turn has the values first, later, after_tool; found second",
    ]
    hour = config(route(segments=["hour"], gate={"require": ["hour=night"]}))
    assert said(hour).endswith("hour has the values 00-06, 06-12, 12-18, 18-24; found night")
    check_config(config(route(segments=["tags"], gate={"require": ["tenant=acme"]})))
    check_config(config(route(segments=[{"header": "x-t", "as": "tenant"}], gate={"require": ["tenant=a=b"]})))


def test_retention_has_a_floor():
    assert said(config(route(retention=5))) == "routes[0].retention: must be 1m or more"


def test_a_student_is_never_given_the_clients_key():
    text = said(config(route(students=[{**STUDENT, "api_key": "passthrough"}])))
    assert text == (
        "routes[0].students[0].api_key: passthrough is for teachers: a client's key reaches no student;"
        " give the student's own, or leave it out"
    )


@pytest.mark.parametrize(
    ("price", "wrong"),
    [
        (
            {"per_hour": 2.1, "input": 0.1, "output": 0.2},
            "per_hour stands alone: serving is paid by hours or by tokens",
        ),
        ({"per_hour": 2.1, "cached_input": 0.1}, "per_hour stands alone"),
        ({"input": 1}, "without `output` no cost is known; where none is paid for, write 0"),
        ({"output": 1}, "without `input` no cost is known"),
        ({"cached_input": 1}, "without `input` no cost is known"),
        ({}, "must be {input, output} or {per_hour}"),
    ],
)
def test_a_price_that_gives_no_cost_or_two_is_refused(price, wrong):
    text = said(config(route(students=[{**STUDENT, "price": price}])))
    assert text.startswith(f"routes[0].students[0].price: {wrong}")
    assert "\n" not in text


@pytest.mark.parametrize("price", [{"per_hour": 2.1}, {"per_hour": 0}, {"input": 1, "output": 0}, None])
def test_a_price_that_gives_a_cost_passes(price):
    check_config(config(route(students=[{**STUDENT, "price": price}])))


def test_embeddings_are_paid_by_input_alone():
    vectors = {"use": "tests.config.test_configuration_checks:Vectors"}
    student = {**STUDENT, "price": {"input": 1}}
    check_config(config(route(match={"path": "/v1/embeddings"}, comparators=[vectors], students=[student])))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {}),
        ({}, {"path": "/v1/chat/completions", "model": "gpt-*"}),
        ({"path": "/*"}, {"model": "gpt-4o"}),
        ({"model": "gpt-4o*"}, {"model": "gpt-4o-mini"}),
        ({"model": "*"}, {"model": "gpt-*"}),
        ({"path": "/v1/*"}, {"path": "/v1/chat/completions", "header": {"x-app": "a"}}),
        ({"header": {"X-App": "a"}}, {"header": {"x-app": "a", "x-team": "b"}, "model": "m"}),
    ],
)
def test_a_route_that_an_earlier_one_leaves_nothing_is_refused(earlier, later):
    text = said(config(route(match=earlier), route(name="b", match=later)))
    assert text == "routes[1].match: nothing reaches b: whatever it matches, a has before; put b first, or narrow a"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"path": "/v1/chat/completions"}, {}),
        ({"path": "/"}, {}),
        ({"path": "*/"}, {"path": "/v1/*"}),
        ({"model": "*"}, {}),  # a request may name no model
        ({"model": "gpt-4o"}, {"model": "gpt-4o*"}),
        ({"model": "gpt-?"}, {"model": "gpt-*"}),
        ({"header": {"x-app": "*"}}, {"path": "/v1/*"}),
        ({"header": {"x-app": "a"}}, {"header": {"x-app": "b"}}),
        ({"path": "/v1/chat/*", "model": "a"}, {"path": "/v1/chat/completions", "model": "b"}),
    ],
)
def test_routes_that_are_reached_pass(earlier, later):
    check_config(config(route(match=earlier), route(name="b", match=later)))


def test_the_name_that_metrics_give_to_requests_without_a_route_is_no_routes():
    assert UNMATCHED == "unmatched"
    assert said(config(route(name="unmatched"))) == (
        "routes[0].name: unmatched is what metrics call requests that no route matches; choose another name"
    )


def test_one_capture_must_fit_into_what_all_may_take():
    assert said(config(limits={"capture": "8MiB", "capture_total": "4MiB"})) == (
        "limits.capture: 8MiB is more than limits.capture_total, 4MiB, which is for all captures together"
    )
    check_config(config(limits={"capture": "4MiB", "capture_total": "4MiB"}))


def test_a_store_needs_a_folder_that_is_there_and_nothing_is_made(tmp_path):
    assert (
        said(config(store=f"sqlite:///{tmp_path}/none/u.db")) == f"store: there is no folder {tmp_path}/none; make it"
    )
    assert said(config(store=f"sqlite:///{tmp_path}")) == f"store: {tmp_path} is a folder; name a file in it"
    check_config(config(store=f"sqlite:///{tmp_path}/u.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["all", "language", "teacher_version"])
def test_a_segment_may_not_take_the_key_of_another(key):
    assert f"as: {key} is a built-in segment" in said(config(route(segments=[{"body": "user", "as": key}])))


def test_what_the_gate_asks_for_too_is_another_comparator_of_the_route():
    two = [{"use": "exact"}, {"use": "text", "name": "wording"}]
    check_config(config(route(comparators=two, gate={"also": {"wording": 0.9}})))
    assert said(config(route(comparators=two, gate={"also": {"words": 0.9}}))) == (
        "routes[0].gate.also.words: words is no comparator of this route; beside exact it has wording"
    )
    assert "exact decides agreement: its target is gate.agreement" in said(
        config(route(comparators=two, gate={"also": {"exact": 0.9}}))
    )
    assert "it has exact alone" in said(config(route(gate={"also": {"wording": 0.9}})))
