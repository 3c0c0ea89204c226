"""What does each stage take? The same on every frame; nothing uploaded, no input changed."""

import pytest
import torch
from torch.overrides import TorchFunctionMode

from toolkit.stages import crop, resize
from toolkit.stages.declare import Pointwise, Stencil

HEIGHT, WIDTH = 192, 256

UPLOADS = {"tensor", "as_tensor", "asarray", "from_numpy", "new_tensor"}
CONSTANTS = {"arange", "linspace", "eye", "full", "ones", "meshgrid", "tril_indices"}
DOWNLOADS = {"item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__", "equal"}


class Forbid(TorchFunctionMode):
    """Fails when a function with one of these names is called."""

    def __init__(self, names):
        super().__init__()
        self.names = names

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        assert name not in self.names, f"apply called {name}"
        return func(*args, **(kwargs or {}))


def test_apply_uploads_nothing_and_builds_no_constants(case, inputs_of, constants_for):
    inputs = inputs_of(case)
    constants = constants_for(case, *inputs)
    with Forbid(UPLOADS | CONSTANTS):
        case.stage(*inputs, **constants)


def test_apply_reads_nothing_back_unless_it_declares_that_it_syncs(case, inputs_of, constants_for):
    inputs = inputs_of(case)
    constants = constants_for(case, *inputs)
    if case.stage.syncs:
        with pytest.raises(AssertionError, match="apply called"), Forbid(DOWNLOADS):
            case.stage(*inputs, **constants)
    else:
        with Forbid(DOWNLOADS):
            case.stage(*inputs, **constants)


def test_inputs_and_constants_are_never_written(case, inputs_of, constants_for, tensors_in):
    inputs = inputs_of(case)
    constants = constants_for(case, *inputs)
    kept = [*tensors_in(inputs), *tensors_in(constants)]
    versions, copies = [one._version for one in kept], [one.clone() for one in kept]
    case.stage(*inputs, **constants)
    assert [one._version for one in kept] == versions
    assert all(torch.equal(one, copy) for one, copy in zip(kept, copies, strict=True))


def test_every_frame_allocates_the_same(case, inputs_of, constants_for, allocated):
    first, second = inputs_of(case), inputs_of(case)
    constants = constants_for(case, *first)
    if not case.stage.syncs:
        bill = allocated(lambda: case.stage(*first, **constants))
        assert allocated(lambda: case.stage(*second, **constants)) == bill


def test_planes_are_allocated_as_often_as_the_table_says(case, inputs_of, constants_for, allocated):
    inputs = inputs_of(case)
    constants = constants_for(case, *inputs)
    half_a_plane = 4 * HEIGHT * WIDTH // 2
    sizes = allocated(lambda: case.stage(*inputs, **constants), at_least=half_a_plane)
    assert case.planes is None or len(sizes) == case.planes


def test_a_handle_costs_nothing(allocated):
    picture = torch.rand(1, 3, HEIGHT, WIDTH)
    assert allocated(lambda: crop(picture, rows=slice(8, 40), columns=slice(0, 64))) == []
    same = {"size": (HEIGHT, WIDTH), "mode": "bilinear", "antialias": True}
    assert allocated(lambda: resize(picture, **same)) == []


def test_results_are_contiguous_or_views(case, inputs_of, constants_for, tensors_in):
    inputs = inputs_of(case)
    results = tensors_in(case.stage(*inputs, **constants_for(case, *inputs)))
    owned = {one.untyped_storage().data_ptr() for one in tensors_in(inputs)}
    for result in results:
        assert result.is_contiguous() or result.untyped_storage().data_ptr() in owned


def test_results_need_no_gradient_and_are_finite(case, inputs_of, constants_for, tensors_in):
    inputs = inputs_of(case)
    for result in tensors_in(case.stage(*inputs, **constants_for(case, *inputs))):
        assert not result.requires_grad
        assert torch.isfinite(result).all()


def radius_of(footprint):
    return 0 if isinstance(footprint, Pointwise) else footprint.radius


@pytest.mark.parametrize("place", [(40, 50), (0, 0), (191, 255), (1, 254), (191, 60)])
def test_a_pixel_changes_the_result_only_within_the_declared_footprint(
    case, place, inputs_of, constants_for
):
    footprint = case.stage.footprint
    if not isinstance(footprint, Pointwise | Stencil) or case.stage.name == "crop":
        return
    y, x = place
    inputs = inputs_of(case)
    constants = constants_for(case, *inputs)
    before = case.stage(*inputs, **constants)
    for index, one in enumerate(inputs):
        changed = one.clone()
        if case.rotation:
            continue  # a turned pixel lies elsewhere; the turn itself is tested with the stage
        if case.inputs[index] == "pixels":
            changed[..., y, x] = 255 - changed[..., y, x]
            if case.pixel_format == "i420":  # and its two colours, as stored
                chroma = changed[HEIGHT:].view(2, HEIGHT // 2, WIDTH // 2)[:, y // 2, x // 2]
                chroma.copy_(255 - chroma)
        else:
            changed[..., y, x] = 1 - changed[..., y, x]
        after = case.stage(*inputs[:index], changed, *inputs[index + 1 :], **constants)
        rows, columns = torch.nonzero((after != before).flatten(0, 1).any(0), as_tuple=True)
        reach = radius_of(footprint)
        assert all(abs(row - y) <= reach for row in rows.tolist())
        assert all(abs(column - x) <= reach for column in columns.tolist())
