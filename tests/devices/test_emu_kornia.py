"""Every Kornia function that the stages use, and many more, give the host's result on `emu`."""

import warnings

import kornia as K  # noqa: N812 - as its documentation has it
import pytest
import torch

FEWEST = 60
SIZE = (48, 64)
# Kornia takes another kernel where the device is not the host, whose sums come in another order.
CLOSE = {"box_blur", "guided_blur", "laplacian"}


def _used_by_stages(to):
    x = to(torch.rand(1, 3, *SIZE))
    g = x[:, :1].contiguous()
    square = to(torch.ones(3, 3))
    eye = to(torch.eye(3)[None])
    return {
        "rgb_to_grayscale": lambda: K.color.rgb_to_grayscale(x),
        "adjust_brightness": lambda: K.enhance.adjust_brightness(x, 0.1),
        "adjust_contrast": lambda: K.enhance.adjust_contrast(x, 1.2),
        "adjust_saturation": lambda: K.enhance.adjust_saturation(x, 1.3),
        "adjust_gamma": lambda: K.enhance.adjust_gamma(x, 0.5),
        "equalize_clahe": lambda: K.enhance.equalize_clahe(x),
        "gftt_response": lambda: K.feature.gftt_response(g),
        "harris_response": lambda: K.feature.harris_response(g),
        "canny": lambda: K.filters.canny(x, hysteresis=False),
        "canny, linked": lambda: K.filters.canny(x),
        "gaussian_blur2d": lambda: K.filters.gaussian_blur2d(x, (5, 5), (1.5, 1.5)),
        "get_gaussian_kernel1d": lambda: K.filters.get_gaussian_kernel1d(
            5, 1.5, device=square.device
        ),
        "median_blur": lambda: K.filters.median_blur(x, (3, 3)),
        "spatial_gradient": lambda: K.filters.spatial_gradient(g),
        "unsharp_mask": lambda: K.filters.unsharp_mask(x, (3, 3), (1.5, 1.5)),
        "build_pyramid": lambda: K.geometry.build_pyramid(x, 3),
        "undistort_image": lambda: K.geometry.undistort_image(x, eye, to(torch.zeros(1, 4))),
        "distort_points": lambda: K.geometry.distort_points(
            to(torch.rand(5, 2)), eye[0], to(torch.zeros(4))
        ),
        "undistort_points": lambda: K.geometry.undistort_points(
            to(torch.rand(1, 5, 2)), eye, to(torch.zeros(1, 4))
        ),
        "resize": lambda: K.geometry.resize(x, (24, 32), antialias=True),
        "nms2d": lambda: K.geometry.nms2d(g, (3, 3)),
        "warp_perspective": lambda: K.geometry.warp_perspective(x, eye, SIZE),
        "dilation": lambda: K.morphology.dilation(x, square),
        "erosion": lambda: K.morphology.erosion(x, square),
        "opening": lambda: K.morphology.opening(x, square),
        "closing": lambda: K.morphology.closing(x, square),
        "gradient": lambda: K.morphology.gradient(x, square),
    }


