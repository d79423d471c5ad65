"""The SQLite store's schema, as numbered migrations that only go forward.

A migration that has been released never changes: files made by it exist.  Times are unix seconds, UTC.
"""

from __future__ import annotations

import os

from sqlite_utils import Database, Migrations

migrations = Migrations("understudy")


@migrations(name="0001_tables")
def tables(db: Database) -> None:
    db.executescript(_TABLES)
    db.execute("INSERT INTO meta (key, value) VALUES ('salt', ?)", [os.urandom(32)])


@migrations(name="0002_readable_views")
def readable_views(db: Database) -> None:
    db.executescript(_READABLE_VIEWS)


@migrations(name="0003_settled_segments")
def settled_segments(db: Database) -> None:
    db.executescript(_SETTLED_SEGMENTS)


@migrations(name="0004_probability_of_lost_captures")
def probability_of_lost_captures(db: Database) -> None:
    db.executescript(_PROBABILITY_OF_LOST_CAPTURES)


@migrations(name="0005_folded_counts")
def folded_counts(db: Database) -> None:
    db.executescript(_FOLDED_COUNTS)


@migrations(name="0006_segment_names")
def segment_names(db: Database) -> None:
    db.executescript(_SEGMENT_NAMES)


@migrations(name="0007_rescored")
def rescored(db: Database) -> None:
    db.executescript(_RESCORED)


@migrations(name="0008_spent")
def spent(db: Database) -> None:
    db.executescript(_SPENT)


@migrations(name="0009_units")
def units(db: Database) -> None:
    db.executescript(_UNITS)


@migrations(name="0010_sketches")
def sketches(db: Database) -> None:
    db.executescript(_SKETCHES)


@migrations(name="0011_analyst")
def analyst(db: Database) -> None:
    db.executescript(_ANALYST)


@migrations(name="0012_thinning")
def thinning(db: Database) -> None:
    db.executescript(_THINNING)


@migrations(name="0013_draws")
def draws(db: Database) -> None:
    db.executescript(_DRAWS)


def all_names() -> frozenset[str]:
    """The migrations that this version knows."""
    return frozenset(migration.name for migration in migrations.pending(Database(memory=True)))


_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE exchanges (
    id TEXT PRIMARY KEY,
    route TEXT NOT NULL,
    surface TEXT NOT NULL,
    source TEXT NOT NULL,
    arrived_at REAL NOT NULL,
    captured_at REAL NOT NULL,
    requested_model TEXT,
    teacher_version TEXT,
    probability REAL NOT NULL,
    unit TEXT NOT NULL,
    unit_kind TEXT NOT NULL,
    repeat_key TEXT NOT NULL,
    has_text INTEGER NOT NULL,
    has_teacher INTEGER NOT NULL,
    segments TEXT NOT NULL,
    subjects TEXT NOT NULL,
    teacher_model TEXT,
    teacher_status INTEGER,
    teacher_finish_reason TEXT,
    teacher_latency_ms REAL,
    teacher_ttft_ms REAL,
    teacher_cost_usd REAL,
    teacher_usage TEXT,
    teacher_error_kind TEXT,
    teacher_error_message TEXT,
    teacher_content TEXT,
    teacher_tool_calls TEXT,
    teacher_response TEXT,
    request TEXT
);
CREATE INDEX exchanges_by_time ON exchanges (route, captured_at);
CREATE INDEX exchanges_with_text ON exchanges (route, arrived_at) WHERE has_text = 1;

CREATE TABLE pairs (
    exchange_id TEXT NOT NULL REFERENCES exchanges (id),
    student TEXT NOT NULL,
    route TEXT NOT NULL,
    source TEXT NOT NULL,
    arrived_at REAL NOT NULL,
    captured_at REAL NOT NULL,
    version TEXT NOT NULL,
    definition TEXT NOT NULL,
    decides TEXT NOT NULL,
    evidence_id INTEGER NOT NULL REFERENCES evidence (id),
    outcome TEXT NOT NULL,
    agree INTEGER,
    scores TEXT NOT NULL,
    student_model TEXT,
    student_status INTEGER,
    student_finish_reason TEXT,
    student_latency_ms REAL,
    student_ttft_ms REAL,
    student_cost_usd REAL,
    student_usage TEXT,
    student_error_kind TEXT,
    student_error_message TEXT,
    score_details TEXT,
    student_content TEXT,
    student_tool_calls TEXT,
    student_response TEXT,
    PRIMARY KEY (exchange_id, student)
);
CREATE INDEX pairs_newest ON pairs (arrived_at, exchange_id, student);
CREATE INDEX pairs_of_route ON pairs (route, arrived_at, exchange_id, student);
CREATE INDEX pairs_by_outcome ON pairs (route, outcome, arrived_at, exchange_id, student);
CREATE INDEX pairs_of_evidence ON pairs (evidence_id, captured_at);

CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    route TEXT NOT NULL,
    student TEXT NOT NULL,
    number INTEGER,
    version TEXT NOT NULL,
    definition TEXT NOT NULL,
    decides TEXT NOT NULL,
    since REAL,
    latest REAL,
    probability_floor REAL NOT NULL,
    UNIQUE (route, student, number)
);

