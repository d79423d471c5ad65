-- A store as the first released schema made it (migration 0001), with one pair in it.  Never changes.
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

CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
INSERT INTO _sqlite_migrations VALUES (1, 'understudy', '0001_tables', '2026-11-24 20:00:00.000000+00:00');
INSERT INTO meta VALUES ('salt', CAST('0123456789abcdef0123456789abcdef' AS BLOB));
INSERT INTO exchanges (id, route, surface, source, arrived_at, captured_at, requested_model, teacher_version,
    probability, unit, unit_kind, repeat_key, has_text, has_teacher, segments, subjects, teacher_model, teacher_status,
    teacher_content, teacher_response, request)
VALUES ('e0', 'intents', 'chat/completions', 'live', 1790000099.0, 1790000100.0, 'gpt-4o', 'gpt-4o-2024-08-06',
    1.0, 'unit-e0', 'request', '', 1, 1, '{"language":"en"}', '[]', 'gpt-4o-2024-08-06', 200,
    'shipping', '{"choices":[]}', '{"messages":[]}');
INSERT INTO evidence VALUES (1, 'intents', 'small', 1, 'v1', 'd1', 'label', 1790000100.0, 1790000100.0, 1.0);
INSERT INTO pairs (exchange_id, student, route, source, arrived_at, captured_at, version, definition, decides,
    evidence_id, outcome, agree, scores, student_model, student_status, student_content)
VALUES ('e0', 'small', 'intents', 'live', 1790000099.0, 1790000100.0, 'v1', 'd1', 'label',
    1, 'agreed', 1, '{"label":{"score":1.0,"agree":true,"kinds":[]}}', 'small-1', 200, 'shipping');
INSERT INTO teacher_versions VALUES ('intents', 'gpt-4o', 'gpt-4o-2024-08-06', 1790000100.0, 0);
INSERT INTO series VALUES (1, 1, 'live', '0', 'intents', 'small', 'gpt-4o-2024-08-06', '', 'all', '', 1.0);
INSERT INTO counts VALUES (1, 1790000100, 'pairs', 0, 1);
INSERT INTO daily_counts VALUES (1, 1789948800, 'pairs', 0, 1);
