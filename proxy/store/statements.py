"""The SQLite store's statements."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.store.records import TEACHER_REPLAY
from proxy.store.rows import EXCHANGE_TEXT, PAIR_TEXT


def insert(table: str, columns: Iterable[str]) -> str:
    """Insert one row by the names of its columns."""
    names = list(columns)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"  # noqa: S608 - names are ours


KNOWN_STUDENTS = """
SELECT exchanges.id, exchanges.has_text, exchanges.unit_head, pairs.student
FROM json_each(:ids) AS wanted
JOIN exchanges ON exchanges.id = wanted.value
LEFT JOIN pairs ON pairs.exchange_id = exchanges.id
"""
HAS_TEXT_AGAIN = "UPDATE exchanges SET has_text = 1 WHERE id = :id AND has_text = 0"

# Units

# Most requests repeat nothing: one look for a whole batch tells.
STORED_REPEAT_KEYS = """
SELECT wanted.value AS key FROM json_each(:keys) AS wanted
WHERE EXISTS (SELECT 1 FROM exchanges WHERE repeat_key = wanted.value AND repeat_key != '')
"""
HEAD_BEFORE = """
SELECT id FROM exchanges
WHERE repeat_key = :repeat_key AND route = :route AND source = :source AND unit_head = id
    AND captured_at >= :since AND (captured_at, id) <= (:at, :id)
ORDER BY captured_at DESC, id DESC LIMIT 1
"""
# As far as they may get new heads: up to the first pause that is too long for a repeat.
REPEATS_AFTER = """
SELECT id, captured_at, unit_head FROM exchanges
WHERE repeat_key = :repeat_key AND route = :route AND source = :source AND unit_kind != 'conversation'
    AND (captured_at, id) > (:at, :id)
ORDER BY captured_at, id LIMIT 1000
"""
SET_UNIT_HEAD = "UPDATE exchanges SET unit_head = :head WHERE id = :id"
OPEN_UNIT = """
INSERT INTO open_units (route, source, unit, first, last) VALUES (:route, :source, :unit, :at, :at)
ON CONFLICT (route, source, unit) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)
"""
UNITS_TO_CLOSE = """
SELECT route, source, unit FROM open_units WHERE last <= :idle_since
UNION SELECT route, source, unit FROM open_units WHERE first <= :begun_before
LIMIT :page
"""
OPEN_TURNS = """
SELECT captured_at, id FROM exchanges
WHERE unit = :unit AND unit_head IS NULL AND route = :route AND source = :source
"""
CLOSE_UNIT = "DELETE FROM open_units WHERE route = :route AND source = :source AND unit = :unit"
OPEN_TURN_NUMBER = "SELECT count(*) AS n FROM exchanges WHERE unit_head IS NULL AND route = :route AND source = 'live'"
_MEMBER_COLUMNS = """
SELECT exchanges.id AS exchange_id, exchanges.captured_at, exchanges.unit_kind, exchanges.unit_head, exchanges.source,
    exchanges.route, exchanges.teacher_version, exchanges.segments, exchanges.probability
"""
_WITH_PAIRS = f"""
{_MEMBER_COLUMNS}, pairs.student, pairs.evidence_id, pairs.thinning, pairs.outcome, pairs.decides, pairs.scores
FROM exchanges LEFT JOIN pairs ON pairs.exchange_id = exchanges.id
"""
_OF_HEAD = "WHERE exchanges.id = :head AND exchanges.unit_head = :head"
_OF_LATER_TURN = """
WHERE exchanges.unit_head = :head AND exchanges.unit_head != exchanges.id AND exchanges.unit_kind = 'conversation'
"""
UNIT_MEMBERS = f"{_WITH_PAIRS} {_OF_HEAD} UNION ALL {_WITH_PAIRS} {_OF_LATER_TURN}"
_WITH_RESCORED = f"""
{_MEMBER_COLUMNS}, pairs.thinning, rescored_pairs.outcome, rescored_pairs.agrees
FROM exchanges JOIN rescored_pairs
    ON rescored_pairs.rescoring_id = :rescoring_id AND rescored_pairs.exchange_id = exchanges.id
