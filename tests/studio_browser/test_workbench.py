"""The workbench in a browser, as somebody uses it who writes a mapping."""

from __future__ import annotations

import re
import statistics

import pytest
from commands import COMMAND, run
from studio_pages import EVENTS, PATIENCE, counted, ready, retype, text_of

expect = pytest.importorskip("playwright.sync_api", reason="make test-studio").expect
expect.set_options(timeout=PATIENCE)


def show_siem(page, name: str):
    page.locator(f"#siem-tab-{name}").click()
    return page.locator("#siem-panel")


def test_from_a_wrong_field_to_a_saved_mapping_whose_tests_pass(page, mapping):
    # A wrong field name: M008 at its place
    retype(page, "NamespaceName", "NamespceName")
    problem = page.locator(".problem.error", has_text="M008")
    expect(problem).to_contain_text('No event has a field "NamespceName".')
    expect(problem.locator("button.link").first).to_have_text("7:25")
    expect(page.locator(".cm-lintRange-error", has_text="NamespceName")).to_have_count(1)
    expect(page.locator(".stale-note")).to_contain_text("The mapping is invalid")

    # The page of the rule, and its fix
    problem.get_by_role("button", name="About M008").click()
    expect(page.locator(".rule-page")).to_contain_text("Bad:")
    problem.get_by_role("button", name=re.compile("NamespaceName")).click()
    expect(page.locator(".problem")).to_have_count(0)
    assert mapping.read_text("utf-8") == text_of(page)

    # Another value: the message changes, and what Splunk reads
    team = page.locator('.message [data-key="KubeArmorTeam"]')
    expect(team).to_have_text("retail")
    reading = show_siem(page, "splunk")
    row = reading.locator("tr", has=page.get_by_text("KubeArmorTeam", exact=True)).first
    expect(row).to_contain_text("retail")
    retype(page, "retail", "storefront")
    expect(team).to_have_text("storefront")
    expect(row).to_contain_text("storefront")

    # Under SC4S a key is misread: a click writes what cures it
    reading = show_siem(page, "sc4s")
    misread = reading.locator(".finding.misread")
    expect(misread).to_contain_text("SC4S reads no time of twelve or more digits")
    misread.get_by_role("button").click()
    expect(misread).to_have_count(0)
    expect(page.locator("#siem-tab-sc4s .badge")).to_have_text("✓")
    assert "syslog_header: rfc5424" in text_of(page)

    # Save the event as an example, save, reload
    page.get_by_role("button", name="Save as example").click()
    page.get_by_label("Name", exact=True).fill("a file is made")
    page.get_by_role("button", name="Add to examples").click()
    expect(page.locator(".notices")).to_contain_text("Added the event to examples. It passes.")
    page.keyboard.press("Control+s")
    # retail is storefront now, which the first example does not know
    expect(page.locator(".notices")).to_contain_text("1 example of 2 failed")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    while "expect: {KubeArmorTeam: retail}" in text_of(page):
        page.locator(".cm-line", has_text="expect: {KubeArmorTeam: retail}").click()
        retype(page, "retail", "storefront")
    page.keyboard.press("Control+s")
    expect(page.locator(".notices")).to_contain_text("2 examples passed.")
    expect(page.locator(".dirty")).to_have_text("")
    page.reload()
    ready(page)
    assert "a file is made" in mapping.read_text("utf-8")
    done = run([COMMAND, "mapping", "test", mapping], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 examples" in done.stdout + done.stderr


def test_a_key_its_rule_and_its_field_light_each_other(page):
    lit_line = page.locator(".cm-lit")
    field = page.locator('[data-field="Resource"]')
    key = page.locator('.message [data-key="cs5"]')
    key.hover()
    expect(lit_line).to_contain_text("cs5: {from: [Resource")
    expect(field).to_have_class(re.compile(r"\blit\b"))
    expect(page.locator(".details")).to_contain_text("via redact")

    page.locator("h1").hover()
    field.locator("button.field-name").hover()
    expect(lit_line).to_contain_text("cs5: {from: [Resource")
    expect(key).to_have_class(re.compile(r"\blit\b"))
    expect(page.locator(".details")).to_contain_text("cs5")

    page.locator("h1").hover()
    page.locator(".cm-line", has_text="KubeArmorTeam: {from").hover()
    expect(page.locator('.message [data-key="KubeArmorTeam"]')).to_have_class(
        re.compile(r"\blit\b")
    )
    expect(page.locator('[data-field="NamespaceName"]')).to_have_class(re.compile(r"\blit\b"))


def test_what_is_escaped_unmapped_and_absent_is_listed_with_the_reason(page):
    page.locator("#line-tab-notes").click()
    expect(page.locator(".note-list")).to_contain_text("escaped: =")
    page.locator("#line-tab-left").click()
    expect(page.locator(".why-list")).to_contain_text("redundant")
    page.locator("#line-tab-unwritten").click()
    expect(page.locator(".why-list")).to_contain_text("Action not there")
    page.locator("#line-tab-keys").click()
    expect(page.locator("#line-panel tbody tr").first).to_contain_text("header.device_vendor")


def complete(page, line: str, typed: str):
    """Type at the end of a line, and return the list of what can be written there."""
    page.locator(".cm-line", has_text=line).first.click()
    page.keyboard.press("End")
    page.keyboard.type(typed)
    page.keyboard.press("Control+Space")
    return page.locator(".cm-tooltip-autocomplete")


def test_completion_knows_keys_fields_and_the_values_of_the_sample(page):
    options = complete(page, "cs5: {from", "\ndpr")
    expect(options).to_contain_text("dproc")
    expect(options).to_contain_text("String ≤ 1,023")
    page.keyboard.press("Escape")
    page.keyboard.type("oc: {from: Names")
    expect(options).to_contain_text("NamespaceName")
    expect(options).to_contain_text("shop")
    options.get_by_role("option", name="NamespaceName").first.click()
    expect(page.locator(".cm-content")).to_contain_text("dproc: {from: NamespaceName}")


def test_a_new_line_is_indented_as_its_siblings_are(page):
    page.locator(".cm-line", has_text="extension:").first.click()
    page.keyboard.press("End")
    page.keyboard.type(
        "\nspt: {from: source.port}\ndpt:\nfrom: [destination.port]\nwhen: {event.verb: dns}"
    )
    assert (
        "extension:\n  spt: {from: source.port}\n  dpt:\n    from: [destination.port]\n"
        in text_of(page)
    )


def test_an_event_that_is_filtered_says_by_which_rule(page):
    page.keyboard.press("Alt+n")
    expect(page.locator("#line-panel")).to_contain_text("The event is filtered.")
    expect(page.locator("#line-panel")).to_contain_text("acme.yaml:14")
    expect(page.locator("#siem-panel")).to_have_text("Nothing is sent: the event is filtered.")


def test_the_list_of_events_is_filtered_and_has_what_is_pasted(studio, visit):
    visited = visit(studio.url)
    visited.expected = "400 (Bad Request)"  # for what is no event
    page = visited.page
    ready(page)
    page.get_by_label("Filter events").fill("blocked")
    expect(page.locator(".events .count")).to_have_text(re.compile(r"^[1-9]\d* of 118$"))
    page.get_by_label("Filter events").press("Enter")
    first = page.locator(".event[aria-selected=true]")
    expect(first).to_be_visible()
    page.get_by_label("Filter events").fill("")
    page.get_by_role("button", name="Paste").click()
    page.get_by_label("One or more events").fill("no event")
    page.get_by_role("button", name="Add to the sample").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    event = (
        '{"Type": "MatchedPolicy", "Operation": "Process", "Action": "Block", "HostName": "n1", '
        '"NamespaceName": "bank", "PodName": "vault-0", "ProcessName": "/bin/nc", '
        '"Resource": "/bin/nc -l", "Result": "Permission denied", "PolicyName": "no-nc"}'
    )
    page.get_by_label("One or more events").fill(event)
    page.get_by_role("button", name="Add to the sample").click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".message [data-key=act]")).to_have_text("Block")
    pasted = page.locator(".event[aria-selected=true]")
    expect(pasted).to_contain_text("pasted")
    expect(pasted).to_be_in_viewport()
    expect(page.locator(".events .count")).to_have_text("119")
    counted(page)
    expect(page.locator(".sample .progress")).to_have_text("119 events")


