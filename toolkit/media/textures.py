"""What do the surfaces of a synthetic scene look like? Procedural pictures, drawn from a seed.

Every painter takes a size in texels, how many texels make a metre, and a CPU generator, and
returns (3, H, W) float32 in [0, 1]. Detail has a physical size (a brick is 22 cm wide at any
resolution), so the same seed shows the same room at 320x240 and at 1080p. There are corners
everywhere on purpose: these pictures exist to be tracked.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate, pad

__all__ = ["PAINTERS", "Painter", "noise"]

Painter = Callable[[int, int, float, Generator], Tensor]
"""(height, width, texels_per_metre, generator) -> (3, H, W) float32 in [0, 1]."""


def noise(
    height: int, width: int, cell_texels: float, generator: Generator, *, octaves: int = 4
) -> Tensor:
    """Fractal noise, (H, W) float32, about [-1, 1]; the largest blobs span `cell_texels`."""
    total = torch.zeros(1, 1, 2, 2)
    gain = 0.5
    for _ in range(octaves):
        rows = max(2, round(height / cell_texels) + 1)
        columns = max(2, round(width / cell_texels) + 1)
        grid = torch.rand(1, 1, rows, columns, generator=generator) * 2 - 1
        size = (min(height, 4 * rows), min(width, 4 * columns))  # no finer than the blobs need
        total = interpolate(total, size, mode="bilinear", align_corners=True)
        total += gain * interpolate(grid, size, mode="bicubic", align_corners=True)
        gain *= 0.6
        cell_texels = max(cell_texels / 2.1, 1.0)
    return interpolate(total, (height, width), mode="bilinear", align_corners=True)[0, 0]


def _uniform(generator: Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _tint(generator: Generator, rgb: tuple[float, float, float], spread: float = 0.06) -> Tensor:
    """A colour near `rgb`: mostly lighter or darker, a little warmer or colder."""
    brightness = (torch.rand(1, generator=generator) * 2 - 1) * spread
    warmth = (torch.rand(1, generator=generator) * 2 - 1) * spread * 0.4
    shift = brightness + warmth * torch.tensor((1.0, 0.0, -1.0))
    return (torch.tensor(rgb) + shift).clamp(0.02, 0.98)


def _palette(count: int, generator: Generator) -> Tensor:
    """Colours of any hue, (count, 3), as paint and print have them: none at full saturation."""
    hue, saturation, value = torch.rand(3, count, generator=generator)
    phase = hue[:, None] + torch.tensor((0.0, 1 / 3, 2 / 3))
    wheel = 0.5 + 0.5 * torch.cos(2 * torch.pi * phase)
    saturation, value = 0.25 + 0.45 * saturation, 0.25 + 0.65 * value
    return value[:, None] * (1 - saturation[:, None] * (1 - wheel))


def _grid(height: int, width: int, texels_per_metre: float) -> tuple[Tensor, Tensor]:
    """Metres down (H, 1) and metres right (1, W) at texel centres."""
    down = (torch.arange(height) + 0.5) / texels_per_metre
    right = (torch.arange(width) + 0.5) / texels_per_metre
    return down[:, None], right[None, :]


def _cell_values(ids: Tensor, generator: Generator) -> Tensor:
    """One random number in [0, 1) per integer in `ids`, the same wherever the integer repeats."""
    table = torch.rand(1024, generator=generator)
    return table[ids.long() % 1024]


def _shade(base: Tensor, amount: Tensor) -> Tensor:
    """Scale one colour (3,) by a map (H, W) of brightness around 1."""
    return base[:, None, None] * amount


def plaster(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """A painted wall: large stains, fine grain, a few dark flecks."""
    stains = noise(height, width, 1.1 * tpm, generator, octaves=5)
    grain = noise(height, width, 0.035 * tpm, generator, octaves=2)
    flecks = (noise(height, width, 0.07 * tpm, generator, octaves=1) > 0.36).float()
    colour = _tint(generator, (0.74, 0.68, 0.58), 0.1)
    return _shade(colour, 1 + 0.22 * stains + 0.12 * grain - 0.22 * flecks).clamp(0, 1)


def bricks(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """Running bond: 22 x 7.5 cm bricks, pale mortar, no two bricks alike."""
    down, right = _grid(height, width, tpm)
    row = torch.floor(down / 0.075)
    shifted = right / 0.22 + 0.5 * (row % 2)
    column = torch.floor(shifted)
    y, x = down / 0.075 - row, shifted - column
    edge = torch.minimum(torch.minimum(y, 1 - y) * 0.075, torch.minimum(x, 1 - x) * 0.22)
    value = _cell_values(row * 61 + column * 7, generator)
    face = 0.72 + 0.5 * value + 0.3 * noise(height, width, 0.09 * tpm, generator)
    warm = _tint(generator, (0.58, 0.29, 0.21), 0.05)
    brick = _shade(warm, face)
    brick[1:] += 0.05 * (value > 0.8)
    mortar = _shade(
        torch.tensor((0.70, 0.66, 0.60)), 1 + 0.25 * noise(height, width, 0.03 * tpm, generator)
    )
    ramp = ((edge - 0.004) / 0.005).clamp(0, 1)
    return (ramp * brick + (1 - ramp) * mortar).clamp(0, 1)


def planks(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """A wooden floor: 14 cm boards along the width, each with its own tone and grain."""
    down, right = _grid(height, width, tpm)
    row = torch.floor(down / 0.14)
    length = right / 1.3 + _cell_values(row * 13 + 5, generator) * 3
    board = torch.floor(length)
    tone = _cell_values(row * 31 + board * 17, generator)
    y, x = down / 0.14 - row, length - board
    edge = torch.minimum(torch.minimum(y, 1 - y) * 0.14, torch.minimum(x, 1 - x) * 1.3)
    narrow = noise(height, max(2, width // 12), 0.012 * tpm, generator, octaves=3)
    grain = interpolate(narrow[None, None], (height, width), mode="bilinear")[0, 0]
    wood = _shade(_tint(generator, (0.60, 0.42, 0.26), 0.05), 0.68 + 0.5 * tone + 0.28 * grain)
    return (wood * (0.35 + 0.65 * (edge / 0.005).clamp(0, 1))).clamp(0, 1)


def tiles(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """A checker of 25 cm tiles with grain, chips and grout: the classic, made trackable."""
    down, right = _grid(height, width, tpm)
    row, column = torch.floor(down / 0.25), torch.floor(right / 0.25)
    dark = ((row + column) % 2 == 0).float()
    value = _cell_values(row * 41 + column * 11, generator)
    marble = noise(height, width, 0.2 * tpm, generator, octaves=5)
    light_tile = _tint(generator, (0.80, 0.78, 0.72))
    dark_tile = _tint(generator, (0.24, 0.30, 0.34), 0.08)
    colour = light_tile[:, None, None] * (1 - dark) + dark_tile[:, None, None] * dark
    y, x = down / 0.25 - row, right / 0.25 - column
    edge = torch.minimum(torch.minimum(y, 1 - y), torch.minimum(x, 1 - x)) * 0.25
    shade = (0.85 + 0.25 * value + 0.28 * marble) * (0.6 + 0.4 * (edge / 0.004).clamp(0, 1))
    return (colour * shade).clamp(0, 1)


def _glyphs(rows: int, columns: int, scale: int, generator: Generator) -> Tensor:
    """Lines of invented letters, (rows * 8 * scale, columns * 6 * scale), 1 where there is ink."""
    half = torch.rand(rows, columns, 7, 3, generator=generator) > 0.46
    letters = torch.cat([half, half.flip(-1)[..., 1:]], -1).float()  # (R, C, 7, 5), symmetric
    letters *= (torch.rand(rows, columns, 1, 1, generator=generator) > 0.14).float()  # spaces
    page = pad(letters, (0, 1, 0, 1)).permute(0, 2, 1, 3).reshape(rows * 8, columns * 6)
    return page.repeat_interleave(scale, 0).repeat_interleave(scale, 1)


def _write(picture: Tensor, ink: Tensor, top: float, left: float, colour: Tensor) -> None:
    """Print `ink` onto `picture` in place, its corner at a fraction of the height and width."""
    _, height, width = picture.shape
    y, x = int(top * height), int(left * width)
    ink = ink[: height - y, : width - x]
    if not ink.numel():
        return
    window = picture[:, y : y + ink.shape[0], x : x + ink.shape[1]]
    window += ink * (colour[:, None, None] - window)


def poster(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """A printed sheet: a coloured headline block, discs, and paragraphs of invented letters."""
    paper = _tint(generator, (0.90, 0.88, 0.82), 0.05)
    sheet = _shade(paper, 1 + 0.06 * noise(height, width, 0.1 * tpm, generator))
    colours = _palette(6, generator)
    accent = colours[5] * 0.8
    ink = _tint(generator, (0.12, 0.13, 0.18), 0.08)
    rows, columns = torch.arange(height)[:, None] / height, torch.arange(width)[None] / width
    block = ((rows > 0.06) & (rows < 0.34) & (columns > 0.06) & (columns < 0.94)).float()
    sheet += block * (accent[:, None, None] - sheet)
    for index in range(5):
        y, x = _uniform(generator, 0.1, 0.32), _uniform(generator, 0.1, 0.9)
        radius = _uniform(generator, 0.03, 0.11) * height
        disc = (rows * height - y * height) ** 2 + (columns * width - x * width) ** 2 < radius**2
        sheet += (disc * block) * (colours[index, :, None, None] - sheet)
    big = max(1, round(height / 90))
    title_columns = max(1, int(0.8 * width / (6 * big)))
    _write(sheet, _glyphs(1, title_columns, big, generator), 0.37, 0.08, accent * 0.7)
    small = max(1, round(height / 230))
    lines, letters = int(0.46 * height / (8 * small)), int(0.86 * width / (6 * small))
    if lines and letters:
        _write(sheet, _glyphs(lines, letters, small, generator), 0.5, 0.07, ink)
    return sheet.clamp(0, 1)


def painting(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """An abstract canvas: coloured cells of a Voronoi diagram, brushed, in a dark frame."""
    count = 34
    seeds = torch.rand(count, 2, generator=generator) * torch.tensor([height, width])
    wobble = 0.05 * height
    y = torch.arange(height)[:, None] + wobble * noise(height, width, height / 4, generator)
    x = torch.arange(width)[None, :] + wobble * noise(height, width, height / 4, generator)
    best = torch.full((height, width), torch.inf)
    cell = torch.zeros(height, width, dtype=torch.long)
    for index in range(count):
        distance = (y - seeds[index, 0]) ** 2 + (x - seeds[index, 1]) ** 2
        cell[distance < best] = index
        best = torch.minimum(best, distance)
    palette = _palette(count, generator)
    canvas = palette[cell].permute(2, 0, 1)
    canvas = canvas * (1 + 0.35 * noise(height, width, max(height / 24, 2.0), generator))
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    inset = torch.minimum(
        torch.minimum(rows, height - 1 - rows), torch.minimum(columns, width - 1 - columns)
    )
    frame = (inset < 0.045 * min(height, width)).float()
    wood = _tint(generator, (0.22, 0.15, 0.10), 0.05)[:, None, None]
    return (canvas * (1 - frame) + wood * frame).clamp(0, 1)


def crate(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """A wooden box face: slats, a nailed frame, one diagonal brace and stencilled letters."""
    rows, columns = torch.arange(height)[:, None] / height, torch.arange(width)[None] / width
    slat = torch.floor(rows * 6)
    tone = _cell_values(slat * 19 + 3, generator)
    narrow = noise(height, max(2, width // 10), max(height / 60, 1.5), generator, octaves=3)
    grain = interpolate(narrow[None, None], (height, width), mode="bilinear")[0, 0]
    wood = _shade(_tint(generator, (0.66, 0.50, 0.31), 0.07), 0.7 + 0.4 * tone + 0.25 * grain)
    gap = ((rows * 6 - slat) < 0.06).float()
    wood = wood * (1 - 0.6 * gap)
    inset = torch.minimum(torch.minimum(rows, 1 - rows), torch.minimum(columns, 1 - columns))
    frame = ((inset < 0.11) | ((rows - columns).abs() < 0.07)).float()
    wood = (
        wood * (1 - frame) + _shade(_tint(generator, (0.52, 0.37, 0.22)), 1 + 0.4 * grain) * frame
    )
    seam = ((inset - 0.11).abs() < 0.008).float()
    wood = wood * (1 - 0.5 * seam)
    scale = max(1, round(height / 70))
    _write(wood, _glyphs(1, 4, scale, generator), 0.55, 0.5, torch.tensor((0.12, 0.09, 0.08)))
    return wood.clamp(0, 1)


def books(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """Three shelves of books: spines of random width, height and colour, with title bands."""
    picture = _shade(torch.tensor((0.13, 0.10, 0.08)), torch.ones(height, width))
    shelves, board = 3, max(1, height // 36)
    tall = height // shelves
    for shelf in range(shelves):
        bottom, x = (shelf + 1) * tall - board, board
        picture[:, bottom : bottom + board] = torch.tensor((0.42, 0.29, 0.18))[:, None, None]
        while x < width - board:
            thick = max(2, int(_uniform(generator, 0.018, 0.05) * width))
            high = int(tall * _uniform(generator, 0.55, 0.86))
            spine = _palette(1, generator)[0] * 0.9
            x_end = min(x + thick, width - board)
            picture[:, bottom - high : bottom, x:x_end] = spine[:, None, None]
            picture[:, bottom - high : bottom, x : x + 1] *= 0.5
            for _ in range(2):
                band = bottom - int(high * _uniform(generator, 0.2, 0.9))
                stripe = max(1, tall // 26)
                light = _tint(generator, (0.75, 0.68, 0.5), 0.2)[:, None, None]
                picture[:, band : band + stripe, x + 1 : x_end] = light
            x = x_end
    return (picture * (1 + 0.12 * noise(height, width, 0.05 * tpm, generator, octaves=2))).clamp(
        0, 1
    )


def rug(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """A woven rug: rows of diamonds between stripes, with a border."""
    down, right = _grid(height, width, tpm)
    stripe = torch.floor(down / 0.16)
    diamond = ((down / 0.16 % 1) - 0.5).abs() + (
        (right / 0.22 + 0.5 * (stripe % 2)) % 1 - 0.5
    ).abs()
    palette = _palette(5, generator) * 0.85
    ground = palette[(stripe % 4).long()].permute(2, 0, 1).expand(3, height, width)
    inner = (diamond < 0.38).float()
    core = (diamond < 0.2).float()
    pale = _tint(generator, (0.84, 0.78, 0.64))[:, None, None]
    cloth = ground * (1 - inner) + pale * inner
    cloth = cloth * (1 - core) + palette[4][:, None, None] * core
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    inset = torch.minimum(
        torch.minimum(rows, height - 1 - rows), torch.minimum(columns, width - 1 - columns)
    )
    border = (inset < 0.06 * tpm).float()
    cloth = cloth * (1 - border) + palette[2][:, None, None] * 0.6 * border
    weave = noise(height, width, max(0.012 * tpm, 1.5), generator, octaves=2)
    return (cloth * (1 + 0.22 * weave)).clamp(0, 1)


def stone(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """Rock: noise at every scale, with cracks along its zero lines."""
    rough = noise(height, width, 0.6 * tpm, generator, octaves=6)
    crack = (noise(height, width, 0.45 * tpm, generator, octaves=3).abs() < 0.025).float()
    spots = (noise(height, width, 0.09 * tpm, generator, octaves=2) > 0.34).float()
    colour = _tint(generator, (0.56, 0.55, 0.52), 0.12)
    return _shade(colour, 1 + 0.5 * rough - 0.45 * crack + 0.28 * spots).clamp(0, 1)


def mosaic(height: int, width: int, tpm: float, generator: Generator) -> Tensor:
    """Irregular coloured rectangles with grout: many corners, no two places alike."""
    down, right = _grid(height, width, tpm)
    row = torch.floor(down / 0.11)
    column = torch.floor(right / 0.15 + _cell_values(row * 23 + 1, generator))
    cell = (row * 97 + column * 29).long()
    table = _palette(1024, generator)
    colour = table[cell % 1024].permute(2, 0, 1)
    y = down / 0.11 - row
    grout = ((y < 0.07) | ((column != column.roll(1, 1)) & (right > 0.01))).float()
    wear = noise(height, width, 0.12 * tpm, generator, octaves=4)
    return (colour * (1 - 0.6 * grout) * (1 + 0.3 * wear)).clamp(0, 1)


PAINTERS: dict[str, Painter] = {
    "books": books,
    "bricks": bricks,
    "crate": crate,
    "mosaic": mosaic,
    "painting": painting,
    "planks": planks,
    "plaster": plaster,
    "poster": poster,
    "rug": rug,
    "stone": stone,
    "tiles": tiles,
}
