# SPDX-License-Identifier: EUPL-1.2
"""Plots as SVG: curves and bars in panels, one below the other."""
from xml.sax.saxutils import escape

# Apart in lightness too, for whoever prints it or sees colours otherwise.
COLOURS = ["#1b4f8a", "#d9822b", "#3a8f5c", "#b0375e", "#6d5aa8", "#7a6a4f", "#3aa0a8", "#555555"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, TICKS = 720, 320, 84, 20, 34, 50, 5


def text(x, y, s, anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(s)}</text>\n'


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>\n'


def round_up(value):
    """The least of 1, 2, 2.5, 5 times a power of ten that is not below, for TICKS steps."""
    power, value = 1e-9, max(value, 1e-9) / TICKS
    while power * 10 <= value:
        power *= 10
    return TICKS * power * next(m for m in (1, 2, 2.5, 5, 10) if value <= m * power * 1.0001)


def curves(title, x_label, y_label, series):
    """series: [(name, [(x, y)...])]; both axes begin at 0."""
    series = [(name, points) for name, points in series if points]
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    x_most = round_up(max((x for _, points in series for x, _ in points), default=1))
    y_most = round_up(max((y for _, points in series for _, y in points), default=1))
    out = text(LEFT, 22, title, more=' font-weight="bold"')
    for i in range(TICKS + 1):
        x, y = LEFT + wide * i / TICKS, TOP + high * (TICKS - i) / TICKS
        out += line(x, TOP, x, TOP + high, "#e4e4e4") + line(LEFT, y, LEFT + wide, y, "#e4e4e4")
        out += text(x, TOP + high + 16, f"{x_most * i / TICKS:g}", "middle", ' class="s"')
        out += text(LEFT - 6, y + 4, f"{y_most * i / TICKS:,g}", "end", ' class="s"')
    out += text(LEFT + wide / 2, HEIGHT - 12, x_label, "middle")
    out += f'<g transform="translate(14 {TOP + high / 2:.1f}) rotate(-90)">' + text(0, 0, y_label, "middle") \
        + "</g>\n"
    for i, (name, points) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        at = " ".join(f"{LEFT + wide * x / x_most:.1f},{TOP + high * (1 - y / y_most):.1f}"
                      for x, y in points)
        out += f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{at}"/>\n'
        if not name:
            continue
        key = TOP + high - 10 - 17 * (len(series) - 1 - i)
        out += line(WIDTH - RIGHT - 24, key - 4, WIDTH - RIGHT - 6, key - 4, colour)
        out += text(WIDTH - RIGHT - 30, key, name, "end", ' class="s"')
    return out


def bars(title, x_label, series):
    """series: [(name, value)]"""
    high, most = (HEIGHT - TOP - BOTTOM) / max(1, len(series)), max([v for _, v in series] + [1e-9])
    out = text(LEFT, 22, title, more=' font-weight="bold"')
    for i, (name, value) in enumerate(series):
        y, length = TOP + high * i, (WIDTH - LEFT - RIGHT - 220) * value / most
        out += f'<rect x="{LEFT + 110}" y="{y + high * 0.15:.1f}" width="{length:.1f}" ' \
            f'height="{high * 0.7:.1f}" fill="{COLOURS[i % len(COLOURS)]}"/>\n'
        out += text(LEFT + 104, y + high / 2 + 4, name, "end", ' class="s"')
        out += text(LEFT + 116 + length, y + high / 2 + 4, f"{value:.2f}", more=' class="s"')
    return out + text(LEFT + 110, HEIGHT - 14, x_label)


def distribution(values):
    """A share of all from small to large, for curves."""
    values = sorted(values)
    return [(v, 100 * (i + 1) / len(values)) for i, v in enumerate(values)]


def write(path, title, panels):
    height = 40 + HEIGHT * len(panels)
    with open(path, "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
                'font-family="sans-serif" font-size="12">\n'
                "<style>.s{font-size:11px;fill:#444}.t{font-size:14px;font-weight:bold}</style>\n"
                '<rect width="100%" height="100%" fill="#fff"/>\n')
        f.write(text(WIDTH / 2, 24, title, "middle", ' class="t"'))
        for i, panel in enumerate(panels):
            f.write(f'<g transform="translate(0 {40 + HEIGHT * i})">\n{panel}</g>\n')
        f.write("</svg>\n")
