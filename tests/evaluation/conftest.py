"""Real pairs of pictures with their flow, as one folder that the toolkit reads."""

import numpy as np
import pytest

from toolkit.evaluation import write_flo

_PICTURES = {
    "rubberwhale": ("rubberwhale1.png", "rubberwhale2.png"),
    "motorcycle": ("motorcycle_left.png", "motorcycle_right.png"),
    "00001": ("00001_img1.ppm", "00001_img2.ppm"),
}


@pytest.fixture(scope="session")
def real_pairs(test_data, tmp_path_factory):
    """RubberWhale, the stereo pair Motorcycle, and a pair of FlyingChairs, named alike."""
    source, folder = test_data / "flow", tmp_path_factory.mktemp("real_pairs")
    for name, pictures in _PICTURES.items():
        for number, picture in enumerate(pictures, start=1):
            ending = picture.rpartition(".")[2]
            (folder / f"{name}_img{number}.{ending}").symlink_to(source / picture)
    (folder / "rubberwhale_flow.flo").symlink_to(source / "rubberwhale_gt.flo")
    (folder / "00001_flow.flo").symlink_to(source / "00001_flow.flo")
    with np.load(source / "motorcycle_disp.npz") as kept:
        disparity = kept["arr_0"]
    is_valid = np.isfinite(disparity) & (disparity > 0)
    flow = np.stack([-disparity, np.zeros_like(disparity)])
    write_flo(folder / "motorcycle_flow.flo", flow, is_valid)
    return folder
