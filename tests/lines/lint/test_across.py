"""Rules across lines: told once, at the line that makes it certain, in memory that is bounded."""

from __future__ import annotations

import tracemalloc

import pytest

from cef_bridge.lines.lint.linter import Linter


def told(code, lines, read_by=""):
    """Return the numbers of the lines, from 1, at which a code is told."""
    linter = Linter(read_by)
    return [
        number
        for number, line in enumerate(lines, 1)
        if code in {it.code.id for it in linter.lint(line)}
    ]


def line(class_id="login", name="User logged in", extension="cnt=1 act=x", product="Gate"):
    return f"CEF:0|Acme|{product}|2.1|{class_id}|{name}|3|{extension}"


def test_ids_without_end_are_told_at_the_hundredth():
    assert told("L058", [line(class_id=f"id-{n}") for n in range(300)]) == [100]


def test_ids_that_come_back_are_not_told():
    assert told("L058", [line(class_id=f"id-{n % 90}") for n in range(500)]) == []
    assert told("L058", [line(class_id=f"id-{n // 3}") for n in range(3000)]) == []


def test_a_new_id_on_every_second_line_is_told_at_the_thousandth():
    assert told("L058", [line(class_id=f"id-{n // 2}") for n in range(3000)]) == [1999]


def test_names_without_end_are_told_of_each_product():
    lines = [line(name=f"User {n}", product=p) for n in range(120) for p in ("Gate", "Wall")]
    assert told("L059", lines) == [199, 200]


def test_a_label_that_changes_is_told_once():
    lines = [line(extension=f"cnt=1 cs1=x cs1Label=L{n}") for n in range(5)]
    assert told("L060", lines) == [2]
    assert told("L060", [lines[0]] * 5) == []


def test_two_products_may_call_one_custom_key_differently():
    lines = [line(extension=f"cnt=1 cs1=x cs1Label={p}", product=p) for p in ("A", "B")]
    assert told("L060", lines) == []


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        (["cnt=1 act=x msg=y", "cnt=1 msg=y act=x", "msg=y cnt=1"], [2]),
        (["cnt=1 act=x msg=y", "cnt=1 msg=y", "act=x suser=z msg=y", "suser=z"], []),
        (["act=x act=y cnt=1", "act=x cnt=1"], []),
        (["msg=A:1 B:2 C:3 D:4", "msg=D:4 A:1 B:2 C:3"], [2]),
    ],
)
def test_keys_in_another_order_are_told(extensions, expected):
    assert told("L061", [line(extension=it) for it in extensions]) == expected


def test_each_class_id_has_an_order_of_its_own():
    lines = [line(extension="cnt=1 act=x"), line(class_id="logout", extension="act=x cnt=1")]
    assert told("L061", lines) == []


def test_memory_stays_flat_whatever_the_lines_say():
    linter = Linter()

    def hostile(begin, end):
        for n in range(begin, end):
            linter.lint(
                f"CEF:0|V{n}|P{n}|1|id{n}|name {n}|3|k{n}=1 cs1={n} cs1Label=l{n} m{n}=a:1 b{n}:2 c:3 d:4"
            )

    hostile(0, 1500)
    tracemalloc.start()
    hostile(1500, 3000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 128 << 10  # a line of it has 100 bytes: keeping all would be megabytes