JOIN rescorings ON rescorings.id = rescored_pairs.rescoring_id
JOIN pairs ON pairs.exchange_id = exchanges.id AND pairs.student = rescorings.student
"""
RESCORED_MEMBERS = f"{_WITH_RESCORED} {_OF_HEAD} UNION ALL {_WITH_RESCORED} {_OF_LATER_TURN}"
UNIT_HEADS = """
SELECT exchanges.id, exchanges.unit_head FROM json_each(:ids) AS wanted JOIN exchanges ON exchanges.id = wanted.value
"""

# Evidence

EVIDENCE_HISTORY = """
SELECT id, version, definition, since, latest FROM evidence
WHERE route = :route AND student = :student AND number IS NOT NULL ORDER BY number
"""
EVIDENCE_NOT_BEGUN = """
SELECT id FROM evidence
WHERE route = :route AND student = :student AND version = :version AND definition = :definition AND number IS NULL
"""
NEW_EVIDENCE = """
INSERT INTO evidence (route, student, number, version, definition, decides, since, latest, probability_floor)
VALUES (:route, :student, :number, :version, :definition, :decides, :since, :latest, :probability_floor)
"""
BEGIN_EVIDENCE = """
UPDATE evidence SET number = :number, decides = :decides, since = :since, latest = :latest,
    probability_floor = :probability_floor
WHERE id = :id
"""
NEWEST_EVIDENCE_ID = "SELECT max(id) AS id FROM evidence WHERE route = :route AND student = :student"
EVIDENCE_LATEST = "UPDATE evidence SET latest = max(latest, :latest) WHERE id = :id"
EVIDENCES = """
SELECT id, number, route, student, version, definition, decides, since, probability_floor FROM evidence
WHERE route = :route AND student = :student AND number IS NOT NULL ORDER BY number
"""
TEACHER_VERSIONS = """
SELECT requested_model, teacher_version, first_seen, took_over FROM teacher_versions WHERE route = :route
"""
NEW_TEACHER_VERSION = """
INSERT INTO teacher_versions (route, requested_model, teacher_version, first_seen, took_over)
VALUES (:route, :requested_model, :teacher_version, :first_seen, :took_over)
"""

# Counts

NUMBER_OF_EXCHANGES = "SELECT count(*) AS n FROM exchanges"
NEW_SERIES = """
INSERT OR IGNORE INTO series (replica, source, route, student, evidence_id, teacher_version, comparator,
    segment_key, segment_value, probability)
VALUES (:replica, :source, :route, :student, :evidence_id, :teacher_version, :comparator,
    :segment_key, :segment_value, :probability)
"""
SERIES_ID = """
SELECT id FROM series
WHERE replica = :replica AND source = :source AND route = :route AND student = :student
    AND evidence_id = :evidence_id AND teacher_version = :teacher_version AND comparator = :comparator
    AND segment_key = :segment_key AND segment_value = :segment_value AND probability = :probability
"""
ADD_COUNT = """
INSERT INTO counts (series_id, bucket, measure, bin, n) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (series_id, bucket, measure, bin) DO UPDATE SET n = n + excluded.n
"""
ADD_DAILY_COUNT = """
INSERT INTO daily_counts (series_id, day, measure, bin, n) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (series_id, day, measure, bin) DO UPDATE SET n = n + excluded.n
"""
_SUMS = """
WITH wanted AS (SELECT id FROM series WHERE {series})
SELECT series_id, measure, bin, sum(n) AS n FROM (
    SELECT counts.* FROM wanted JOIN counts ON series_id = wanted.id
    WHERE bucket >= :since AND bucket < :first_day
    UNION ALL
    SELECT daily_counts.* FROM wanted JOIN daily_counts ON series_id = wanted.id
    WHERE day >= :first_day AND day < :last_day
    UNION ALL
    SELECT monthly_counts.* FROM wanted JOIN monthly_counts ON series_id = wanted.id
    WHERE month >= :first_day AND month < :last_day
    UNION ALL
    SELECT counts.* FROM wanted JOIN counts ON series_id = wanted.id
    WHERE bucket >= :last_day AND bucket < :until
)
GROUP BY series_id, measure, bin
"""
COUNTS = f"""
SELECT series.comparator, series.segment_key, series.segment_value, series.probability,
    sums.measure, sums.bin, sum(sums.n) AS n
