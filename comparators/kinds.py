"""The kinds of disagreement: a short list of names, so that they can be counted, filtered by, and trained against.

A comparator of one's own may add others; these mean the same wherever they occur.  Unless a kind says otherwise, it
tells what the student did, measured against the teacher.
"""

from __future__ import annotations

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    # classes, numbers, texts
    "label_changed": "another label",
    "label_unknown": "a label that is none of those configured, on either side",
    "number_changed": "another number",
    "number_missing": "no number, where the teacher has one",
    "number_invented": "a number, where the teacher has none",
    "wording": "other words",
    "meaning": "another meaning",
    "length": "much shorter or longer",
    # fields of JSON, arguments of tools
    "field_missing": "a field without a value, where the teacher has one",
    "field_invented": "a field with a value, where the teacher has none",
    "field_changed": "another value",
    "field_type_changed": "a value of another type",
    "tool_missing": "a tool not called that the teacher called",
    "tool_extra": "a tool called that the teacher did not call",
    "tools_reordered": "the same tools in another order, where order matters",
    "not_called": "words where the teacher called a tool",
    "called": "a tool called where the teacher answered in words",
    "argument_missing": "a call without an argument that the teacher gave",
    "argument_invented": "a call with an argument that the teacher did not give",
    "argument_changed": "a call with another value of an argument",
    "arguments_invalid": "a call whose arguments are no JSON, or break the tool's own schema",
    # form
    "invalid_format": "not of the form asked for (JSON, schema, pattern, table, language, length)",
    "teacher_invalid_format": "the teacher's answer is not of the form asked for",
    "other_form": "an answer of another kind than the teacher's: prose for JSON, a sentence for a label",
    "score_too_low": "each comparison alone agrees, but their mean is too low",
    "code_changed": "other code, once parsed",
    "query_changed": "another query, once normalised",
    "result_changed": "a query with another result",
    # refusing and ending
    "refused": "refused where the teacher answered",
    "not_refused": "answered where the teacher refused",
    "truncated": "cut off by a limit where the teacher's was not",
    "filtered": "stopped by a content filter where the teacher's was not",
    "empty": "nothing, where the teacher said something",
    "student_error": "an error in place of an answer, or an answer that cannot be read",
    # vectors and distributions
    "vector_changed": "a vector that points elsewhere",
    "neighbours_changed": "other neighbours within the batch",
    "distribution": "other probabilities for the next tokens",
    # judged
    "judged_worse": "the judge prefers the teacher's answer",
    "judge_undecided": "the judge cannot tell which answer is better, and that is to count",
    "judge_inconsistent": "the judge's word changed with the order of the answers",
}
