"""Make the sample corpus ``corpora/almanac``, or check that it is what would be made.

Run ``python tests/make_almanac.py`` after a change of the texts, ``python tests/make_almanac.py --check`` to compare.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import almanac_books as books
import almanac_home as home
import almanac_nature as nature
import almanac_tables as tables
import almanac_world as world
import almanac_write as write

FOLDER = Path(__file__).parents[1] / "corpora" / "almanac"

FILES: dict[str, Callable[[], bytes]] = {
    "beekeeping.epub": lambda: books.as_epub(world.BEES),
    "bicycle-maintenance.docx": lambda: write.as_docx(home.BICYCLE),
    "bread.html": lambda: write.as_html(home.BREAD),
    "burns.md": lambda: write.as_markdown(home.BURNS),
    "calendars.rst": lambda: write.as_rst(world.CALENDARS),
    "coffee-roasting.pptx": lambda: write.as_pptx(world.COFFEE),
    "dunarea.odt": lambda: books.as_odt(nature.DANUBE, "ro"),
    "knots.txt": lambda: write.as_txt(home.KNOTS),
    "metric-prefixes.csv": lambda: write.as_csv(tables.PREFIXES),
    "metric-system.rtf": lambda: write.as_rtf(world.METRIC),
    "paper-sizes.xlsx": lambda: write.as_xlsx(tables.PAPER_SHEETS, tables.PAPER_NOTES),
    "street-trees.md": lambda: write.as_markdown(nature.TREES),
    "tides.pdf": lambda: books.as_pdf(nature.TIDES),
    "volcanoes.pdf": lambda: books.as_pdf(nature.VOLCANOES, columns=2),
}


def same_content(one: bytes, other: bytes) -> bool:
    """Tell whether two files say the same: bytes, or members of a zip, or text of a PDF.

    Other versions of the compressor or of the PDF library may write other bytes for the same content.
    """
    if one == other:
        return True
    if one[:4] == other[:4] == b"PK\x03\x04":
        return _members(one) == _members(other)
    if one[:5] == other[:5] == b"%PDF-":
        return _pdf_text(one) == _pdf_text(other)
    return False


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as box:
        return {name: box.read(name) for name in box.namelist()}


def _pdf_text(data: bytes) -> str:
    from pdfminer.high_level import extract_text

    return extract_text(io.BytesIO(data))


def differences(folder: Path = FOLDER) -> list[str]:
    """Name the files that are missing, left over, or not what would be made."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    wrong = sorted(there ^ set(FILES))
    return wrong + [n for n in sorted(there & set(FILES)) if not same_content((folder / n).read_bytes(), FILES[n]())]


def main(arguments: list[str]) -> int:
    """Write the almanac, or with ``--check`` only compare; gives the exit code."""
    if arguments == ["--check"]:
        wrong = differences()
        print("\n".join(f"differs: {name}" for name in wrong) or "the almanac is as it would be made")
        return int(bool(wrong))
    if arguments:
        print("usage: python tests/make_almanac.py [--check]", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        (FOLDER / name).write_bytes(make())
    print(f"{len(FILES)} files in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
