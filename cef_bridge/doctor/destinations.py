"""A destination: its settings and its mapping, the way to each of its hosts, what they answer.

In comes a destination, out go rows. Sends no message; an orderly end of a connection without any is
what asks for a receipt.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from cef_bridge.delivery import files
from cef_bridge.delivery.connection import BrokenError
from cef_bridge.delivery.schemes import SCHEMES
from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, problem, warning
from cef_bridge.doctor.kafka import KafkaProbe
from cef_bridge.doctor.links import Link, side_by_side
from cef_bridge.doctor.network import HostProbe
from cef_bridge.errors import MappingError
from cef_bridge.mapping.language.beside import is_path
from cef_bridge.mapping.load import load, problems
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.delivery.certificates import Faults
    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.doctor.diagnosis import DiagnosisRow
    from cef_bridge.forward.config import Destination


def mapping_rows(one: Destination, limit: float) -> list[DiagnosisRow]:
    """Return the row of a destination's mapping."""
    link = Link("conversion", f"destination {one.name}", limit)
    link.run("mapping", lambda: _mapping(one))
    return link.rows


def destination_rows(one: Destination, limit: float) -> list[DiagnosisRow]:
    """Return the rows of a destination; of several hosts one is enough."""
    where = f"destination {one.name}"
    link = Link("destination", where, limit)
    faults = SCHEMES[one.target.scheme].check(one.target, time.time())
    link.run("settings", lambda: of_faults(faults))
    match one.target.scheme:
        case "stdout":
            link.run("standard output", lambda: ok("messages go there"))
        case "file":
            link.run("file", lambda: _file(one))
        case "kafka":
            _kafka(link, one)
        case _:
            link.rows += _hosts(one, limit, skip=bool(faults.errors))
    return link.rows


def of_faults(faults: Faults) -> Verdict:
    """Return the verdict on settings: what the check of a config says of the files they name."""
    if faults.errors:
        return problem(" ".join(faults.errors))
    if faults.warnings:
        return warning(" ".join(faults.warnings))
    return ok("valid, and the files that they name can be read")


def any_host(found: list[list[DiagnosisRow]]) -> list[DiagnosisRow]:
    """Return rows of several hosts, of which one is enough: then those of the others warn."""
    works = any(all(row.status != "problem" for row in rows) for rows in found)
    return [
        row._replace(status="warning") if works and row.status == "problem" else row
        for rows in found
        for row in rows
    ]


def _mapping(one: Destination) -> Verdict:
    try:
        mapping = load(one.mapping)
    except MappingError as error:
        more = f" ({counted(len(error.problems), 'problem')})" if len(error.problems) > 1 else ""
        return problem(
            f"{error.problems[0]}{more}",
            f"Correct it. cef-bridge mapping lint {one.mapping} shows all.",
        )
    if unsaid := one.unsaid_header(mapping):
        return warning(unsaid)
    odd = problems(one.mapping) if is_path(one.mapping, Path()) else []
    if odd:
        text = f"{one.mapping} has {counted(len(odd), 'warning')}: {odd[0]}"
        return warning(text, f"cef-bridge mapping lint {one.mapping} shows all.")
    return ok(f"{mapping.name} loads")


def _hosts(one: Destination, limit: float, *, skip: bool) -> list[DiagnosisRow]:
    if skip:
        link = Link("destination", f"destination {one.name}", limit)
        link.run("connection", lambda: not_tried("because of: settings"))
        return link.rows
    works = [partial(_host, one, endpoint, limit) for endpoint in one.target.endpoints]
    return any_host(side_by_side(works))


def _host(one: Destination, endpoint: Endpoint, limit: float) -> list[DiagnosisRow]:
    """Return the rows of one host of a destination."""
    target = one.target
    link = Link("destination", f"destination {one.name}", limit)
    scheme = SCHEMES[target.scheme]
    who = "the server" if scheme.probe else "the collector"
    probe = HostProbe(link, endpoint, target if target.tls else None, who)
    try:
        if scheme.datagrams:
            probe.name()
            link.run("datagrams", _one_way)
        elif scheme.probe is None:
            probe.reach()
            if target.tls:
                probe.secure()
            probe.close_in_order(asked=target.confirm == "auto")
        else:
            if _proxy(target.tls, endpoint[0]):
                link.run("connection", lambda: ok("through the proxy of the environment"))
            else:
                probe.reach()
                if target.tls:
                    probe.secure()
            link.run("login", partial(_login, one, endpoint, link))
    finally:
        probe.end()
    return link.rows


def _proxy(tls: bool, host: str) -> str | None:
    return None if proxy_bypass(host) else getproxies().get("https" if tls else "http")


def _login(one: Destination, endpoint: Endpoint, link: Link) -> Verdict:
    probe = SCHEMES[one.target.scheme].probe
    assert probe is not None  # noqa: S101 - asked by `_host`
    until = time.monotonic() + link.limit

    def on_wait() -> None:
        if time.monotonic() >= until:
            raise BrokenError(f"no answer within {link.limit:g} seconds. Check its log.")

    return ok(probe(one.target, endpoint, on_wait))


def _one_way() -> Verdict:
    return not_tried("UDP answers nothing: look at the collector, or use --send-test-event")


def _kafka(link: Link, one: Destination) -> None:
    target = one.target
    ways = [partial(broker_rows, link, endpoint) for endpoint in target.endpoints]
    link.adopt(any_host(side_by_side(ways)))
    KafkaProbe(link, target, target.endpoints, [target.path.removeprefix("/")]).look()


def broker_rows(cluster: Link, endpoint: Endpoint) -> list[DiagnosisRow]:
    """Return the rows of the way to one broker of a cluster."""
    link = Link(cluster.stage, cluster.where, cluster.limit)
    HostProbe(link, endpoint, None, "the broker").reach()
    return link.rows


def _file(one: Destination) -> Verdict:
    faults = files.look_at(one.target.path)
    return of_faults(faults) if faults.errors or faults.warnings else ok(f"{one.target.path}")