CREATE TABLE teacher_versions (
    route TEXT NOT NULL,
    requested_model TEXT NOT NULL,
    teacher_version TEXT NOT NULL,
    first_seen REAL NOT NULL,
    took_over INTEGER NOT NULL,
    PRIMARY KEY (route, requested_model, teacher_version)
) WITHOUT ROWID;

CREATE TABLE student_models (
    route TEXT NOT NULL,
    student TEXT NOT NULL,
    base_version TEXT NOT NULL,
    first_model TEXT NOT NULL,
    present_model TEXT NOT NULL,
    PRIMARY KEY (route, student, base_version)
) WITHOUT ROWID;

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    evidence_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    replica TEXT NOT NULL,
    route TEXT NOT NULL,
    student TEXT NOT NULL,
    teacher_version TEXT NOT NULL,
    comparator TEXT NOT NULL,
    segment_key TEXT NOT NULL,
    segment_value TEXT NOT NULL,
    probability REAL NOT NULL,
    UNIQUE (evidence_id, source, replica, route, student, teacher_version, comparator, segment_key, segment_value,
            probability)
);
CREATE INDEX series_of_route ON series (route, student, source);

CREATE TABLE counts (
    series_id INTEGER NOT NULL REFERENCES series (id),
    bucket INTEGER NOT NULL,
    measure TEXT NOT NULL,
    bin INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (series_id, bucket, measure, bin)
) WITHOUT ROWID;

-- The same counts by UTC day, so that reading months of them is quick; kept in the same transactions.
CREATE TABLE daily_counts (
    series_id INTEGER NOT NULL REFERENCES series (id),
    day INTEGER NOT NULL,
    measure TEXT NOT NULL,
    bin INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (series_id, day, measure, bin)
) WITHOUT ROWID;

CREATE TABLE captures (
    route TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (route, bucket, outcome, reason, origin)
) WITHOUT ROWID;

CREATE TABLE paused (route TEXT PRIMARY KEY) WITHOUT ROWID;
"""

_SETTLED_SEGMENTS = """
CREATE TABLE settled_segments (
    evidence_id INTEGER NOT NULL REFERENCES evidence (id),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    required INTEGER NOT NULL,
    settled_at REAL NOT NULL,
    PRIMARY KEY (evidence_id, key, value)
) WITHOUT ROWID;
"""

_PROBABILITY_OF_LOST_CAPTURES = """
ALTER TABLE captures RENAME TO captures_before;
CREATE TABLE captures (
    route TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL,
    probability REAL NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (route, bucket, outcome, reason, origin, probability)
) WITHOUT ROWID;
INSERT INTO captures SELECT route, bucket, outcome, reason, origin, 1.0, total FROM captures_before;
DROP TABLE captures_before;
"""

_FOLDED_COUNTS = """
CREATE TABLE monthly_counts (
    series_id INTEGER NOT NULL REFERENCES series (id),
    month INTEGER NOT NULL,
    measure TEXT NOT NULL,
    bin INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (series_id, month, measure, bin)
) WITHOUT ROWID;

