"""Operations that bills are held against, named before they were tried.

`table()` makes them: a name, and a call without arguments. They run in a child process that has the
counter preloaded, so nothing here may depend on a test runner.
"""

import copy
import io

import kornia as K  # noqa: N812 - as its documentation has it
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody has it
from torch.utils.checkpoint import checkpoint

SIZE = (120, 160)


def _kornia():
    x = torch.rand(1, 3, *SIZE)
    g = x[:, :1].contiguous()
    eye = torch.eye(3)[None]
    square = torch.ones(3, 3)
    camera = torch.eye(3)[None]
    return {
        "K.rgb_to_grayscale": lambda: K.color.rgb_to_grayscale(x),
        "K.rgb_to_hsv": lambda: K.color.rgb_to_hsv(x),
        "K.rgb_to_lab": lambda: K.color.rgb_to_lab(x),
        "K.rgb_to_yuv": lambda: K.color.rgb_to_yuv(x),
        "K.rgb_to_ycbcr": lambda: K.color.rgb_to_ycbcr(x),
        "K.gaussian_blur2d": lambda: K.filters.gaussian_blur2d(x, (5, 5), (1.5, 1.5)),
        "K.box_blur": lambda: K.filters.box_blur(x, (3, 3)),
        "K.median_blur": lambda: K.filters.median_blur(x, (3, 3)),
        "K.bilateral_blur": lambda: K.filters.bilateral_blur(x, (5, 5), 0.1, (1.5, 1.5)),
        "K.unsharp_mask": lambda: K.filters.unsharp_mask(x, (3, 3), (1.5, 1.5)),
        "K.sobel": lambda: K.filters.sobel(x),
        "K.laplacian": lambda: K.filters.laplacian(x, 3),
        "K.spatial_gradient": lambda: K.filters.spatial_gradient(g),
        "K.canny": lambda: K.filters.canny(x, hysteresis=False),
        "K.canny, linked": lambda: K.filters.canny(x),
        "K.gftt_response": lambda: K.feature.gftt_response(g),
        "K.harris_response": lambda: K.feature.harris_response(g),
        "K.nms2d": lambda: K.geometry.nms2d(g, (3, 3)),
        "K.equalize_clahe": lambda: K.enhance.equalize_clahe(x),
        "K.equalize": lambda: K.enhance.equalize(x),
        "K.adjust_gamma": lambda: K.enhance.adjust_gamma(x, 0.5),
        "K.normalize": lambda: K.enhance.normalize(x, torch.zeros(3), torch.ones(3)),
        "K.dilation": lambda: K.morphology.dilation(x, square),
        "K.opening": lambda: K.morphology.opening(x, square),
        "K.warp_perspective": lambda: K.geometry.warp_perspective(x, eye, (90, 120)),
        "K.warp_affine": lambda: K.geometry.warp_affine(x, eye[:, :2], (90, 120)),
        "K.rotate": lambda: K.geometry.rotate(x, torch.tensor([30.0])),
        "K.resize": lambda: K.geometry.resize(x, (60, 80), antialias=True),
        "K.pyrdown": lambda: K.geometry.pyrdown(x),
        "K.undistort_image": lambda: K.geometry.undistort_image(x, camera, torch.zeros(1, 4)),
        "K.find_homography_dlt": lambda: K.geometry.find_homography_dlt(
            torch.rand(1, 8, 2), torch.rand(1, 8, 2)
        ),
        "K.ssim": lambda: K.metrics.ssim(x, x, 5),
    }


def _pointwise():
    x = torch.rand(1, 3, *SIZE)
    return {
        "add": lambda: x + x,
        "mul, broadcast": lambda: x * x[:, :1],
        "exp": lambda: x.exp(),
        "clamp": lambda: x.clamp(0.2, 0.8),
        "where": lambda: torch.where(x > 0.5, x, 0.0),
        "lerp": lambda: torch.lerp(x, x, 0.5),
        "sum": lambda: x.sum(),
        "mean over axes": lambda: x.mean((2, 3)),
        "var": lambda: x.var(),
        "cumsum": lambda: x.cumsum(-1),
        "softmax": lambda: x.softmax(-1),
        "logsumexp": lambda: x.logsumexp(-1),
        "to double": lambda: x.double(),
        "to bytes": lambda: (x * 255).to(torch.uint8),
        "clone": lambda: x.clone(),
        "contiguous": lambda: x.permute(0, 2, 3, 1).contiguous(),
        "cat": lambda: torch.cat([x, x]),
        "stack": lambda: torch.stack([x, x]),
        "tensor of a list": lambda: torch.tensor([1.0, 2.0, 3.0]),
    }


