"""How are two corners told apart? By 256 comparisons of brightness around each: one bit each.

Two pictures of one corner answer most comparisons alike, whatever the exposure, so the number of
bits that differ, the Hamming distance, says how alike two corners look. The pattern of comparisons
is turned with the patch, so that a turned picture has the same bits (oriented BRIEF).

Source:
    Calonder et al., BRIEF, ECCV 2010. Rublee et al., ORB, ICCV 2011.
"""

from __future__ import annotations

import base64
import math

import torch
from torch import Tensor

__all__ = [
    "BITS",
    "PATCH_RADIUS",
    "REACH",
    "angles_of",
    "bits_of",
    "comparison_pattern",
    "disc",
    "smoothed",
    "turned_offsets",
    "unpacked",
]

BITS = 256
PATCH_RADIUS = 15
"""All that describes a point lies within this many px of it."""

REACH = PATCH_RADIUS + 3
"""And the smoothed picture there depends on pixels up to this far away."""

_PATTERN = (
    "|M~y{0sa96{|Ep8008^>0t5p4008_0{ssN}1PKEF{r&m`0rmp_0092;`wIX5{tN#C0008~0s#XK{sI8}",
    "{{Q#={{Z;~{RQ&{`~Us{0`dX<0R;a1^aK3>1o#30_6hy~{PzF-1pWvL{`~j#^Zfk){R8>>_5l0?1pWy1",
    "{rvd~00{y60`&s}`t<(-1ON^L|Mvd`_W=C;4EhEE0|W&M1N{XB_V)V%0S*EE0R{gK2Kxg8{`mg?`w0I7",
    "`wIL3{{;66`v&^{0{{v61Ox{5`}_3>1or{`_X_(13<w1L1pfjE`Ud;?`vLd{_xAw*0t5;Q`}_6z_51w>",
    "0Ra8|`T_p>1q%fG1pEy92nGZK1OWj0{`mX_{Q><11Nj073Ht>E`T_U+_X7U{0t5gG`u6<>|NjF8`2q6+",
    "`vLp;1P1{F2Mh)Q|NZ*?`t<w%0`ma|{R;vB1O*NL{r>v;{R;g2|M>v(0R;v9{rUF<|M~$80}cQO0SEv2",
    "1NsLD2LTEQ1^)#1_xt|({qy|<{SE;8{{;B`{ssd91qKHH{{sW}_z3v?^#1t;`ug$$1po&6`3Cs)0R8j(",
    "_yYO*{r><61_K5A2>b{J{`La=4FLrD2KWQ}3IhlK`U&^}3HS;L1qTKA^ZWP${RQ{~3I+!F`uG3^1_cZT",
    "{tEpC3jYQF`~m+1{00F73HS*D`t$+%{{8{<2>%2F`}g($`~Lk70Q>U>0Qmk10Q>m}00IW|_xkh&{P_C~",
    "|M&m;@&Nq_0sQ&-|M>e01Ns2|0{;8~0t5OC4f_cO3ibr}2lWX5{0jN`0uKHH0s03F`3m~>1@!;=1^x&E",
    "{_^|%`U~^@0RZ<2_y73x0R{&52L}lB`2_v-{rLR-3iksC{qh3={{#RB1PKB73H}ZJ00{l`0Qvm?3;YHO",
    "1`GcM{r2_<`2zk42?YcN3JL@F{`U0v|M&9(_5uO^0}BTM0tWu_{|5U9^$Gh4^#=e51`7xH0Sg8D4gd)Q",
    "2L}uT^#}I>{P+X^^aTA301Ev1|NjC2`uzF%`1kVu0{;g6_x<$w1NZ+30P+C|0{Z<21pNU23jzZF`2P0;",
    "0rmX`_Wk`00{jX5`TYC#1oj2{0Rs&L{SEyH{|*870RjyB4EhB2`TGC}0|E#F0}cfB4gdrV{qpkv3i%EI",
    "1N;X72>c582KECA`~v|7|MvL)0`dp``Stz^01E^1_zV8>0R{B`0rvg+2?YxP|M&z93<v}Y1osL6`1Aq<",
    "1O@*0`33q4{09IH0rL9+`Um<93<eDT0Rjd9@&fk$4EYH8{|@{00P_3z0Q?690rLh80`>v(`3dv}4Eg{0",
)
"""Two places of x and y for each bit, int8 in base 85: `python -m toolkit.demos.learn_pattern`."""


