"""The pack for Splunk: an add-on that Splunk installs, with the fields, rules and a dashboard.

In comes a `PackContent`, out come the files of one app, all in one folder: `splunk-appinspect`
takes that folder. Must not know the command line.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cef_bridge.content.packs.splunk import dashboard, extraction, readme, saved
from cef_bridge.content.packs.splunk.conf import conf
from cef_bridge.content.packs.splunk.icon import icon

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent

APP = "TA-kubearmor-cef"
_ABOUT = "Fields, detection rules and a dashboard for KubeArmor's events in CEF"
_AUTHOR = "cef-bridge"


def build(content: PackContent) -> dict[str, bytes]:
    """Return the files of the add-on. CefBridgeError where the mapping does not suit Splunk."""
    class_id = extraction.class_id_field(content)
    files = {
        "README.md": readme.text(content).encode(),
        "LICENSE": _LICENSE,
        "app.manifest": _manifest(content.version),
        "default/app.conf": conf(_app(content.version)),
        "default/props.conf": conf(extraction.props(content)),
        "default/transforms.conf": conf(extraction.header(content) | extraction.transforms()),
        "default/eventtypes.conf": _form(content, "splunk-eventtypes", class_id),
        "default/tags.conf": _form(content, "splunk-tags", class_id),
        "default/macros.conf": conf(_macros(class_id)),
        "default/savedsearches.conf": conf(saved.saved_searches(content)),
        "default/data/ui/nav/default.xml": dashboard.NAV,
        f"default/data/ui/views/{dashboard.VIEW}.xml": dashboard.dashboard(content),
        "metadata/default.meta": _META,
        "static/appIcon.png": icon(36),
        "static/appIcon_2x.png": icon(72),
        **{f"lookups/{name}": data for name, data in extraction.lookups(content).items()},
    }
    return {f"{APP}/{name}": data for name, data in files.items()}


_LICENSE = b"""Licensed under the Apache License, Version 2.0 (the "License"); you may not use these
files except in compliance with the License. You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software distributed under the License
is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or
implied. See the License for the specific language governing permissions and limitations under the
License.
"""
_META = b"""# Fields and event types are for all apps; only administrators change them.
[]
access = read : [ * ], write : [ admin, sc_admin ]
export = system
"""


def _form(content: PackContent, form: str, class_id: str) -> bytes:
    return content.class_id_form(form).replace("KubeArmorEventId", class_id).encode()


def _macros(class_id: str) -> dict[str, dict[str, str]]:
    return {
        "kubearmor_events": {
            "definition": f"sourcetype={extraction.SOURCETYPE} {class_id}=*",
            "iseval": "0",
        }
    }


def _app(version: str) -> dict[str, dict[str, str]]:
    return {
        "install": {"is_configured": "0", "build": "1"},
        "id": {"name": APP, "version": version},
        "package": {"id": APP, "check_for_updates": "0"},
        "ui": {"is_visible": "1", "label": "KubeArmor"},
        "launcher": {"author": _AUTHOR, "description": _ABOUT, "version": version},
    }


def _manifest(version: str) -> bytes:
    made = {
        "schemaVersion": "2.0.0",
        "info": {
            "title": "KubeArmor in CEF",
            "id": {"group": None, "name": APP, "version": version},
            "author": [{"name": _AUTHOR, "email": None, "company": None}],
            "releaseDate": None,
            "description": _ABOUT,
            "classification": {
                "intendedAudience": "IT Security",
                "categories": ["Security, Fraud & Compliance"],
                "developmentStatus": "Beta",
            },
            "commonInformationModels": None,
            "license": {"name": "Apache-2.0", "text": "LICENSE", "uri": None},
            "privacyPolicy": {"name": None, "text": None, "uri": None},
            "releaseNotes": {"name": None, "text": "README.md", "uri": None},
        },
        "dependencies": None,
        "tasks": None,
        "inputGroups": None,
        "incompatibleApps": None,
        "platformRequirements": None,
        "supportedDeployments": ["_standalone", "_distributed", "_search_head_clustering"],
        "targetWorkloads": ["_search_heads", "_indexers", "_forwarders"],
    }
    return (json.dumps(made, indent=2) + "\n").encode()
