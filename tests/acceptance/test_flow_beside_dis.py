"""Is `flow` at `balanced` no less accurate than OpenCV's DIS, preset medium?"""

import pytest
import torch

from toolkit.stages import flow, pyramid

cv2 = pytest.importorskip("cv2")


@pytest.fixture
def both_errors(run):
    """End-point errors of both where the flow is known, px."""

    def measure(pair):
        after, before = (run(pyramid, one, levels=3) for one in (pair.after, pair.before))
        ours = run(flow, after, before, preset="balanced")[0]
        dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        pictures = [(one[0, 0] * 255).round().byte().numpy() for one in (pair.before, pair.after)]
        theirs = torch.from_numpy(dis.calc(*pictures, None)).permute(2, 0, 1)
        return [(one - pair.flow).norm(dim=0)[pair.is_known] for one in (ours, theirs)]

    return measure


@pytest.fixture
def assert_as_good(record_property):
    def check(ours, theirs):
        for name in ("median", "mean"):
            px, rival_px = (float(getattr(of, name)()) for of in (ours, theirs))
            record_property(f"{name} px, ours and DIS", f"{px:.4f} {rival_px:.4f}")
            assert px <= rival_px

    return check


def test_on_drawn_scenes(both_errors, drawn, assert_as_good):
    assert_as_good(*(torch.cat(of) for of in zip(*map(both_errors, drawn), strict=True)))


@pytest.mark.parametrize("name", ["RubberWhale", "Motorcycle", "Flying Chair"])
def test_on_a_real_pair(both_errors, real, assert_as_good, name):
    assert_as_good(*both_errors(real(name)))