FROM ({_SUMS.format(series="evidence_id = :evidence_id AND source = :source")}) AS sums
JOIN series ON series.id = sums.series_id
GROUP BY series.comparator, series.segment_key, series.segment_value, series.probability, sums.measure, sums.bin
ORDER BY series.comparator, series.segment_key, series.segment_value, series.probability, sums.measure, sums.bin
"""  # noqa: S608 - the condition is ours
BLOCKS = """
SELECT series.segment_key, series.segment_value, counts.bucket, series.probability, counts.bin, sum(counts.n) AS n
FROM series JOIN counts ON counts.series_id = series.id
WHERE series.evidence_id = :evidence_id AND series.source = 'live' AND series.comparator = :comparator
    AND counts.bucket >= :since AND counts.bucket < :until AND counts.measure = :measure
GROUP BY series.segment_key, series.segment_value, counts.bucket, series.probability, counts.bin
HAVING sum(counts.n) != 0
ORDER BY counts.bucket
"""
TRAFFIC = f"""
SELECT measure, bin, sum(n) AS n
FROM ({_SUMS.format(series="route = :route AND student = '' AND source = 'live'")})
GROUP BY measure, bin
"""  # noqa: S608 - the condition is ours
# From both ends of the index: together, min() and max() would read every exchange of the route.
TRAFFIC_SPAN = """
SELECT
    (SELECT captured_at FROM exchanges WHERE route = :route AND source = 'live' AND captured_at >= :since
        ORDER BY captured_at LIMIT 1) AS first,
    (SELECT captured_at FROM exchanges WHERE route = :route AND source = 'live' AND captured_at >= :since
        ORDER BY captured_at DESC LIMIT 1) AS last
"""
FOLDED = "SELECT span, before FROM folded"
FOLD_BEFORE = "UPDATE folded SET before = :before WHERE span = :span AND before < :before"
SERIES_TO_FOLD = """
SELECT id FROM series
WHERE id > :after AND (
    EXISTS (SELECT 1 FROM counts WHERE series_id = series.id AND bucket < :day)
    OR EXISTS (SELECT 1 FROM daily_counts WHERE series_id = series.id AND day < :month)
)
ORDER BY id LIMIT :page
"""
OLDEST_BUCKET = "SELECT min(bucket) AS oldest FROM counts WHERE series_id = :series"
DELETE_BUCKETS = "DELETE FROM counts WHERE series_id = :series AND bucket < :before"
OLDEST_DAY = "SELECT min(day) AS oldest FROM daily_counts WHERE series_id = :series"
ADD_TO_MONTH = """
INSERT INTO monthly_counts (series_id, month, measure, bin, n)
SELECT series_id, :month, measure, bin, sum(n) FROM daily_counts
WHERE series_id = :series AND day < :before GROUP BY measure, bin
ON CONFLICT (series_id, month, measure, bin) DO UPDATE SET n = n + excluded.n
"""
DELETE_DAYS = "DELETE FROM daily_counts WHERE series_id = :series AND day < :before"
FULL_DAYS = """
WITH RECURSIVE days (start) AS (
    SELECT since FROM evidence WHERE id = :evidence_id AND since + 86400 <= :until
    UNION ALL
    SELECT start + 86400 FROM days WHERE start + 2 * 86400 <= :until
)
SELECT count(*) AS days FROM days WHERE EXISTS (
    SELECT 1 FROM pairs
    WHERE evidence_id = :evidence_id AND captured_at >= start AND captured_at < start + 86400
        AND source = 'live' AND outcome NOT IN ('teacher_error', 'paused', 'sampled_out')
)
"""
SET_CAPTURES = """
INSERT INTO captures (origin, route, outcome, reason, bucket, probability, total)
VALUES (:origin, :route, :outcome, :reason, :bucket, :probability, :total)
ON CONFLICT (route, bucket, outcome, reason, origin, probability) DO UPDATE SET total = max(total, excluded.total)
"""
CAPTURES = """
SELECT route, outcome, reason, probability, sum(total) AS n FROM captures
WHERE route = :route AND bucket >= :since AND bucket < :until
GROUP BY route, outcome, reason, probability ORDER BY outcome, reason, probability
"""

# Sketches

_SKETCHES_OF = """
FROM sketches
WHERE route = :route AND side = :side AND student = :student AND replica = :replica AND probability = :probability
"""
SKETCHES_OF = f"SELECT feature, bins {_SKETCHES_OF} AND hour = :hour"
SET_SKETCH = """
INSERT INTO sketches (replica, route, side, student, hour, probability, feature, bins)
VALUES (:replica, :route, :side, :student, :hour, :probability, :feature, :bins)
ON CONFLICT (route, side, student, hour, replica, probability, feature) DO UPDATE SET bins = excluded.bins
"""
SKETCHES = """
SELECT hour, feature, probability, bins FROM sketches
WHERE route = :route AND side = :side AND student = :student AND hour >= :since AND hour < :until
ORDER BY hour, feature, probability
"""
OLDEST_HOURLY_SKETCH = """
SELECT replica, route, side, student, hour, probability FROM sketches
WHERE hour < :before AND hour % 86400 != 0 ORDER BY hour LIMIT 1
"""
SKETCHES_OF_DAY = f"SELECT feature, bins {_SKETCHES_OF} AND hour >= :hour AND hour < :next_day"
DELETE_SKETCHES_OF_DAY = f"DELETE {_SKETCHES_OF} AND hour >= :hour AND hour < :next_day"

# Scored again

NEW_RESCORING = """
INSERT OR IGNORE INTO rescorings (route, student, version, definition, decides)
VALUES (:route, :student, :version, :definition, :decides)
"""
RESCORING = """
SELECT * FROM rescorings
WHERE route = :route AND student = :student AND version = :version AND definition = :definition
"""
NEW_RESCORED_PAIR = """
INSERT OR IGNORE INTO rescored_pairs (rescoring_id, exchange_id, outcome, agrees)
VALUES (:rescoring_id, :exchange_id, :outcome, :agrees)
"""
RESCORING_GROWN = """
UPDATE rescorings SET
    first = min(coalesce(first, :first), :first),
    last = max(coalesce(last, :last), :last),
    redacted_requests = redacted_requests + :redacted_requests