def _layers():
    x = torch.rand(1, 3, *SIZE)
    kernel, wide = torch.rand(8, 3, 5, 5), torch.rand(3, 1, 5, 5)
    up = torch.rand(3, 8, 2, 2)
    batch = torch.nn.BatchNorm2d(3)
    words = torch.rand(10, 2, 32)
    lstm, gru = torch.nn.LSTM(32, 16, num_layers=2), torch.nn.GRU(32, 16, bidirectional=True)
    attention = torch.nn.MultiheadAttention(32, 4)
    table = torch.nn.Embedding(100, 16)
    return {
        "conv2d": lambda: F.conv2d(x, kernel),
        "conv2d, padded": lambda: F.conv2d(x, kernel, padding=2, stride=2),
        "conv2d, depthwise": lambda: F.conv2d(x, wide, groups=3),
        "conv1d": lambda: F.conv1d(words, torch.rand(4, 2, 3)),
        "conv3d": lambda: F.conv3d(x[None], torch.rand(2, 1, 1, 3, 3)),
        "conv_transpose2d": lambda: F.conv_transpose2d(x, up),
        "max_pool2d": lambda: F.max_pool2d(x, 2),
        "avg_pool2d": lambda: F.avg_pool2d(x, 2),
        "adaptive_avg_pool2d": lambda: F.adaptive_avg_pool2d(x, 7),
        "interpolate": lambda: F.interpolate(x, (60, 80), mode="bilinear"),
        "interpolate, cubic": lambda: F.interpolate(x, (60, 80), mode="bicubic"),
        "grid_sample": lambda: F.grid_sample(x, torch.zeros(1, 60, 80, 2), align_corners=False),
        "unfold": lambda: F.unfold(x, 3),
        "pad, reflected": lambda: F.pad(x, (2, 2, 2, 2), mode="reflect"),
        "batch_norm": lambda: batch(x),
        "group_norm": lambda: F.group_norm(x, 3),
        "layer_norm": lambda: F.layer_norm(x, SIZE[1:]),
        "linear": lambda: F.linear(words, torch.ones(16, 32)),
        "embedding": lambda: table(torch.arange(50)),
        "dropout": lambda: F.dropout(x, 0.5),
        "LSTM": lambda: lstm(words),
        "GRU": lambda: gru(words),
        "MultiheadAttention": lambda: attention(words, words, words),
        "scaled_dot_product_attention": lambda: F.scaled_dot_product_attention(words, words, words),
    }


def _algebra():
    g = torch.rand(*SIZE)
    small = torch.rand(32, 32)
    positive = small @ small.T + torch.eye(32)
    batches = torch.rand(8, 16, 16)
    return {
        "matmul": lambda: g @ g.T,
        "bmm": lambda: batches @ batches,
        "einsum": lambda: torch.einsum("bij,bjk->bik", batches, batches),
        "svd": lambda: torch.linalg.svd(small),
        "eigh": lambda: torch.linalg.eigh(positive),
        "qr": lambda: torch.linalg.qr(small),
        "cholesky": lambda: torch.linalg.cholesky(positive),
        "solve": lambda: torch.linalg.solve(small, small),
        "inv": lambda: torch.linalg.inv(small),
        "lstsq": lambda: torch.linalg.lstsq(small, small),
        "det": lambda: torch.linalg.det(batches),
        "rfft2": lambda: torch.fft.rfft2(g),
        "fft": lambda: torch.fft.fft(g),
        "irfft2": lambda: torch.fft.irfft2(torch.fft.rfft2(g)),
        "stft": lambda: torch.stft(g.flatten(), 256, window=torch.ones(256), return_complex=True),
    }


