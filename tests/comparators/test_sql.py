import hashlib
import importlib.util
import logging
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import ComparatorError
from comparators.registry import build
from tests.comparators.pairs import compare

# dialect, the teacher's, and what is the same query
SAME = [
    (None, "SELECT a FROM t", "select a\nfrom t;"),
    (None, "SELECT a FROM t -- all", "SELECT /* it */ a FROM t"),
    (None, "SELECT A FROM T", "SELECT a FROM t"),
    ("mysql", "SELECT `a` FROM `t`", "SELECT a FROM t"),
    ("postgres", 'SELECT "a" FROM t', "SELECT A FROM t"),
    ("tsql", "SELECT [a] FROM [t]", "SELECT a FROM t"),
    (None, "SELECT o.a FROM orders AS o", "SELECT a FROM orders"),
    (None, "SELECT orders.a FROM orders", "SELECT x.a FROM orders x"),
    (None, "SELECT o.* FROM orders o", "SELECT * FROM orders"),
    (None, "SELECT a.x, b.y FROM p a JOIN q b ON a.i = b.i", "SELECT p.x, q.y FROM p INNER JOIN q ON q.i = p.i"),
    (None, "SELECT a.x FROM p a LEFT JOIN q b ON a.i = b.i", "SELECT c.x FROM p c LEFT OUTER JOIN q d ON c.i = d.i"),
    (None, "SELECT a.x FROM p a, q b", "SELECT p.x FROM p CROSS JOIN q"),
    (None, "SELECT count(*) AS n FROM t", "SELECT COUNT(*) FROM t"),
    (None, "SELECT a AS x, b AS y FROM t ORDER BY y", "SELECT a, b FROM t ORDER BY b ASC"),
    (
        None,
        "SELECT a, count(*) FROM t GROUP BY a ORDER BY 2 DESC",
        "SELECT a, COUNT(*) AS n FROM t GROUP BY 1 ORDER BY n DESC",
    ),
    (None, "SELECT a FROM t WHERE a = 1 AND b = 2 AND c = 3", "SELECT a FROM t WHERE (c = 3 AND a = 1) AND b = 2"),
    (None, "SELECT a FROM t WHERE a > 1 OR 2 = b", "SELECT a FROM t WHERE b = 2 OR 1 < a"),
    (None, "SELECT a FROM t WHERE ((a IN (1, 2, 3)))", "SELECT a FROM t WHERE a IN (3, 1, 2)"),
    (None, "SELECT a FROM t WHERE a <> 1", "SELECT a FROM t WHERE a != 1"),
    (None, "SELECT f(a), myfunc(b) FROM t", "SELECT F(a), MyFunc(b) FROM t"),
    (
        None,
        "WITH x AS (SELECT o.i FROM orders o) SELECT x.i FROM x",
        "WITH last AS (SELECT i FROM orders) SELECT l.i FROM last AS l",
    ),
    (
        None,
        "SELECT c.n FROM c WHERE EXISTS (SELECT 1 FROM o WHERE o.c = c.i)",
        "SELECT x.n FROM c AS x WHERE EXISTS (SELECT 1 FROM o AS y WHERE x.i = y.c)",
    ),
    (None, "SELECT s.n FROM (SELECT a AS n FROM t) s", "SELECT z.n FROM (SELECT t.a AS n FROM t) AS z"),
    (None, "SELECT a FROM t UNION SELECT a FROM u", "select t.a from t union select x.a from u x"),
    (None, "INSERT INTO t (a) VALUES (1)", "insert into t(a) values (1);"),
    ("mysql", "SELECT a FROM t LIMIT 2, 5", "SELECT a FROM t LIMIT 5 OFFSET 2"),
]
OTHER = [
    (None, "SELECT a FROM t", "SELECT b FROM t"),
    (None, "SELECT a, b FROM t", "SELECT b, a FROM t"),
    (None, "SELECT a FROM t", "SELECT DISTINCT a FROM t"),
    (None, "SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a DESC"),
    (None, "SELECT a FROM t ORDER BY a", "SELECT a FROM t"),
    (None, "SELECT a FROM t WHERE a = 'x'", "SELECT a FROM t WHERE a = 'X'"),
    (None, "SELECT a FROM t WHERE (a = 1 OR b = 2) AND c = 3", "SELECT a FROM t WHERE a = 1 OR b = 2 AND c = 3"),
    (None, "SELECT a FROM t WHERE a < 1", "SELECT a FROM t WHERE a <= 1"),
    (None, "SELECT a FROM t WHERE a < b", "SELECT a FROM t WHERE b < a"),
    (None, "SELECT a FROM t WHERE a IN (1, 2)", "SELECT a FROM t WHERE a NOT IN (1, 2)"),
    (None, "SELECT a - b - c FROM t", "SELECT a - (b - c) FROM t"),
    (None, "SELECT a.x FROM p a JOIN q b ON a.i = b.i", "SELECT b.x FROM p a JOIN q b ON a.i = b.i"),
    (None, "SELECT p.x FROM p JOIN q ON p.i = q.i", "SELECT p.x FROM p LEFT JOIN q ON p.i = q.i"),
    (None, "SELECT p.x FROM p LEFT JOIN q ON p.i = q.i", "SELECT p.x FROM p RIGHT JOIN q ON p.i = q.i"),
    (
        None,
        "SELECT a AS x, b AS y FROM t GROUP BY 1, 2 HAVING x > 5",
        "SELECT a AS y, b AS x FROM t GROUP BY 1, 2 HAVING x > 5",
    ),
    # whose `k` the inner one is depends on the tables
    (
        None,
        "SELECT n FROM c WHERE i IN (SELECT o.k FROM o)",
        "SELECT n FROM c WHERE i IN (SELECT k FROM o)",
    ),
    ("postgres", 'SELECT "A" FROM t', "SELECT a FROM t"),
    (None, "SELECT a FROM t; SELECT b FROM t", "SELECT a FROM t"),
    (None, "DELETE FROM t WHERE a = 1", "DELETE FROM t"),
    (None, "UPDATE t SET a = b", "UPDATE t SET b = a"),
    (
        "postgres",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = b",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = a",
    ),
    (
        None,
        "MERGE INTO t USING u ON t.x = u.x WHEN MATCHED THEN UPDATE SET a = b",
        "MERGE INTO t USING u ON t.x = u.x WHEN MATCHED THEN UPDATE SET b = a",
    ),
    ("mysql", "SET x = y", "SET y = x"),
]