WHERE id = :id
"""

# What comparators spent

SPEND = """
INSERT INTO spent (account, day, usd) VALUES (:account, :day, :usd)
ON CONFLICT (account, day) DO UPDATE SET usd = usd + excluded.usd
"""
SPENT = "SELECT account, day, usd FROM spent WHERE day >= :since"

# Segments

SEGMENT_NAME = "SELECT 1 FROM segment_names WHERE route = :route AND key = :key AND value = :value"
SEGMENT_KEYS = "SELECT count(DISTINCT key) AS n FROM segment_names WHERE route = :route"
SEGMENT_VALUES = "SELECT count(*) AS n FROM segment_names WHERE route = :route AND key = :key AND value != ''"
NAME_SEGMENT = "INSERT OR IGNORE INTO segment_names (route, key, value) VALUES (:route, :key, :value)"
SETTLED_SEGMENTS = "SELECT key, value, required FROM settled_segments WHERE evidence_id = :evidence_id"
# None leaves: a value that was required stays so.
SETTLE_SEGMENT = """
INSERT INTO settled_segments (evidence_id, key, value, required, settled_at)
VALUES (:evidence_id, :key, :value, :required, :settled_at)
ON CONFLICT (evidence_id, key, value) DO UPDATE SET required = max(required, excluded.required)
"""

# Versions of students, pauses

STUDENT_MODELS = """
SELECT first_model, present_model FROM student_models
WHERE route = :route AND student = :student AND base_version = :base
"""
SET_STUDENT_MODEL = """
INSERT INTO student_models (route, student, base_version, first_model, present_model)
VALUES (:route, :student, :base, :model, :model)
ON CONFLICT (route, student, base_version) DO UPDATE SET present_model = excluded.present_model
"""
PAUSE = "INSERT OR IGNORE INTO paused (route) VALUES (:route)"
RESUME = "DELETE FROM paused WHERE route = :route"
PAUSED = "SELECT route FROM paused"
SALT = "SELECT value FROM meta WHERE key = 'salt'"

# Pairs

_PAIR_COLUMNS = """
SELECT pairs.*, exchanges.surface, exchanges.requested_model, exchanges.teacher_version, exchanges.probability,
    exchanges.unit, exchanges.unit_kind, exchanges.repeat_key, exchanges.has_teacher, exchanges.segments,
    exchanges.subjects, exchanges.request, exchanges.teacher_model, exchanges.teacher_status,
    exchanges.teacher_finish_reason, exchanges.teacher_latency_ms, exchanges.teacher_ttft_ms,
    exchanges.teacher_cost_usd, exchanges.teacher_usage, exchanges.teacher_error_kind,
    exchanges.teacher_error_message, exchanges.teacher_content, exchanges.teacher_tool_calls,
    exchanges.teacher_response