def _order():
    x = torch.rand(1, 3, *SIZE)
    flat = x.flatten()
    places = torch.arange(0, 1000, 3)
    counts = torch.arange(1000) % 17
    return {
        "sort": lambda: flat.sort(),
        "sort, short rows": lambda: x.sort(-1),
        "argsort": lambda: flat.argsort(),
        "topk": lambda: flat.topk(100),
        "kthvalue": lambda: flat.kthvalue(100),
        "median": lambda: flat.median(),
        "quantile": lambda: flat.quantile(0.5),
        "unique": lambda: counts.unique(),
        "bincount": lambda: counts.bincount(),
        "histc": lambda: flat.histc(64),
        "searchsorted": lambda: torch.searchsorted(flat[:100].sort()[0], flat),
        "nonzero": lambda: (x > 0.5).nonzero(),
        "mask": lambda: x[x > 0.5],
        "masked_fill": lambda: x.masked_fill(x > 0.5, 0.0),
        "index by tensor": lambda: flat[places],
        "index_select": lambda: x.index_select(3, places[:50] // 10),
        "gather": lambda: flat.gather(0, places),
        "scatter_add": lambda: torch.zeros(17).scatter_add(0, counts, flat[:1000]),
        "index_put": lambda: flat.clone().index_put_((places,), torch.ones(())),
        "roll": lambda: x.roll(3, -1),
        "flip": lambda: x.flip(-1),
        "item": lambda: flat[3].item(),
        "tolist": lambda: flat[:10].tolist(),
        "print": lambda: repr(flat[:10]),
    }


def _modes():
    x = torch.rand(1, 3, *SIZE)
    weights = torch.rand(64, 64, requires_grad=True)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters())

    def backward():
        weights.grad = None
        (weights @ weights).sum().backward()

    def train():
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    @torch.inference_mode()
    def infer():
        K.filters.canny(x, hysteresis=False)

    @torch.no_grad()
    def without_grad():
        model(x)

    return {
        "backward": backward,
        "training step": train,
        "grad": lambda: torch.autograd.grad((weights**2).sum(), weights),
        "double backward": lambda: torch.autograd.grad(
            torch.autograd.grad((weights**3).sum(), weights, create_graph=True)[0].sum(), weights
        ),
        "vmap": lambda: torch.func.vmap(torch.linalg.det)(x[0, :, :16, :16]),
        "jacrev": lambda: torch.func.jacrev(lambda one: one.sin())(x[0, 0, 0, :8]),
        "inference_mode": infer,
        "no_grad": without_grad,
    }


def _losses():
    x, y = torch.rand(64, 64), torch.rand(64, 64)
    classes = torch.randint(0, 10, (64,))
    spoken = torch.rand(20, 2, 5).log_softmax(2)
    twenty, five = torch.tensor([20, 20]), torch.tensor([5, 5])
    return {
        "cross_entropy": lambda: F.cross_entropy(x, classes),
        "nll_loss": lambda: F.nll_loss(x, classes),
        "mse_loss": lambda: F.mse_loss(x, y),
        "binary_cross_entropy": lambda: F.binary_cross_entropy(x, y),
        "ctc_loss": lambda: F.ctc_loss(spoken, torch.ones(2, 5, dtype=torch.long), twenty, five),
        "cosine_similarity": lambda: F.cosine_similarity(x, y),
        "cdist": lambda: torch.cdist(x, y),
        "pdist": lambda: F.pdist(x),
        "gelu": lambda: F.gelu(x),
        "glu": lambda: F.glu(x),
        "one_hot": lambda: F.one_hot(classes),
        "embedding_bag": lambda: F.embedding_bag(classes[None], x),
        "fold": lambda: F.fold(F.unfold(x[None, None], 3), (64, 64), 3),
        "pixel_shuffle": lambda: F.pixel_shuffle(x.view(1, 4, 32, 32), 2),
        "instance_norm": lambda: F.instance_norm(x.view(1, 4, 32, 32)),
        "local_response_norm": lambda: F.local_response_norm(x.view(1, 4, 32, 32), 2),
        "affine_grid": lambda: F.affine_grid(torch.rand(1, 2, 3), (1, 1, 5, 5)),
    }


def _more_algebra():
    x, v = torch.rand(64, 64), torch.rand(500)
    return {
        "svdvals": lambda: torch.linalg.svdvals(x),
        "norm": lambda: torch.linalg.norm(x),
        "nuclear norm": lambda: x.norm("nuc"),
        "matrix_norm": lambda: torch.linalg.matrix_norm(x, 2),
        "matrix_rank": lambda: torch.linalg.matrix_rank(x),
        "matrix_power": lambda: torch.linalg.matrix_power(x, 5),
        "matrix_exp": lambda: torch.matrix_exp(x),
        "cond": lambda: torch.linalg.cond(x),
        "eig": lambda: torch.linalg.eig(x),
        "eigvals": lambda: torch.linalg.eigvals(x),
        "lu": lambda: torch.linalg.lu(x),
        "pinv": lambda: torch.linalg.pinv(x),
        "kron": lambda: torch.kron(x[:4, :4], x[:4, :4]),
        "outer": lambda: v.outer(v),
        "cov": lambda: x.cov(),
        "half": lambda: x.half() @ x.half(),
        "bfloat16": lambda: x.bfloat16().sum(),
        "sparse": lambda: torch.sparse.mm(x.to_sparse(), x),
        "quantize": lambda: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8),
        "istft": lambda: torch.istft(
            torch.stft(v, 64, window=torch.ones(64), return_complex=True),
            64,
            window=torch.ones(64),
        ),
    }


