"""The add-on's dashboard, as Simple XML: what was denied where, and whether events arrive.

In comes a `PackContent`, out comes XML. Must not know saved searches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from cef_bridge.content.packs.splunk.extraction import class_id_field
from cef_bridge.content.packs.splunk.saved import EVENTS
from cef_bridge.content.vocabulary import LOG_SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.content.packs.pack_content import PackContent

VIEW = "kubearmor"
NAV = b"""<nav search_view="search">
  <view name="kubearmor" default="true"/>
  <view name="search"/>
</nav>
"""


class SplunkPanel(NamedTuple):
    """A panel: its title, its search, and how that is shown (`table`, or a kind of chart)."""

    title: str
    search: str
    shown: str


def dashboard(content: PackContent) -> bytes:
    """Return the view."""
    rows = "".join(_row(panels) for panels in _rows(content) if panels)
    return f"""<form version="1.1" theme="light">
  <label>KubeArmor</label>
  <description>Policy alerts, denied acts and delivery. Written by cef-bridge.</description>
  <fieldset submitButton="false">
    <input type="time" token="when"><label>Time</label>
      <default><earliest>-24h@h</earliest><latest>now</latest></default>
    </input>
  </fieldset>
{rows}</form>
""".encode()


def _row(panels: Sequence[SplunkPanel]) -> str:
    return f"  <row>\n{''.join(_panel(it) for it in panels)}  </row>\n"


def _panel(it: SplunkPanel) -> str:
    element = "table" if it.shown == "table" else "chart"
    options = (
        ""
        if element == "table"
        else (
            f'        <option name="charting.chart">{it.shown}</option>\n'
            '        <option name="charting.chart.stackMode">stacked</option>\n'
        )
    )
    return (
        f"    <panel>\n      <{element}>\n        <title>{escape(it.title)}</title>\n"
        f"        <search>\n          <query>{escape(it.search)}</query>\n"
        "          <earliest>$when.earliest$</earliest>\n          <latest>$when.latest$</latest>\n"
        f"        </search>\n{options}      </{element}>\n    </panel>\n"
    )


def _rows(content: PackContent) -> Iterator[list[SplunkPanel]]:
    class_id = class_id_field(content)
    policy, namespace, pod = (
        _name(content, it) for it in ("PolicyName", "NamespaceName", "PodName")
    )
    alerts = f'{EVENTS} {class_id}="alert.*"'
    denied = f'{EVENTS} {class_id} IN ("*.block", "*.denied")'
    yield [
        SplunkPanel(
            "Alerts by what became of the act",
            f"{alerts} | timechart count by kubearmor_disposition",
            "column",
        ),
        SplunkPanel(
            "Policies say Block, and the act passed",
            f'{EVENTS} {class_id}="*.unblocked" | timechart count',
            "column",
        ),
    ]
    workload = [it for it in (namespace, pod) if it]
    if policy and workload:
        yield [
            SplunkPanel(
                "Policies with the most alerts", f"{alerts} | top limit=10 {policy}", "table"
            ),
            SplunkPanel(
                "Workloads with the most denied acts",
                f"{denied} | stats count by {' '.join(workload)} | sort 10 -count",
                "table",
            ),
        ]
    yield [
        SplunkPanel(
            "Processes that were denied something",
            f"{denied} | stats count by process_path signature | sort 10 -count",
            "table",
        ),
        SplunkPanel(
            "ATT&CK techniques of alerts",
            f"{alerts} mitre_technique_id=* | stats count by mitre_technique_id | sort 10 -count",
            "table",
        ),
    ]
    yield [
        SplunkPanel(
            f"Delivery: {it.name}. {it.about}",
            f"{EVENTS} {it.query.removeprefix('search ')}",
            "line" if it.name == "lag" else "table",
        )
        for it in content.searches
    ]


def _name(content: PackContent, path: str) -> str:
    names = content.field(LOG_SOURCES[-1], path)
    return names[0] if names else ""
