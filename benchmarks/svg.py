"""A page of an SVG file: boxes, arrows and text in two palettes, for light and for dark pages; no font is loaded."""

import textwrap
from html import escape

STYLE = """
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #475569; }
.title { font-size: 22px; font-weight: 600; fill: #0f172a; }
.name { font: 600 15px ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace; fill: #0f172a; }
.page { fill: #ffffff; stroke: #e2e8f0; }
.room { fill: #eff6ff; stroke: #93c5fd; }
.file { fill: #f8fafc; stroke: #cbd5e1; }
.line { fill: none; stroke: #94a3b8; stroke-width: 1.6; }
.head { fill: #94a3b8; }
@media (prefers-color-scheme: dark) {
  text { fill: #b6c2d1; }
  .title, .name { fill: #f1f5f9; }
  .page { fill: #0f172a; stroke: #1e293b; }
  .room { fill: #172a45; stroke: #3b6ea8; }
  .file { fill: #1e293b; stroke: #475569; }
  .line { stroke: #8798ad; }
  .head { fill: #8798ad; }
}
"""


def wrapped(text: str, columns: int) -> list[str]:
    """The lines of a text, so many characters at most."""
    return textwrap.wrap(text, columns, break_long_words=False)


class Page:
    """A drawing of ``width`` x ``height`` pixels; later things lie over earlier ones."""

    def __init__(self, width: float, height: float, style: str = STYLE) -> None:
        self._size = (width, height)
        self._style = style
        self._parts: list[str] = []
        self.box(0.5, 0.5, width - 1, height - 1, "page", radius=12)

    def box(self, left: float, top: float, width: float, height: float, kind: str, radius: float = 8) -> None:
        """A rectangle with round corners; ``kind``: its class in the style."""
        size = f'x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"'
        self._parts.append(f'<rect class="{kind}" {size}/>')

    def text(self, left: float, base: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """One line of text on its base line; ``anchor``: start, middle or end."""
        named = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        self._parts.append(f'<text x="{left:g}" y="{base:g}"{named}>{escape(text, quote=False)}</text>')

    def arrow(self, left: float, top: float, right: float, bottom: float, *, head: bool = True) -> None:
        """A line from (left, top) down to (right, bottom): straight, or a curve that begins and ends upright."""
        end = bottom - 7 if head else bottom
        bend = (end - top) * 0.6
        curve = f"V{end:g}" if left == right else f"C{left:g} {top + bend:g} {right:g} {end - bend:g} {right:g} {end:g}"
        self._parts.append(f'<path class="line" d="M{left:g} {top:g}{curve}"/>')
        if head:
            self._parts.append(f'<path class="head" d="M{right - 5:g} {end - 1:g}h10L{right:g} {bottom:g}z"/>')

    def svg(self, title: str) -> str:
        """The whole file; ``title`` is what a screen reader says."""
        width, height = self._size
        size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{escape(title)}</title>'
        return "\n".join([head, f"<style>{self._style}</style>", *self._parts, "</svg>"]) + "\n"