@pytest.mark.parametrize(("dialect", "teacher", "student"), SAME)
def test_ways_to_write_a_query_do_not_count(dialect, teacher, student):
    score = compare("sql", teacher, student, dialect=dialect)

    assert (score.score, score.agree) == (1.0, True), score.detail
    assert compare("sql", student, teacher, dialect=dialect).agree
    assert compare("sql", f"This:\n```sql\n{teacher}\n```\nIt works.", student, dialect=dialect).agree


@pytest.mark.parametrize(("dialect", "teacher", "student"), OTHER)
def test_other_queries_are_told_from_the_same(dialect, teacher, student):
    score = compare("sql", teacher, student, dialect=dialect)

    assert score.kinds == ("query_changed",)
    assert 0 < score.score < 1
    assert score.detail == {"teacher": teacher, "student": student}


def test_column_names_count_if_asked():
    teacher, student = "SELECT count(*) AS n FROM t", "SELECT count(*) AS m FROM t"

    assert compare("sql", teacher, student).agree
    assert compare("sql", teacher, student, column_names=True).kinds == ("query_changed",)


def test_similar_queries_agree_from_a_similarity_on():
    assert compare("sql", "SELECT a, b, c FROM t", "SELECT a, b, d FROM t", agree_at=0.8).agree