FROM pairs JOIN exchanges ON exchanges.id = pairs.exchange_id
"""
PAIRS_OF_EXCHANGE = f"{_PAIR_COLUMNS} WHERE pairs.exchange_id = :exchange_id"
PAIR = f"{_PAIR_COLUMNS} WHERE pairs.exchange_id = :exchange_id AND pairs.student = :student"

# The conditions of a PairFilter, by the field that asks for each.
_PAIR_CONDITIONS = {
    "route": "pairs.route = :route",
    "student": "pairs.student = :student",
    "students": f"pairs.student != '{TEACHER_REPLAY}'",
    "disagreements": "pairs.outcome = 'disagreed'",
    "since": "pairs.arrived_at >= :since",
    "segment": """EXISTS (
        SELECT 1 FROM json_each(exchanges.segments) AS segment
        WHERE segment.key = :segment_key AND segment.value = :segment_value)""",
    "kind": """(
        pairs.student_error_kind = :kind
        OR (pairs.outcome = :kind AND pairs.agree IS NULL)
        OR EXISTS (
            SELECT 1 FROM json_each(pairs.scores) AS score, json_each(score.value, '$.kinds') AS kind
            WHERE kind.value = :kind))""",
    "source": "pairs.source = :source",
    "version": "pairs.version = :version",
    "until": "pairs.captured_at < :until",
    # Of a conversation that goes on nobody knows yet what its unit is.
    "not_rescored": """exchanges.unit_head IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM rescored_pairs
        WHERE rescoring_id = :not_rescored AND rescored_pairs.exchange_id = pairs.exchange_id)""",
    "before": """(pairs.arrived_at, pairs.exchange_id, pairs.student)
        < (:before_time, :before_exchange, :before_student)""",
}


RANDOM_PAIRS = """
SELECT pairs.exchange_id, pairs.student, pairs.outcome, pairs.decides, pairs.scores, pairs.thinning,
    exchanges.segments, exchanges.surface, exchanges.request, exchanges.probability, exchanges.unit_head
FROM pairs JOIN exchanges ON exchanges.id = pairs.exchange_id
WHERE pairs.evidence_id = :evidence_id AND pairs.source = 'live'
ORDER BY pairs.draw LIMIT :most
"""


def number_of_pairs(fields: Iterable[str]) -> str:
    """How many are under the conditions of these fields of a PairFilter."""
    conditions = " AND ".join(_PAIR_CONDITIONS[field] for field in fields) or "1"
    return f"SELECT count(*) AS n FROM pairs JOIN exchanges ON exchanges.id = pairs.exchange_id WHERE {conditions}"  # noqa: S608 - conditions are ours


def pairs_page(fields: Iterable[str]) -> str:
    """Newest first, ``:page`` of them, under the conditions of these fields of a PairFilter."""
    conditions = " AND ".join(_PAIR_CONDITIONS[field] for field in fields) or "1"
    return (
        f"{_PAIR_COLUMNS} WHERE {conditions} "
        "ORDER BY pairs.arrived_at DESC, pairs.exchange_id DESC, pairs.student DESC LIMIT :page"
    )


# Retention

# From one route to the next by the index: most stores hold a few routes and millions of exchanges.
ROUTES_WITH_TEXT = """
WITH RECURSIVE found (route) AS (
    SELECT min(route) FROM exchanges WHERE has_text = 1
    UNION ALL
    SELECT (SELECT min(route) FROM exchanges WHERE has_text = 1 AND route > found.route)
    FROM found WHERE found.route IS NOT NULL
)
SELECT route FROM found WHERE route IS NOT NULL
"""
WITH_TEXT = """
SELECT id FROM exchanges WHERE route = :route AND has_text = 1 AND arrived_at < :time ORDER BY arrived_at LIMIT :page
"""


def _forgetting(text: dict[str, str | None]) -> str:
    return ", ".join(f"{column} = {'NULL' if value is None else repr(value)}" for column, value in text.items())


FORGET_EXCHANGES = f"""
UPDATE exchanges SET has_text = 0, {_forgetting(dict(EXCHANGE_TEXT))}
WHERE id IN (SELECT value FROM json_each(:ids))
"""  # noqa: S608 - columns are ours
FORGET_PAIRS = f"""
UPDATE pairs SET {_forgetting(dict(PAIR_TEXT))}
WHERE exchange_id IN (SELECT value FROM json_each(:ids))
"""  # noqa: S608 - columns are ours
