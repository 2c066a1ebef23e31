"""The terminal pictures of docs/pictures/ show what the commands print today."""

from __future__ import annotations

import re
import sys

import pytest
from transcripts import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import make_pictures
from terminal_svg import TerminalText, picture

PICTURES = ROOT / "docs" / "pictures"
STEADY = [name for name, scene in make_pictures.SCENES.items() if scene.steady]


def words(svg: str) -> list[str]:
    """Return the texts of a picture."""
    return re.findall(r">([^<>\n]+)<", svg)


@pytest.mark.parametrize("name", STEADY)
def test_a_picture_shows_what_its_command_prints(name):
    drawn = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    made = make_pictures.made(name)
    assert words(drawn) == words(made), "run python docs/make_pictures.py"
    assert drawn == made, "run python docs/make_pictures.py"


def test_the_first_screen_of_the_demo_is_what_the_demo_shows(capsys):
    from cef_bridge.cli.demo_event import show_event
    from cef_bridge.cli.demo_samples import convert_samples
    from cef_bridge.mapping.load import load
    from cef_bridge.mapping.program.converter import Converter

    converter = Converter(load("kubearmor-cef"))
    show_event(convert_samples(converter).converted[0], converter)
    printed = set(capsys.readouterr().out.split())
    drawn = (PICTURES / "demo.svg").read_text(encoding="utf-8")
    fields = re.findall(r'fill="#(?:56b6c2|98c379|c678dd)">([^<]+)<', drawn)
    first = fields[: fields.index("process")]
    assert len(first) == 44
    assert {word for field in first for word in field.split()} <= printed
    assert "lost 0" in drawn


def test_every_picture_is_small_and_on_a_page():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    for name in make_pictures.SCENES:
        path = PICTURES / f"{name}.svg"
        assert path.stat().st_size < 60_000
        assert f"pictures/{name}.svg)" in shown


def test_what_a_terminal_shows_is_drawn_with_its_colours_and_nothing_else():
    shown = TerminalText(10)
    shown.feed("old\x1b[31mred\x1b[0m\r\x1b[Kab \x1b[1;32m<ok>\x1b[0m\r\n12345678901\x1b[A\rX")
    assert shown.texts() == ["ab <ok>", "X234567890", "1"]
    drawn = picture("a & b", shown)
    assert words(drawn) == ["a &amp; b", "$", "a &amp; b", "ab", "&lt;ok&gt;", "X234567890", "1"]
    assert drawn.count('fill="#98c379" font-weight="bold"') == 1
    with pytest.raises(ValueError, match="unknown escape"):
        shown.feed("\x1b[2J")