@pytest.mark.parametrize("prose", ["", "I cannot write that.", "hello", "SELECT", "SELECT a FROM", "Sure, here it is:"])
def test_what_does_not_parse_is_of_an_invalid_form(prose):
    query = "SELECT a FROM t"

    assert compare("sql", query, prose).kinds == ("invalid_format",)
    assert compare("sql", prose, query).kinds == ("teacher_invalid_format",)
    assert compare("sql", prose, "SELECT b FROM WHERE").kinds == ("teacher_invalid_format", "invalid_format")
    assert compare("sql", prose, f" {prose}\n").agree


def test_what_the_parser_stumbles_over_is_compared_word_by_word():
    odd = "SELECT date_trunc( ON LOAD SHOW $ FOR"

    assert compare("sql", odd, f"{odd} b", dialect="spark").kinds == ("query_changed",)


def test_nothing_of_a_query_is_logged(caplog):
    with caplog.at_level(logging.DEBUG):
        compare("sql", "SHOW secrets OF 'sk-1'", "EXPLAIN secret 'sk-2'")

    assert caplog.text == ""


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        PRAGMA journal_mode = WAL;
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
        CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, amount REAL);
        INSERT INTO customers VALUES (1, 'Ann', 'Bonn'), (2, 'Bob', 'Bonn'), (3, 'Cid', 'Rome'), (4, 'Dee', NULL);
        INSERT INTO orders (customer, amount) VALUES (1, 10.1), (1, 20.2), (2, 5), (3, 0.1), (3, 0.2), (3, NULL);
        """
    )
    connection.close()
    return path


SAME_RESULT = [
    ("SELECT name FROM customers WHERE city = 'Bonn'", "SELECT name FROM customers WHERE city LIKE 'bonn'"),
    ("SELECT name FROM customers", "SELECT name FROM customers ORDER BY name DESC"),
    ("SELECT name FROM customers ORDER BY id", "SELECT name FROM customers ORDER BY name"),
    ("SELECT sum(amount) FROM orders WHERE customer = 3", "SELECT 0.3"),
    ("SELECT count(*) FROM customers", "SELECT 4.0 AS n"),
    (
        "SELECT name FROM customers WHERE id IN (SELECT customer FROM orders)",
        "SELECT DISTINCT c.name FROM customers c JOIN orders o ON o.customer = c.id",
    ),
    ("SELECT a FROM (SELECT 1 AS a UNION ALL SELECT 1)", "VALUES (1), (1)"),
    (
        "SELECT name FROM customers ORDER BY name",
        "/* by name */ WITH x AS (SELECT * FROM customers) SELECT name FROM x ORDER BY 1",
    ),
]
OTHER_RESULT = [
    ("SELECT name FROM customers", "SELECT name FROM customers LIMIT 3", 6 / 7),
    ("SELECT name FROM customers ORDER BY name", "SELECT name FROM customers ORDER BY name DESC", 0.25),
    ("SELECT name FROM customers", "SELECT name, city FROM customers", 0),
    ("SELECT 1", "SELECT '1'", 0),
    ("SELECT 1", "SELECT NULL", 0),
    ("SELECT city FROM customers", "SELECT DISTINCT city FROM customers", 6 / 7),
    ("SELECT name FROM customers", "SELECT nam FROM customers", 0),
    ("SELECT name FROM customers", "SELECT name FROM customer", 0),
    ("SELECT name FROM customers", "SELECT name FROM customers; SELECT 1", 0),
]


@pytest.mark.parametrize(("teacher", "student"), SAME_RESULT)
def test_in_a_database_queries_with_equal_results_agree(database, teacher, student):
    score = compare("sql", teacher, student, database=database)

    assert score.agree, score.detail
    assert score.detail["same"] == "result"
    assert compare("sql", teacher, student).kinds == ("query_changed",)


@pytest.mark.parametrize(("teacher", "student", "expected"), OTHER_RESULT)
def test_in_a_database_queries_with_other_results_disagree(database, teacher, student, expected):
    score = compare("sql", teacher, student, database=database)

    assert score.kinds == ("result_changed",)
    assert score.score == pytest.approx(expected)


def test_detail_shows_the_rows_that_one_side_alone_has(database):
    score = compare("sql", "SELECT name FROM customers", "SELECT 'Eve' UNION SELECT 'Ann'", database=database)

    assert score.detail["rows"] == {"teacher": 4, "student": 2}
    assert score.detail["lacking"] == ["('Bob',)", "('Cid',)", "('Dee',)"]
    assert score.detail["added"] == ["('Eve',)"]


def test_a_query_that_the_database_does_not_take_shows_why(database):
    score = compare("sql", "SELECT name FROM customers", "SELECT nam FROM customers", database=database)

    assert score.detail["error"] == "no such column: nam"


def test_what_is_no_sql_is_of_an_invalid_form_in_a_database_too(database):
    assert compare("sql", "SELECT 1", "SELECT FROM", database=database).kinds == ("invalid_format",)


def test_where_the_teachers_query_cannot_be_run_the_queries_decide(database):
    score = compare("sql", "SELECT nam FROM customers", "SELECT name FROM customers", database=database)

    assert score.kinds == ("query_changed",)
    assert score.detail["not_run"] == "the teacher's: no such column: nam"
    assert compare("sql", "DELETE FROM orders", "DELETE FROM customers", database=database).kinds == ("query_changed",)


HOSTILE = [
    "ATTACH '{folder}/other.sqlite' AS o",
    "VACUUM INTO '{folder}/copy.sqlite'",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA writable_schema = ON",
    "SELECT * FROM pragma_user_version",
    "INSERT INTO customers VALUES (9, 'Mal', 'x')",
    "WITH x AS (SELECT 1) DELETE FROM orders",
    "WITH x AS (SELECT 1) UPDATE orders SET amount = 0",
    "DROP TABLE orders",
    "CREATE TEMP TABLE x AS SELECT 1",
    "SELECT 1; DELETE FROM orders",
    "BEGIN; DELETE FROM orders; COMMIT",
    "SELECT load_extension('{folder}/evil')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('{folder}/written', 'x')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT random()",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT x FROM r",
    "WITH RECURSIVE r(x) AS (SELECT 'aa' UNION ALL SELECT x || x FROM r) SELECT length(x) FROM r",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT hex(zeroblob(90000)) FROM r ORDER BY 1",
    "SELECT count(*) FROM " + ", ".join(f"customers c{at}" for at in range(14)),
    "SELECT a.name FROM customers a, customers b, customers c, orders d, orders e, orders f, orders g, orders h",
    "SELECT hex(zeroblob(900000000))",
    "SELECT printf('%.*c', 9000000, 'x')",
    "SELECT replace(hex(zeroblob(90000)), '0', hex(zeroblob(90000)))",
    "SELECT " + "(" * 900 + "1" + ")" * 900,
    "SELECT " + "1+" * 5_000 + "1",
    "SELECT 1" + " UNION SELECT 1" * 3_000,
    "SELECT '\0'",
    "SELECT '\ud800'",
    "EXPLAIN SELECT name FROM customers",
    "/*" * 10_000,
]


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: query[:40].encode("ascii", "backslashreplace").decode())
def test_a_malicious_query_changes_nothing_and_ends(database, tmp_path, query):
    before = hashlib.sha256(database.read_bytes()).digest()
    teacher = "SELECT name FROM customers"

    score = compare("sql", teacher, query.replace("{folder}", str(tmp_path)), database=database, steps=200_000)

    assert score.score < 1
    assert not score.agree
    assert [path.name for path in tmp_path.iterdir()] == [database.name]
    assert hashlib.sha256(database.read_bytes()).digest() == before
    assert compare("sql", teacher, "SELECT c.name FROM customers c ORDER BY city", database=database).agree


def test_limits_that_are_the_same_on_every_machine_count_against_the_student(database):
    teacher, student = "SELECT 1296", "SELECT count(*) FROM orders a, orders b, orders c, orders d"

    assert compare("sql", teacher, student, database=database).agree
    score = compare("sql", teacher, student, database=database, steps=1_000)
    assert score.kinds == ("result_changed",)
    assert score.detail["error"] == "more than 1,000 steps"
    assert (
        compare("sql", "SELECT 1", "VALUES (1), (2), (3)", database=database, rows=2)
        .detail["error"]
        .startswith("more than 2 rows")
    )


def test_a_query_that_takes_too_long_on_this_machine_is_not_scored(database):
    endless = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r"

    with pytest.raises(TimeoutError):
        compare("sql", "SELECT 1", endless, database=database, steps=10**12, seconds=0.01)


def test_what_is_in_the_database_is_part_of_the_version(database):
    before = build("sql", {"database": str(database)}).version
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("DELETE FROM orders")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()

    assert build("sql", {"database": str(database)}).version != before
    assert build("sql", {}).version == "4"


def test_one_is_made_again_from_the_options_of_another(database):
    comparator = build("sql", {"database": str(database), "dialect": "sqlite", "rows": 7})

    for options in (comparator.options.model_dump(), comparator.options.model_dump(mode="json")):
        again = build("sql", options)
        assert (again.options, again.version) == (comparator.options, comparator.version)


WORDS = st.sampled_from(
    ["SELECT", "a", "b", ",", "*", "FROM", "t", "WHERE", "(", ")", "AND", "IN", "<", "'x'", "1", ";"]
)


@given(st.lists(WORDS, max_size=14), st.lists(WORDS, max_size=14))
def test_without_a_database_it_does_not_matter_who_is_the_teacher(teacher, student):
    there, back = (compare("sql", " ".join(a), " ".join(b)) for a, b in ((teacher, student), (student, teacher)))

    assert (there.score, there.agree) == (back.score, back.agree)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 20_000,
        "SELECT " + "NOT " * 5_000 + "a",
        "SELECT " + "a+" * 10_000 + "a",
        "SELECT a FROM t WHERE " + "a=1 AND " * 3_000 + "b=1",
        "SELECT " + "1," * 10_000 + "1",
        "SELECT 1 " + "UNION SELECT 1 " * 1_000,
        "'" * 300_000,
        "[" * 300_000,
        "SELECT * FROM " + "(SELECT * FROM " * 500,
    ],
    ids=lambda text: text[:24],
)
def test_endless_and_deeply_nested_sql_gets_a_score_too(text):
    score = compare("sql", text, text + "?")

    assert 0 <= score.score <= 1
    assert score.kinds


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"dialect": "postgresql"}, "postgres"),
        ({"database": "/no/such.sqlite"}, "must be a SQLite file that can be read"),
        ({"database": __file__}, "must be a SQLite file that can be read: file is not a database"),
        ({"steps": 0}, "greater than or equal to 1000"),
    ],
)
def test_options_that_cannot_work_are_refused(options, reason):
    with pytest.raises(ComparatorError, match=reason) as refused:
        build("sql", options)

    assert "\n" not in str(refused.value)


def test_a_parser_that_is_not_installed_is_said_at_once_with_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    for options in ({}, {"dialect": "mysql"}):
        with pytest.raises(ComparatorError, match=r"pip install 'understudy\[sql\]'"):
            build("sql", options)


def test_two_empty_results_tell_nothing(database):
    nobody = ("SELECT name FROM customers WHERE id = -1", "SELECT city FROM customers WHERE id = -2")
    score = compare("sql", *nobody, database=database)

    assert score.kinds == ("query_changed",)
    assert score.detail["not_told"] == "both results are empty, which many queries are"
