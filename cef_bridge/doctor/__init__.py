"""Why nothing arrives: each link of a forwarder tried, from the source to the SIEM.

In comes a config, out goes a `Diagnosis`: a row for each thing that was tried, and one sentence
that names the first broken link. A module a kind of link, a function a check. Sends no message
unless it is asked to; knows no command line.
"""

from __future__ import annotations

from cef_bridge.doctor.diagnosis import Diagnosis, DiagnosisRow
from cef_bridge.doctor.examine import ExamineOptions, examine, unusable

__all__ = ["Diagnosis", "DiagnosisRow", "ExamineOptions", "examine", "unusable"]
