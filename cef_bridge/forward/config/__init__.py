"""What a forwarder is asked to do: from URLs or from YAML, checked before anything runs.

In come the words of the command line or a file, out comes a `Config`. Must not know how any of it
is done.
"""

from __future__ import annotations

from cef_bridge.forward.config.check import ConfigProblem, check
from cef_bridge.forward.config.places import from_urls
from cef_bridge.forward.config.read import load_config, read_config
from cef_bridge.forward.config.schema import schema
from cef_bridge.forward.config.spec import Config, Destination, Source

__all__ = [
    "Config",
    "ConfigProblem",
    "Destination",
    "Source",
    "check",
    "from_urls",
    "load_config",
    "read_config",
    "schema",
]
