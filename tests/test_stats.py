from __future__ import annotations

import pytest

from cef_bridge.stats import MOST_ENVELOPES, MOST_KINDS, MOST_REASONS, OTHER, First, Stats


def test_the_sums_are_of_what_was_counted():
    stats = Stats()
    stats.blank, stats.noise, stats.converted, stats.filtered = 1, 2, 4, 8
    stats.reject("cut", "a:1")
    assert stats.records == 4 + 8 + 1
    assert stats.lines == 13 + 1 + 2


@pytest.mark.parametrize(
    ("reason", "group"),
    [
        (
            "not JSON: a value is missing at character 28",
            "not JSON: a value is missing at character N",
        ),
        (
            "the gzip data is damaged; 1,048,576 bytes of it",
            "the gzip data is damaged; N bytes of it",
        ),
        ("the text is UTF-16; convert it first", "the text is UTF-16; convert it first"),
        ("nested too deeply", "nested too deeply"),
    ],
)
def test_reasons_that_differ_in_numbers_only_add_up(reason, group):
    stats = Stats()
    stats.reject(reason, "a:1")
    stats.reject(reason.replace("28", "7"), "b:2")
    assert stats.reasons == {group: 2}
    assert stats.firsts == {group: First("a:1", reason)}


def test_reasons_without_end_take_no_memory_without_end():
    stats = Stats()
    for number in range(3 * MOST_REASONS):
        stats.reject("reason " + "x" * number, f"a:{number}")
    assert len(stats.reasons) == len(stats.firsts) == MOST_REASONS + 1
    assert stats.reasons[OTHER] == 2 * MOST_REASONS
    assert stats.reasons.total() == stats.rejected == 3 * MOST_REASONS


def test_labels_are_of_a_closed_list_and_envelopes_are_bounded():
    stats = Stats()
    for number in range(3 * MOST_ENVELOPES):
        stats.reject("x", "a:1", f'label{number}"')
        stats.enveloped(f"path{number}")
    stats.reject("x", "a:1", "not-json")
    assert stats.labels == {"other": 3 * MOST_ENVELOPES, "not-json": 1}
    whole = Stats()
    for _ in range(2):
        whole.merge(stats)
    assert len(whole.envelopes) == MOST_ENVELOPES + 1
    assert whole.envelopes.total() == 6 * MOST_ENVELOPES
    assert whole.labels.total() == whole.rejected


def test_types_without_end_take_no_memory_without_end_and_the_sum_stays():
    stats = Stats()
    for number in range(5 * MOST_KINDS):
        stats.kinds[f"Type{number}", "File", f"class{number % 3}"] += 1
        stats.count("ContainerLog", "File", "class0")
        if number % 100 == 0:
            stats.settle()
    stats.settle()
    assert len(stats.kinds) <= MOST_KINDS + 3
    assert stats.kinds.total() == 10 * MOST_KINDS
    assert stats.kinds["ContainerLog", "File", "class0"] == 5 * MOST_KINDS
    assert sum(stats.kinds[OTHER, OTHER, f"class{number}"] for number in range(3)) > 3 * MOST_KINDS


def test_a_type_that_is_long_or_no_text_is_counted_under_a_short_name():
    stats = Stats()
    stats.count("x" * 1_000_000, ["a", {}], "class")
    stats.count("x" * 999_999, None, "class")
    stats.kinds["x" * 99, None, "class"] += 1
    stats.settle()
    name = "x" * 63 + "…"
    assert stats.kinds == {(name, OTHER, "class"): 1, (name, "", "class"): 2}


def test_counts_of_two_parts_add_up_to_those_of_the_whole():
    whole, first, later = Stats(), Stats(), Stats()
    for number in range(60):
        for stats in (whole, first if number < 20 else later):
            stats.reject(
                f"cut at {number}" if number % 3 else f"gone {'x' * (number % 4)}", f"a:{number}"
            )
            stats.count("HostLog", f"Op{number % 7}", "c")
            stats.blank += 1
            stats.noise += number
            stats.converted += 2
            stats.filtered += 3
            stats.without_time += 1
    first.merge(later)
    assert first.reasons == whole.reasons
    assert list(first.reasons) == list(whole.reasons)
    assert first.firsts == whole.firsts
    assert first.kinds == whole.kinds
    assert (first.lines, first.records, first.without_time) == (whole.lines, whole.records, 60)


def test_merged_counts_stay_bounded():
    total = Stats()
    for part in range(4):
        stats = Stats()
        for number in range(MOST_REASONS):
            stats.reject("reason " + "x" * number + "y" * part, f"a:{number}")
            stats.count(f"Type{part}-{number}", "File", "class")
        total.merge(stats)
    for part in range(8):
        stats = Stats()
        for number in range(MOST_KINDS // 2):
            stats.count(f"Kind{part}-{number}", "File", "class")
        total.merge(stats)
    assert len(total.reasons) == MOST_REASONS + 1
    assert total.reasons.total() == total.rejected == 4 * MOST_REASONS
    assert len(total.kinds) <= MOST_KINDS + 1
    assert total.kinds.total() == 4 * MOST_REASONS + 4 * MOST_KINDS
