"""Can the graph be read off its picture? Arrows run between boxes, and never behind one."""

import re

from toolkit import Pipeline
from toolkit.stages import blur, corners, edges, gray, overlay, rgb, sobel

BOX = re.compile(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"')
ARROW = re.compile(r'marker-end="url\(#dh-tip\)" d="M([\d.]+) ([\d.]+)([^"]*)"')
PIECE = re.compile(r"(H)([\d.]+)|C\S+ \S+ \S+ \S+ ([\d.]+) ([\d.]+)")


def pieces(svg: str) -> list[tuple[float, float, float, float]]:
    """Each piece of each arrow, from x and y to x and y."""
    found = []
    for start_x, start_y, rest in ARROW.findall(svg):
        x, y = float(start_x), float(start_y)
        for is_straight, to_x, end_x, end_y in PIECE.findall(rest):
            end = (float(to_x), y) if is_straight else (float(end_x), float(end_y))
            found.append((x, y, *end))
            x, y = end
    return found


def test_an_arrow_that_passes_a_stage_does_not_run_behind_its_box():
    svg = Pipeline([rgb, gray, blur, sobel, edges, corners, overlay]).svg()
    boxes = [tuple(map(int, box)) for box in BOX.findall(svg)]
    assert len(boxes) == 8
    behind = [
        (piece, box)
        for piece in pieces(svg)
        for box in [(x, y, x + width, y + height) for x, y, width, height in boxes]
        if min(piece[2], box[2]) - max(piece[0], box[0]) > 0
        and max(piece[1], piece[3]) > box[1]
        and min(piece[1], piece[3]) < box[3]
    ]
    assert behind == []


def test_arrows_end_at_the_box_that_requires_them():
    svg = Pipeline([gray, blur]).svg()
    (_, _, first_x, first_y), (_, _, second_x, second_y) = pieces(svg)
    boxes = [tuple(map(int, box)) for box in BOX.findall(svg)]
    ends = {(x, y + height / 2) for x, y, _, height in boxes}
    assert {(first_x, first_y), (second_x, second_y)} <= ends
    assert first_x < second_x