CREATE TABLE folded (span TEXT PRIMARY KEY, before INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO folded (span, before) VALUES ('day', 0), ('month', 0);

DROP VIEW readable_counts;
CREATE VIEW readable_counts AS
WITH kept (series_id, start, measure, bin, n) AS (
    SELECT series_id, bucket, measure, bin, n FROM counts
    WHERE bucket >= (SELECT before FROM folded WHERE span = 'day')
    UNION ALL
    SELECT series_id, day, measure, bin, n FROM daily_counts
    WHERE day < (SELECT before FROM folded WHERE span = 'day')
    UNION ALL
    SELECT series_id, month, measure, bin, n FROM monthly_counts
)
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', kept.start, 'unixepoch') AS bucket_start,
    series.route,
    series.student,
    series.evidence_id,
    series.source,
    series.teacher_version,
    series.comparator,
    series.segment_key,
    series.segment_value,
    series.probability,
    kept.measure,
    kept.bin,
    sum(kept.n) AS n
FROM kept JOIN series ON series.id = kept.series_id
GROUP BY kept.start, series.route, series.student, series.evidence_id, series.source, series.teacher_version,
    series.comparator, series.segment_key, series.segment_value, series.probability, kept.measure, kept.bin;
"""

_SEGMENT_NAMES = """
-- A row with value '' is the key's own.
CREATE TABLE segment_names (
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (route, key, value)
) WITHOUT ROWID;
INSERT OR IGNORE INTO segment_names SELECT route, segment_key, segment_value FROM series WHERE segment_key != 'all';
INSERT OR IGNORE INTO segment_names SELECT route, key, '' FROM segment_names;
"""

_RESCORED = """
-- Of series whose source is 'rescored', evidence_id is the id of a row here.
CREATE TABLE rescorings (
    id INTEGER PRIMARY KEY,
    route TEXT NOT NULL,
    student TEXT NOT NULL,
    version TEXT NOT NULL,
    definition TEXT NOT NULL,
    decides TEXT NOT NULL,
    first REAL,
    last REAL,
    redacted_requests INTEGER NOT NULL DEFAULT 0,
    UNIQUE (route, student, version, definition)
);
-- Which pairs were counted, so that none is twice.
CREATE TABLE rescored_pairs (
    rescoring_id INTEGER NOT NULL REFERENCES rescorings (id),
    exchange_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (rescoring_id, exchange_id)
) WITHOUT ROWID;
"""

_SPENT = """
-- What comparators that ask other machines spent, by whom and UTC day.
CREATE TABLE spent (
    account TEXT NOT NULL,
    day TEXT NOT NULL,
    usd REAL NOT NULL,
    PRIMARY KEY (account, day)
) WITHOUT ROWID;
"""

_UNITS = """
-- The exchange that leads the unit which this one entered the counts with; NULL while its conversation is open.
ALTER TABLE exchanges ADD COLUMN unit_head TEXT;
UPDATE exchanges SET unit_head = id;
CREATE INDEX exchanges_by_repeat ON exchanges (repeat_key, captured_at, id) WHERE repeat_key != '';
CREATE INDEX exchanges_of_unit ON exchanges (unit_head) WHERE unit_head != id;
CREATE INDEX exchanges_open ON exchanges (unit) WHERE unit_head IS NULL;
CREATE TABLE open_units (
    route TEXT NOT NULL,
    source TEXT NOT NULL,
    unit TEXT NOT NULL,
    first REAL NOT NULL,
    last REAL NOT NULL,
    PRIMARY KEY (route, source, unit)
) WITHOUT ROWID;
CREATE INDEX open_units_idle ON open_units (last);
CREATE INDEX open_units_long ON open_units (first);
ALTER TABLE rescored_pairs ADD COLUMN agrees TEXT NOT NULL DEFAULT '{}';
"""

_SKETCHES = """
-- Sums of features by hour, or by day once they are folded (proxy/store/sketches.py).
CREATE TABLE sketches (
    replica TEXT NOT NULL,
    route TEXT NOT NULL,
    side TEXT NOT NULL,
    student TEXT NOT NULL,
    hour INTEGER NOT NULL,
    probability REAL NOT NULL, -- with which they were sampled
    feature TEXT NOT NULL,
    bins BLOB NOT NULL,
    PRIMARY KEY (route, side, student, hour, replica, probability, feature)
);
CREATE INDEX sketches_by_hour ON sketches (hour) WHERE hour % 86400 != 0;
"""

_ANALYST = """
-- Who does something that only one may do at a time, until when.
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE assessments (
    route TEXT NOT NULL,
    student TEXT NOT NULL,
    at REAL NOT NULL,
    evidence_id INTEGER,
    document TEXT NOT NULL,
    PRIMARY KEY (route, student)
) WITHOUT ROWID;
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    route TEXT NOT NULL,
    student TEXT NOT NULL,
    reason TEXT NOT NULL,
    segment TEXT NOT NULL,
    opened_at REAL NOT NULL,
    resolved_at REAL,
    detail TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX alerts_of_route ON alerts (route, student, opened_at);
"""

_THINNING = """
-- With which the student is asked about an exchange that was sampled; the pair's probability is their product.
ALTER TABLE pairs ADD COLUMN thinning REAL NOT NULL DEFAULT 1.0;
"""

_DRAWS = """
-- A number drawn by the unit: the pairs of an evidence with the lowest ones are a random sample of its units.
ALTER TABLE pairs ADD COLUMN draw INTEGER NOT NULL DEFAULT 0;
CREATE INDEX pairs_by_draw ON pairs (evidence_id, draw);
"""

_READABLE_VIEWS = """
CREATE VIEW readable_pairs AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%fZ', pairs.arrived_at, 'unixepoch') AS time,
    pairs.route,
    pairs.student,
    pairs.version,
    exchanges.teacher_version,
    pairs.outcome,
    pairs.agree,
    exchanges.segments,
    exchanges.request,
    exchanges.teacher_content,
    pairs.student_content,
    pairs.scores,
    pairs.score_details,
    pairs.student_error_kind,
    exchanges.teacher_latency_ms,
    pairs.student_latency_ms,
    exchanges.teacher_cost_usd,
    pairs.student_cost_usd,
    pairs.source,
    pairs.evidence_id,
    pairs.exchange_id
FROM pairs JOIN exchanges ON exchanges.id = pairs.exchange_id;

CREATE VIEW readable_counts AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', counts.bucket, 'unixepoch') AS bucket_start,
    series.route,
    series.student,
    series.evidence_id,
    series.source,
    series.teacher_version,
    series.comparator,
    series.segment_key,
    series.segment_value,
    series.probability,
    counts.measure,
    counts.bin,
    sum(counts.n) AS n
FROM counts JOIN series ON series.id = counts.series_id
GROUP BY counts.bucket, series.route, series.student, series.evidence_id, series.source, series.teacher_version,
    series.comparator, series.segment_key, series.segment_value, series.probability, counts.measure, counts.bin;
"""