def _more_order():
    x, v = torch.rand(64, 64), torch.rand(500)
    classes = torch.randint(0, 10, (64,))

    def put_by_mask():
        y = x.clone()
        y[x > 0.5] = 0.0

    def put_by_list():
        y = x.clone()
        y[[3, 5]] = 1.0

    return {
        "nanquantile": lambda: v.nanquantile(0.3),
        "histogram": lambda: v.histogram(10),
        "mode": lambda: classes.mode(),
        "cummax": lambda: x.cummax(0),
        "aminmax": lambda: x.aminmax(),
        "std_mean": lambda: torch.std_mean(x),
        "isin": lambda: torch.isin(classes, classes[:3]),
        "allclose": lambda: torch.allclose(x, x),
        "equal": lambda: torch.equal(x, x.clone()),
        "unique_consecutive": lambda: classes.unique_consecutive(),
        "multinomial": lambda: x.multinomial(5),
        "randperm": lambda: torch.randperm(1000),
        "normal": lambda: torch.normal(x, x),
        "repeat_interleave": lambda: x.repeat_interleave(classes, 0),
        "take_along_dim": lambda: x.take_along_dim(classes[:, None], 1),
        "masked_scatter": lambda: x.masked_scatter(x > 0.5, x),
        "put by a mask": put_by_mask,
        "put by a list": put_by_list,
        "tensor_split": lambda: v.tensor_split(torch.tensor([3, 5])),
        "diff": lambda: v.diff(),
        "gradient": lambda: torch.gradient(v),
        "combinations": lambda: torch.combinations(v[:20]),
        "tril": lambda: x.tril(),
        "meshgrid": lambda: torch.meshgrid(v[:5], v[:6], indexing="ij"),
        "arange": lambda: torch.arange(100),
        "out=": lambda: torch.add(x, x, out=torch.empty(64, 64)),
        "foreach": lambda: torch._foreach_add([x, v], 1.0),
        "bool": lambda: bool(x[0, 0] > 0),
        "floats": lambda: [float(one) for one in v[:4]],
        "deepcopy": lambda: copy.deepcopy(x),
        "save": lambda: torch.save(x, io.BytesIO()),
    }


def _more_modes():
    weights = torch.rand(64, 64, requires_grad=True)
    sequence = torch.rand(5, 3, 8)
    packed = torch.nn.utils.rnn.pack_padded_sequence(sequence, torch.tensor([5, 4, 2]))
    rnn, lstm, cell = torch.nn.RNN(8, 8), torch.nn.LSTM(8, 8), torch.nn.GRUCell(8, 8)
    encoder = torch.nn.TransformerEncoderLayer(16, 2, batch_first=True).eval()
    optimizer = torch.optim.SGD([weights], momentum=0.9, lr=1e-9)

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values):
            result = values.exp()
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx, gradient):
            return gradient * ctx.saved_tensors[0]

    def own():
        weights.grad = None
        Own.apply(weights).sum().backward()

    def accumulate():
        weights.grad = None
        weights.sum().backward()
        weights.sin().sum().backward()

    def again():
        weights.grad = None
        checkpoint(lambda one: (one @ one).sin(), weights, use_reentrant=False).sum().backward()

    def step():
        weights.sin().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    return {
        "RNN": lambda: rnn(sequence),
        "LSTM, packed": lambda: lstm(packed),
        "GRUCell": lambda: cell(sequence[0]),
        "TransformerEncoderLayer": lambda: encoder(torch.rand(2, 5, 16)),
        "a function of one's own": own,
        "gradients of two calls": accumulate,
        "checkpoint": again,
        "SGD": step,
        "clip_grad_norm_": lambda: torch.nn.utils.clip_grad_norm_([weights], 1.0),
    }


GROUPS = (
    _kornia,
    _pointwise,
    _layers,
    _losses,
    _algebra,
    _more_algebra,
    _order,
    _more_order,
    _modes,
    _more_modes,
)


def table():
    """All of them, by name."""
    return {name: work for group in GROUPS for name, work in group().items()}