def _color(to):
    x = to(torch.rand(1, 3, *SIZE))
    rgba = to(torch.rand(1, 4, *SIZE))
    g = x[:, :1].contiguous()
    chroma = to(torch.rand(1, 2, SIZE[0] // 2, SIZE[1] // 2) - 0.5)
    return {
        "rgb_to_hsv": lambda: K.color.rgb_to_hsv(x),
        "hsv_to_rgb": lambda: K.color.hsv_to_rgb(x),
        "rgb_to_hls": lambda: K.color.rgb_to_hls(x),
        "rgb_to_lab": lambda: K.color.rgb_to_lab(x),
        "lab_to_rgb": lambda: K.color.lab_to_rgb(x),
        "rgb_to_luv": lambda: K.color.rgb_to_luv(x),
        "rgb_to_yuv": lambda: K.color.rgb_to_yuv(x),
        "yuv_to_rgb": lambda: K.color.yuv_to_rgb(x),
        "yuv420_to_rgb": lambda: K.color.yuv420_to_rgb(g, chroma),
        "rgb_to_ycbcr": lambda: K.color.rgb_to_ycbcr(x),
        "ycbcr_to_rgb": lambda: K.color.ycbcr_to_rgb(x),
        "rgb_to_xyz": lambda: K.color.rgb_to_xyz(x),
        "rgb_to_linear_rgb": lambda: K.color.rgb_to_linear_rgb(x),
        "rgb_to_bgr": lambda: K.color.rgb_to_bgr(x),
        "rgba_to_rgb": lambda: K.color.rgba_to_rgb(rgba),
        "sepia": lambda: K.color.sepia(x),
        "apply_colormap": lambda: K.color.apply_colormap(
            g, K.color.ColorMap("viridis", 64, x.device)
        ),
    }


def _filters(to):
    x = to(torch.rand(1, 3, *SIZE))
    g = x[:, :1].contiguous()
    return {
        "box_blur": lambda: K.filters.box_blur(x, (3, 3)),
        "blur_pool2d": lambda: K.filters.blur_pool2d(x, 3),
        "max_blur_pool2d": lambda: K.filters.max_blur_pool2d(x, 3),
        "bilateral_blur": lambda: K.filters.bilateral_blur(x, (5, 5), 0.1, (1.5, 1.5)),
        "guided_blur": lambda: K.filters.guided_blur(x, x, (3, 3), 0.1),
        "motion_blur": lambda: K.filters.motion_blur(x, 5, 35.0, 0.5),
        "sobel": lambda: K.filters.sobel(x),
        "laplacian": lambda: K.filters.laplacian(x, 3),
        "filter2d": lambda: K.filters.filter2d(x, to(torch.rand(1, 3, 3))),
        "filter2d_separable": lambda: K.filters.filter2d_separable(
            x, to(torch.rand(1, 3)), to(torch.rand(1, 5))
        ),
        "joint_bilateral_blur": lambda: K.filters.joint_bilateral_blur(
            x, x, (3, 3), 0.1, (1.5, 1.5)
        ),
        "hessian_response": lambda: K.feature.hessian_response(g),
        "dog_response": lambda: K.feature.dog_response(to(torch.rand(1, 1, 4, *SIZE))),
        "top_hat": lambda: K.morphology.top_hat(x, to(torch.ones(3, 3))),
        "bottom_hat": lambda: K.morphology.bottom_hat(x, to(torch.ones(3, 3))),
        "connected_components": lambda: K.contrib.connected_components((g > 0.5).float(), 20),
        "distance_transform": lambda: K.contrib.distance_transform((g > 0.9).float()),
    }


def _enhance(to):
    x = to(torch.rand(1, 3, *SIZE))
    return {
        "equalize": lambda: K.enhance.equalize(x),
        "posterize": lambda: K.enhance.posterize(x, 3),
        "solarize": lambda: K.enhance.solarize(x, 0.5),
        "invert": lambda: K.enhance.invert(x),
        "sharpness": lambda: K.enhance.sharpness(x, 0.5),
        "adjust_hue": lambda: K.enhance.adjust_hue(x, 0.3),
        "adjust_log": lambda: K.enhance.adjust_log(x),
        "adjust_sigmoid": lambda: K.enhance.adjust_sigmoid(x),
        "add_weighted": lambda: K.enhance.add_weighted(x, 0.5, x, 0.4, 0.1),
        "normalize": lambda: K.enhance.normalize(x, to(torch.zeros(3)), to(torch.ones(3))),
        "normalize_min_max": lambda: K.enhance.normalize_min_max(x),
        "image_histogram2d": lambda: K.enhance.image_histogram2d(x, 0.0, 1.0, 16),
        "zca_mean": lambda: K.enhance.zca_mean(x.flatten(2)[0, :, :64].T)[1],
    }


def _geometry(to):
    x = to(torch.rand(1, 3, *SIZE))
    eye = to(torch.eye(3)[None])
    points = to(torch.rand(1, 12, 2))
    moved = points + 0.01 * to(torch.rand(1, 12, 2))
    angle = to(torch.tensor([30.0]))
    return {
        "warp_affine": lambda: K.geometry.warp_affine(x, eye[:, :2], SIZE),
        "rotate": lambda: K.geometry.rotate(x, angle),
        "translate": lambda: K.geometry.translate(x, to(torch.tensor([[1.5, 2.0]]))),
        "scale": lambda: K.geometry.scale(x, to(torch.tensor([[1.2, 0.8]]))),
        "shear": lambda: K.geometry.shear(x, to(torch.tensor([[0.1, 0.0]]))),
        "hflip": lambda: K.geometry.hflip(x),
        "pyrdown": lambda: K.geometry.pyrdown(x),
        "pyrup": lambda: K.geometry.pyrup(x),
        "remap": lambda: K.geometry.remap(
            x, to(torch.rand(1, *SIZE)) * 40, to(torch.rand(1, *SIZE)) * 40
        ),
        "crop_by_indices": lambda: K.geometry.center_crop(x, (20, 20)),
        "find_homography_dlt": lambda: K.geometry.find_homography_dlt(points, moved),
        "find_fundamental": lambda: K.geometry.find_fundamental(points, moved),
        "transform_points": lambda: K.geometry.transform_points(eye, points),
        "project_points": lambda: K.geometry.project_points(to(torch.rand(4, 3)) + 1, eye[0]),
        "depth_to_3d": lambda: K.geometry.depth_to_3d(x[:, :1] + 1, eye),
        "axis_angle_to_rotation_matrix": lambda: K.geometry.axis_angle_to_rotation_matrix(
            to(torch.tensor([[0.1, 0.2, 0.3]]))
        ),
        "spatial_soft_argmax2d": lambda: K.geometry.spatial_soft_argmax2d(x),
        "match_nn": lambda: K.feature.match_nn(points[0], moved[0]),
        "match_mnn": lambda: K.feature.match_mnn(points[0], moved[0]),
        "ssim": lambda: K.metrics.ssim(x, x, 5),
        "psnr": lambda: K.metrics.psnr(x, x * 0.9, 1.0),
    }


GROUPS = (_used_by_stages, _color, _filters, _enhance, _geometry)


def table(to):
    """All of them, by name."""
    return {name: work for group in GROUPS for name, work in group(to).items()}


def tables():
    made = []
    for device in ("cpu", "emu"):
        torch.manual_seed(0)
        made.append(table(lambda tensor, to=device: tensor.to(to)))
    return made


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return (
        [one for part in value for one in tensors(part)] if isinstance(value, (list, tuple)) else []
    )


def run(work):
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tensors(work())


@pytest.fixture(scope="module")
def results():
    from toolkit.devices import emu

    emu.enable()
    here, there = tables()
    return {name: (run(here[name]), run(there[name])) for name in here}


def test_there_are_enough_of_them(results):
    assert len(results) >= FEWEST


def test_all_that_the_stages_use_are_among_them(repository, results):
    words = set()
    for path in (repository / "toolkit" / "stages").glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "kornia." in line and "import" in line:
                words |= {one.strip(" ,()") for one in line.partition("import")[2].split(",")}
    used = {one for one in words if one and one[0].islower() and one not in ("kornia",)}
    known = {name.partition(",")[0] for name in results}
    assert used - known - {"morphology"} == set()


def test_their_results_stay_on_the_device(results):
    devices = {name: {one.device.type for one in there} for name, (_, there) in results.items()}
    assert {name: where for name, where in devices.items() if where != {"emu"}} == {}


def test_their_results_are_the_host_s(results):
    different = []
    for name, (here, there) in results.items():
        pairs = list(zip(here, there, strict=True))
        if name in CLOSE:
            is_same = all(torch.allclose(a, b.cpu(), atol=1e-6) for a, b in pairs)
        else:
            is_same = all(torch.equal(a, b.cpu()) for a, b in pairs)
        if not pairs or not is_same:
            different.append(name)
    assert different == []