def test_a_change_is_counted_over_the_sample(page):
    retype(page, "retail", "storefront")
    page.locator("#sample-tab-changes").click()
    expect(page.locator("#sample-panel")).to_contain_text("KubeArmorTeam")
    counted(page)
    changed = page.locator("#sample-tab-changes .badge").inner_text()
    assert 0 < int(changed) < 118
    page.locator("#sample-panel .samples button").first.click()
    expect(page.locator(".message [data-key=KubeArmorTeam]")).to_have_text("storefront")
    page.locator("#sample-tab-coverage").click()
    expect(page.locator("#sample-panel tbody")).to_contain_text("NamespaceName")


def test_changes_that_were_not_saved_are_there_after_a_reload(page, mapping):
    before = mapping.read_text("utf-8")
    retype(page, "retail", "storefront")
    expect(page.locator(".dirty")).to_contain_text("unsaved")
    page.reload()
    ready(page)
    expect(page.locator(".notices")).to_contain_text("Your unsaved changes are restored.")
    expect(page.locator('.message [data-key="KubeArmorTeam"]')).to_have_text("storefront")
    page.get_by_role("button", name="Discard them").click()
    expect(page.locator('.message [data-key="KubeArmorTeam"]')).to_have_text("retail")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+z")
    expect(page.locator('.message [data-key="KubeArmorTeam"]')).to_have_text("storefront")
    assert mapping.read_text("utf-8") == before


