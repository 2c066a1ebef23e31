"""The rules of lines by code.

A rule is a function of one line, or a class that sees line after line; its docstring is its page
(what, why, bad, good; the tests run both) and it is a row here. Must not know where lines come
from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cef_bridge.lines.lint import (
    codes,
    rules_across,
    rules_header,
    rules_labels,
    rules_leef,
    rules_line,
    rules_pairs,
    rules_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.lines.lint.parts import LineFinding, ParsedLine


class Across(Protocol):
    """A rule with a memory, which must be bounded."""

    def see(self, line: ParsedLine) -> Iterator[LineFinding]:
        """Yield what this line makes certain."""


RULES: dict[codes.LineRule, Callable[[ParsedLine], Iterator[LineFinding]]] = {
    codes.NO_MESSAGE: rules_line.no_message,
    codes.TOO_LONG: rules_line.too_long,
    codes.RFC5424: rules_line.rfc5424,
    codes.TAG: rules_line.tag,
    codes.FRAME_LENGTH: rules_line.frame_length,
    codes.BOM: rules_line.bom,
    codes.CONTROL: rules_line.control,
    codes.BIDI: rules_line.bidi,
    codes.NOT_UTF8: rules_line.not_utf8,
    codes.SECOND_BEGINNING: rules_line.second_beginning,
    codes.MISSING_FIELD: rules_header.missing_field,
    codes.NO_VERSION: rules_header.no_version,
    codes.CEF1: rules_header.cef1,
    codes.EMPTY_FIELD: rules_header.empty_field,
    codes.LONG_FIELD: rules_header.long_field,
    codes.ESCAPED_PIPE: rules_header.escaped_pipe,
    codes.RAW_PIPE: rules_header.raw_pipe,
    codes.NO_SEVERITY: rules_header.no_severity,
    codes.SWAPPED: rules_header.swapped,
    codes.DATA_IN_HEADER: rules_header.data_in_header,
    codes.HEADER_SPACE: rules_header.header_space,
    codes.STRAY: rules_pairs.stray,
    codes.RAW_EQUALS: rules_pairs.raw_equals,
    codes.BAD_ESCAPE: rules_pairs.bad_escape,
    codes.KEY_CHARACTERS: rules_pairs.key_characters,
    codes.TWICE: rules_pairs.twice,
    codes.EMPTY_VALUE: rules_pairs.empty_value,
    codes.VALUE_SPACE: rules_pairs.value_space,
    codes.QUOTES: rules_pairs.quotes,
    codes.LEADING_SPACE: rules_pairs.leading_space,
    codes.FOREIGN_KEY: rules_pairs.foreign_key,
    codes.MISNAMED_KEY: rules_pairs.misnamed_key,
    codes.CONSUMER_KEY: rules_pairs.consumer_key,
    codes.WRONG_TYPE: rules_values.wrong_type,
    codes.ISO_TIME: rules_values.iso_time,
    codes.IPV6: rules_values.ipv6,
    codes.LONG_VALUE: rules_values.long_value,
    codes.ALL_IN_ONE: rules_values.all_in_one,
    codes.JSON_VALUE: rules_values.json_value,
    codes.POD_AS_HOST: rules_values.pod_as_host,
    codes.PIPE_IN_VALUE: rules_values.pipe_in_value,
    codes.UNREAD_TIME: rules_values.unread_time,
    codes.FIRST_KEY: rules_values.first_key,
    codes.LOST_IPV6: rules_values.lost_ipv6,
    codes.NO_LABEL: rules_labels.no_label,
    codes.NO_VALUE: rules_labels.no_value,
    codes.LABEL_FIRST: rules_labels.label_first,
    codes.EQUAL_LABELS: rules_labels.equal_labels,
    codes.LABEL_NAME: rules_labels.label_name,
    codes.LABEL_DATA: rules_labels.label_data,
    codes.NO_DELIMITER: rules_leef.no_delimiter,
    codes.HEX_DELIMITER: rules_leef.hex_delimiter,
    codes.LEEF_PIPE: rules_leef.leef_pipe,
    codes.NO_ATTRIBUTE: rules_leef.no_attribute,
    codes.BAD_SEV: rules_leef.bad_sev,
    codes.BAD_DEVTIME: rules_leef.bad_devtime,
    codes.REWRITTEN_TAB: rules_leef.rewritten_tab,
    codes.UNDECLARED: rules_leef.undeclared_delimiter,
}

ACROSS: dict[codes.LineRule, Callable[[], Across]] = {
    codes.MANY_IDS: rules_across.ManyIds,
    codes.MANY_NAMES: rules_across.ManyNames,
    codes.MANY_LABELS: rules_across.ManyLabels,
    codes.ORDER: rules_across.Order,
    codes.NO_HEADER: rules_across.NoHeader,
}
