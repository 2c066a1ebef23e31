"""DataFrames of KubeArmor events become DataFrames of messages, and messages become columns again.

`to_cef` converts, `from_cef` reads CEF and LEEF lines, `read_lines` reads archives as `convert`
does. All three work on batches and on streams. docs/spark.md has examples. Needs the extra `spark`.
"""

from __future__ import annotations

from importlib import import_module

try:
    for _name in ("pandas", "pyarrow", "pyspark"):  # pyspark asks for the others in a query only
        import_module(_name)
except ImportError as error:
    raise ImportError(
        f"cef_bridge.spark needs {error.name}, which is not installed. "
        "Run: pip install 'cef-bridge[spark]'",
        name=error.name,
    ) from error

from cef_bridge.spark.parsing import from_cef
from cef_bridge.spark.reading import read_lines
from cef_bridge.spark.writing import to_cef

__all__ = ["from_cef", "read_lines", "to_cef"]