def test_a_studio_that_only_reads_offers_a_copy(serve, visit, mapping):
    page = visit(serve("-m", mapping.name, EVENTS).url).page
    ready(page)
    expect(page.locator(".file")).to_contain_text("read-only")
    retype(page, "retail", "storefront")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    page.keyboard.press("Control+s")
    expect(page.locator(".notices")).to_contain_text("Start cef-bridge studio with --edit")
    assert "retail" in mapping.read_text("utf-8")


def test_ten_thousand_events_are_no_trouble(serve, visit, mapping, tmp_path, capsys):
    many = tmp_path / "many.ndjson"
    many.write_bytes(b"".join((EVENTS.read_bytes().splitlines(keepends=True) * 90)[:10_000]))
    page = visit(serve("--edit", "-m", mapping.name, many).url).page
    ready(page)
    expect(page.locator(".events .count")).to_have_text("10,000")
    page.locator("#event-list").focus()
    page.keyboard.press("End")
    expect(page.locator(".event[aria-selected=true] .number")).to_have_text("10000")
    assert page.locator(".event").count() < 60
    page.keyboard.press("Home")
    expect(page.locator(".event[aria-selected=true] .number")).to_have_text("1")

    page.locator(".cm-line", has_text="KubeArmorTeam: {from").click()
    retype(page, "platform", "p")
    for number in range(30):
        before = page.evaluate("performance.getEntriesByName('key-to-line').length")
        page.keyboard.type("xyz"[number % 3])
        page.wait_for_function(
            "before => performance.getEntriesByName('key-to-line').length > before", arg=before
        )
    took = page.evaluate("performance.getEntriesByName('key-to-line').map(it => it.duration)")
    said = f"\nfrom key to line: {statistics.median(took):.0f} ms at the median of {len(took)}"
    with capsys.disabled():
        print(said)  # noqa: T201 - a figure to watch
    assert statistics.median(took) < 2000
    counted(page)
