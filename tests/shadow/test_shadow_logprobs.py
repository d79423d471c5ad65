"""Log-probabilities: asked for where that is configured, compared where both sides have them, told in the report."""

import math
import time

import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from proxy.analyst.report import build_report
from proxy.analyst.text import render_report
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import TEACHER, exchange, only, student, world

TOKEN = {"token": "four", "logprob": -0.1, "bytes": None, "top_logprobs": [{"token": "4", "logprob": -2.5}]}


def with_logprobs(model):
    completion = chat_completion("four", model=model)
    completion["choices"][0]["logprobs"] = {"content": [TOKEN], "refusal": None}
    return completion


def giving(seen):
    wanted = seen.json.get("logprobs") is True
    return json_reply(with_logprobs("student-1") if wanted else chat_completion("four", model="student-1"))


def refusing(seen):
    if "logprobs" in seen.json:
        return json_reply({"error": {"message": "logprobs are not supported"}}, status=400)
    return giving(seen)


def never_giving(_):
    return json_reply(chat_completion("four", model="student-1"))


def told(there):
    [entry] = build_report(there.config, there.store, now=time.time() + 600, unsettled=None)["routes"]
    report = {"generated": "2026-01-01T00:00:00Z", "since": None, "routes": [entry]}
    return entry["student_logprobs"], " ".join(render_report(report).split())


@pytest.mark.parametrize(
    ("handler", "counted", "text"),
    [
        (giving, {"given": 2}, "2 of the student's answers have them"),
        (refusing, {"refused": 2}, "2 were asked without, as it refuses the field"),
        (never_giving, {"none": 2}, "2 were asked for them and have none"),
    ],
)
def test_the_report_says_what_came_of_asking_for_them(tmp_path, handler, counted, text):
    with Upstream(handler) as upstream, world(tmp_path, student(url=upstream.url, logprobs=True)) as there:
        pairs = there.run(exchange(1), exchange(2))

        assert [pair.pair.outcome for pair in pairs] == ["agreed"] * 2
        said, rendered = told(there)
        assert said == counted
        assert f"Logprobs {text}" in rendered


def test_a_student_that_is_not_to_give_them_is_not_in_the_report(tmp_path):
    with Upstream(giving) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.run(exchange())

        said, rendered = told(there)
        assert said == {}
        assert "Logprobs" not in rendered


def token(text, **top):
    """A position: the token that was written, and the probabilities of those listed."""
    entries = [{"token": each, "logprob": math.log(mass), "bytes": None} for each, mass in top.items()]
    return {"token": text, "logprob": math.log(top[text]), "bytes": None, "top_logprobs": entries}


def answering(model, *tokens):
    completion = chat_completion("".join(each["token"] for each in tokens), model=model)
    completion["choices"][0]["logprobs"] = {"content": list(tokens), "refusal": None}
    return completion


def summed(there, student="small"):
    [evidence] = there.store.evidences("r", student)
    wanted = ("logprob_positions", "js_micros", "kl_micros")
    return {
        row.measure: row.n
        for row in there.store.counts(evidence.id)
        if row.measure in wanted and (row.comparator, row.segment_key) == ("", "all")
    }


def test_divergence_is_summed_over_positions_and_pairs_without_a_comparator_for_it(tmp_path):
    teachers = [token("four", four=0.9, five=0.1), token("!", **{"!": 0.5, ".": 0.5}), token("x", x=1.0)]
    students = [token("four", four=0.6, five=0.4), token(".", **{"!": 0.25, ".": 0.75}), token("y", y=1.0)]
    reply = json_reply(answering(TEACHER, *teachers)).pieces[0]
    with Upstream(lambda _: json_reply(answering("student-1", *students))) as upstream:
        with world(tmp_path, student(url=upstream.url, logprobs=True)) as there:
            there.run(exchange(1, response=reply), exchange(2, response=reply))
            found = summed(there)

    # The third position has other text before it on either side.
    p, q = ((0.9, 0.1), (0.5, 0.5)), ((0.6, 0.4), (0.25, 0.75))
    js = sum(jensenshannon(a, b, base=2) ** 2 for a, b in zip(p, q, strict=True))
    kl = sum(entropy(a, b) for a, b in zip(p, q, strict=True))
    assert found["logprob_positions"] == 2 * 2
    assert found["js_micros"] == pytest.approx(2e6 * js, abs=2)
    assert found["kl_micros"] == pytest.approx(2e6 * kl, abs=2)


def test_nothing_is_summed_where_a_side_has_none_or_cuts_its_text_otherwise(tmp_path):
    whole = json_reply(answering(TEACHER, token("fourteen", fourteen=1.0))).pieces[0]
    cut = answering("student-1", token("four", four=1.0), token("teen", teen=1.0))
    with Upstream(lambda _: json_reply(cut)) as upstream:
        with world(tmp_path, student(url=upstream.url, logprobs=True)) as there:
            there.run(exchange(1, response=whole), exchange(2))

            assert summed(there) == {}


def test_they_are_compared_where_the_client_asked_the_teacher_for_them_too(tmp_path):
    comparators = [{"use": "exact"}, {"use": "logprobs"}]
    with Upstream(giving) as upstream:
        with world(tmp_path, student(url=upstream.url, logprobs=True), comparators=comparators) as there:
            pair = only(there.run(exchange(response=json_reply(with_logprobs(TEACHER)).pieces[0])))

    assert pair.pair.scores["logprobs"].score == 1.0


@pytest.mark.parametrize(
    ("surface", "asking", "reply"),
    [
        ("chat/completions", {"logprobs": True, "top_logprobs": 5}, None),
        ("chat/completions", {"logprobs": False}, None),
        ("completions", {"logprobs": 0}, {"object": "text_completion", "choices": [{"text": "four"}]}),
        (
            "responses",
            {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
            {
                "object": "response",
                "status": "completed",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "four"}]}],
            },
        ),
    ],
)
def test_a_student_that_refuses_what_the_client_asks_of_the_teacher_is_asked_without(tmp_path, surface, asking, reply):
    reply = reply or chat_completion("four", model="student-1")

    def strict(seen):
        asked = [field for field in ("logprobs", "top_logprobs", "include") if field in seen.json]
        if asked:
            return json_reply({"detail": [{"loc": ["body", asked[0]], "msg": "logprobs: extra inputs"}]}, status=422)
        return json_reply({**reply, "model": "student-1"})

    asked = [
        exchange(
            n,
            surface=surface,
            path=f"/v1/{surface}",
            body={"prompt": "2+2", "input": "2+2", **each},
            response=json_reply({**reply, "model": TEACHER}).pieces[0],
        )
        for n, each in ((1, asking), (2, asking), (3, {}))
    ]
    with Upstream(strict) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        pairs = there.run(*asked)

        assert [pair.pair.outcome for pair in pairs] == ["agreed"] * 3
        said, rendered = told(there)
        assert said == {"refused": 2}
        assert "Logprobs 2 were asked without, as it refuses the field" in rendered


def test_what_the_client_asks_is_passed_on_to_a_student_that_takes_it(tmp_path):
    with Upstream(giving) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.run(exchange(body={"messages": [], "logprobs": True, "top_logprobs": 3}))

        assert [(seen.json["logprobs"], seen.json["top_logprobs"]) for seen in upstream.seen] == [(True, 3)]
        assert told(there)[0] == {}
