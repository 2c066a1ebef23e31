"""What a forwarder's metrics say is the status that they were made of, also over a real socket."""

from __future__ import annotations

from test_metrics import DESTINATION, VIEW, get

from cef_bridge.cli import live
from cef_bridge.forward.metrics import Metrics
from cef_bridge.forward.scraped import scraped
from cef_bridge.forward.status import TROUBLES

BROKEN = DESTINATION._replace(
    connected=False, last_error="cannot reach siem:6514: refused", reason="unreachable"
)


def asked(view):
    server = Metrics(("127.0.0.1", 0), lambda: view)
    server.start()
    try:
        return get(server.address, "/metrics")[1]
    finally:
        server.stop()


def test_the_way_back_brings_the_counters_that_went_in():
    found = scraped(asked(VIEW), "").status
    (each,) = found.destinations
    assert each.counters() == DESTINATION.counters()
    assert each.dropped == DESTINATION.dropped
    assert (each.sent, each.breaks, each.oldest_age) == (90, 1, 3.5)
    assert (each.connected, each.reasons, live.trouble(each)) == (True, (), "")
    (source,) = found.sources
    assert (source.gaps, source.reconnects, source.bytes) == (2, 1, 4096)


def test_the_reason_of_trouble_is_a_word_in_the_metrics_and_a_sentence_with_readyz():
    for reason in (it for it in TROUBLES if it != "queue"):
        view = VIEW._replace(destinations=(BROKEN._replace(reason=reason),))
        text = asked(view)
        label = f'{{destination="splunk",reason="{reason}"}}'
        assert f"cef_bridge_destination_trouble{label} 1.0" in text
        (each,) = scraped(text, "").status.destinations
        assert live.trouble(each) == TROUBLES[reason]
        (each,) = scraped(text, "destination splunk: cannot reach it\n").status.destinations
        assert live.trouble(each) == "cannot reach it"
    text = asked(VIEW._replace(destinations=(DESTINATION._replace(trouble="moved"),)))
    assert scraped(text, "").status.destinations[0].reasons == ("queue",)


def test_the_text_of_a_stranger_is_none():
    for text in ("", "<html>", "up 1\n", 'x{a="\n', "cef_bridge_build_info 1\n", "\x00" * 100):
        assert scraped(text, "") is None


def test_a_line_that_would_take_minutes_to_read_is_that_of_a_stranger():
    labels = ",".join(f'a{number}="b"' for number in range(100_000))
    line = f'cef_bridge_build_info{{version="1",{labels}}} 1\n'
    assert scraped(line, "") is None
    assert scraped('cef_bridge_build_info{version="1",a="b"} 1\n', "") is not None


def test_rates_are_none_over_a_restart():
    later = DESTINATION._replace(sent=190, counts={**DESTINATION.counts, "received": 323})
    assert live.rates(DESTINATION, later, 10) == (20.0, 10.0, False)
    again = DESTINATION._replace(sent=3)
    assert live.rates(DESTINATION, again, 10) == (None, None, True)
    assert live.rates(None, again, 10) == (None, None, False)
    view = VIEW._replace(destinations=(again,))
    assert live.lines(VIEW, view, 1, (200, 24))[0].text.count("restarted") == 1


def test_the_reason_of_trouble_is_whole_on_the_narrowest_terminal_and_nothing_is_too_wide():
    why = "x" * 30 + " " + "word " * 30
    bad = BROKEN._replace(last_error=why.strip())
    many = tuple(DESTINATION._replace(name=f"d{number}") for number in range(30))
    view = VIEW._replace(destinations=(*many, bad))
    for columns in (20, 40, 80, 200):
        for rows in (5, 24, 60):
            found = live.lines(None, view._replace(destinations=(bad,)), 1, (columns, 99))
            text = "".join(it.text for it in found).replace(" ", "")
            assert why.replace(" ", "") in text
            found = live.lines(None, view, 1, (columns, rows))
            assert len(found) < rows
            assert max(len(it.text) for it in found) <= max(columns - 3, 20)
    found = live.lines(None, view, 1, (80, 24))
    assert found[0].bad
    assert found[-1].text.endswith(" more: a higher terminal shows them")


def test_names_and_reasons_of_a_stranger_cannot_move_the_cursor():
    evil = BROKEN._replace(name="a\x1b[2Jb", last_error="c\x1b[31m\r\nd", dropped={"\x07": 3})
    for each in live.lines(None, VIEW._replace(destinations=(evil,)), 1, (80, 24)):
        assert each.text.isprintable()
