"""Whoever watches a running forwarder: asks its live page with the token that it printed."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from prometheus_client.parser import text_string_to_metric_families
from waiting import until

if TYPE_CHECKING:
    from forwards import Forward

_URL = re.compile(r"live page on: (http://127\.0\.0\.1:\d+)/live\?token=([0-9a-f]{32})\n")


class Answered(NamedTuple):
    """An answer: its status, headers and text."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def said(self):
        return json.loads(self.text)


class LiveClient(NamedTuple):
    """A forwarder's address and token."""

    base: str
    token: str

    @classmethod
    def of(cls, run: Forward) -> LiveClient:
        """Wait until a forwarder says where its page is."""
        until(lambda: _URL.search(run.said()), what="to say where the live page is")
        return cls(*_URL.search(run.said()).groups())

    @property
    def page(self) -> str:
        return f"{self.base}/live?token={self.token}"

    def ask(self, path: str, data: object = None, **headers: str | None) -> Answered:
        """Ask with the token, unless `headers` say otherwise; None leaves a header out."""
        said: dict[str, str | None] = {"Authorization": f"Bearer {self.token}"}
        if data is not None:
            said["Content-Type"] = "application/json"
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(  # noqa: S310 - http on loopback
            self.base + path,
            data=None if data is None else json.dumps(data).encode(),
            headers={name: value for name, value in said.items() if value is not None},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                return Answered(answer.status, dict(answer.headers), answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answered(error.code, dict(error.headers), error.read().decode())

    def live(self):
        answer = self.ask("/api/live")
        assert answer.status == 200, answer.text
        return answer.said

    def destination(self, name: str):
        return next(each for each in self.live()["destinations"] if each["name"] == name)

    def switch(self, name: str, *, on: bool):
        answer = self.ask("/api/tap", {"destination": name, "on": on})
        assert answer.status == 200, answer.text
        return answer.said

    def tap(self, name: str):
        answer = self.ask(f"/api/tap/{quote(name, safe='')}")
        assert answer.status == 200, answer.text
        return answer.said

    def metrics(self) -> dict[tuple[object, ...], float]:
        return {
            (sample.name.removeprefix("cef_bridge_"), *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.ask("/metrics").text)
            for sample in family.samples
        }
