"""Lines in the shapes of other products, with the faults that are known of each.

The lines are ours; the shapes are those of KubeArmor's sidekick, falcosidekick and StackRox.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cef_bridge.lines.lint.linter import Linter

LINES = Path(__file__).parent / "other-products"


def found_in(name, read_by=""):
    linter = Linter(read_by)
    return {
        (number, fault.code.id, fault.message)
        for number, line in enumerate((LINES / name).read_text().splitlines(), 1)
        for fault in linter.lint(line)
    }


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (1, "L004", 'the tag "KubeArmor[1]" precedes the message, so Sentinel stores it as syslog. Send without a tag. [sentinel]'),
        (1, "L011", "the header has 6 of its 7 pipes. The severity is missing, it seems."),
        (1, "L035", 'start is "2026-03-04T07:21:09Z". CEF has no such time: write epoch milliseconds, or MMM dd yyyy HH:mm:ss.'),
        (1, "L038", "Alert holds 6 fields as name:value. Give each its own key."),
        (1, "L023", r"A= inside the value of Alert, it seems. Write an equals sign in a value as \=."),
        (1, "L031", 'CEF has no "Alert". Use one of its keys, or begin with the vendor\'s name.'),
        (2, "L011", "the header has 6 of its 7 pipes. The severity is missing, it seems."),
        (2, "L023", r"an equals sign in the value of Alert. Write it as \=."),
        (2, "L041", "a pipe in the value of flags. Write another character. [sentinel]"),
        (2, "L023", r"flags= inside the value of Alert, it seems. Write an equals sign in a value as \=."),
        (2, "L038", "Alert holds 6 fields as name:value. Give each its own key."),
        (2, "L061", "HostName follows Result here, and precedes it in an earlier Alert. Write them in one order."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_kubearmors_sidekick_is_told(line, code, said):
    found = found_in("kubearmor-sidekick.log")
    assert (line, code, said) in found


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (1, "L004", 'the tag "falcosidekick[7]" precedes the message, so Sentinel stores it as syslog. Send without a tag. [sentinel]'),
        (1, "L018", '"Uknown" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or Very-High. Did you mean "Unknown"?'),
        (1, "L035", 'start is "2026-03-04T07:21:09Z". CEF has no such time: write epoch milliseconds, or MMM dd yyyy HH:mm:ss.'),
        (1, "L023", r"user= inside the value of msg, it seems. Write an equals sign in a value as \=."),
        (1, "L031", 'CEF has no "tags". Use one of its keys, or begin with the vendor\'s name.'),
        (1, "L038", "outputfields holds 4 fields as name:value. Give each its own key."),
        (2, "L061", "proc.cmdline follows user.name here, and precedes it in an earlier outputfields. Write them in one order."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_falcosidekick_is_told(line, code, said):
    found = found_in("falcosidekick.log")
    assert (line, code, said) in found


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (3, "L003", "an RFC 5424 header, whose host and time Graylog's CEF input misreads. Send RFC 3164. [graylog]"),
        (1, "L005", "1044 before the priority is a frame's length. The sender counts octets (RFC 6587), and the receiver waits for line feeds: set both alike."),
        (1, "L019", 'the name is "5" and the severity "Package manager run at runtime". Swap them: the name comes first.'),
        (1, "L023", r"an equals sign in the value of stackroxKubernetesSecurityPlatformAlert. Write it as \=."),
        (1, "L031", 'CEF has no "nslabels". Use one of its keys, or begin with the vendor\'s name.'),
        (1, "L035", 'rt is "2026-03-04T07:21:10Z". CEF has no such time: write epoch milliseconds, or MMM dd yyyy HH:mm:ss.'),
        (1, "L039", "stackroxKubernetesSecurityPlatformAlert holds JSON. Give each member its own key."),
        (2, "L001", "no message. Expected CEF: or LEEF: after the syslog header. It may be the rest of a message that was cut, or that had a line break in it."),
        (3, "L023", r"an equals sign in the value of stackroxKubernetesSecurityPlatformAlert. Write it as \=."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_stackrox_is_told(line, code, said):
    found = found_in("stackrox.log")
    assert (line, code, said) in found


@pytest.mark.parametrize("name", ["kubearmor-sidekick.log", "falcosidekick.log", "stackrox.log"])
def test_no_line_of_these_is_right_by_the_standard(name):
    lines = (LINES / name).read_text().splitlines()
    wrong = {number for number, _, _ in found_in(name, "standard")}
    assert wrong == set(range(1, len(lines) + 1))