def comparison_pattern() -> Tensor:
    """Which two places each bit compares, (256, 2, 2) float64 x and y in px, on the host."""
    packed = bytearray(base64.b85decode("".join(_PATTERN)))
    return torch.frombuffer(packed, dtype=torch.int8).view(BITS, 2, 2).double()


def turned_offsets(pattern: Tensor, *, turns: int, stride: int) -> Tensor:
    """The pattern turned to each of `turns` directions, as distances in memory, (turns, 512) int64.

    Args:
        pattern: (256, 2, 2) float64 x, y in px, on the host.
        turns: directions on the full circle; direction 0 is the x axis, and they go towards y.
        stride: px between two rows of the picture that will be read.
    """
    angle = torch.arange(turns, dtype=torch.float64) * (2 * math.pi / turns)
    cosine, sine = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    x, y = pattern.unbind(-1)
    turned_x, turned_y = cosine * x - sine * y, sine * x + cosine * y  # (turns, 256, 2)
    flat = turned_y.round().long() * stride + turned_x.round().long()
    return flat.transpose(1, 2).reshape(turns, -1)  # first places of all bits, then second ones


def disc(stride: int) -> tuple[Tensor, Tensor]:
    """Every other pixel of the patch: distances in memory (P,) int64, x and y (P, 2) float32."""
    span = torch.arange(-PATCH_RADIUS, PATCH_RADIUS + 1)
    y, x = torch.meshgrid(span, span, indexing="ij")
    is_inside = (x * x + y * y <= PATCH_RADIUS**2) & ((x + y) % 2 == 0)
    x, y = x[is_inside], y[is_inside]
    return y * stride + x, torch.stack((x, y), -1).float()


def smoothed(picture: Tensor) -> Tensor:
    """Weighted sums over 7x7 px, (1, 1, H, W); like a Gaussian of 1.9 px, times 64. No sync.

    Three times two neighbours, 1, 2 and 3 px apart, along each axis: six additions and no
    multiplication. Of no use in the outermost 3 px, which are zero. Two allocations.
    """
    height, width = picture.shape[-2:]
    result, spare = torch.zeros_like(picture), torch.empty_like(picture)
    source, target = picture, spare
    for axis, size in ((-1, width), (-2, height)):
        for step in (1, 2, 3):
            size -= step
            one, other = source.narrow(axis, 0, size), source.narrow(axis, step, size)
            torch.add(one, other, out=target.narrow(axis, 0, size))
            source, target = target, (result if target is spare else spare)
    return result


def angles_of(picture: Tensor, place: Tensor, *, offsets: Tensor, positions: Tensor) -> Tensor:
    """Which way each patch points: from its middle to its centre of brightness, (K,) radians.

    Args:
        picture: (N,) float32, flat.
        place: (K,) int64 of the middles.
        offsets: (P,) int64, see `disc`.
        positions: (P, 2) float32, see `disc`.
    """
    around = (place[:, None] + offsets).view(-1)
    moments = picture.index_select(0, around).view(place.shape[0], -1) @ positions  # (K, 2)
    return torch.atan2(moments[:, 1], moments[:, 0])


def bits_of(picture: Tensor, place: Tensor, turn: Tensor, *, offsets: Tensor) -> Tensor:
    """Compare the places of the pattern around each point, (K, 256) bool.

    Args:
        picture: (N,) float32, flat.
        place: (K,) int64 of the middles.
        turn: (K,) int64, the direction of each.
        offsets: (turns, 512) int64, see `turned_offsets`.
    """
    around = (place[:, None] + offsets.index_select(0, turn)).view(-1)
    first, second = picture.index_select(0, around).view(place.shape[0], 2, -1).unbind(1)
    return first < second


def unpacked(descriptor: Tensor, weights: Tensor) -> Tensor:
    """Bits of (..., 32) uint8 as -1 and +1, (..., 256) float32, the lowest of a byte first.

    Args:
        descriptor: (..., 32) uint8.
        weights: (8,) uint8, 1, 2, 4 to 128.
    """
    is_set = (descriptor[..., None] & weights) != 0
    return is_set.flatten(-2).to(torch.float32) * 2 - 1
