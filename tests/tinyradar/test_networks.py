"""The networks: published sizes, what their forms promise, and the way through microformer."""

import numpy as np
import pytest
import torch

import microformer
from tinyradar.dataset.cache import Dataset
from tinyradar.models import FRAMES_SHAPE, MODELS, PUBLISHED, SHAPES, find
from tinyradar.models.frames import FrameStem
from tinyradar.models.tinyradarnn import TinyRadarNN
from tinyradar.models.transformer import Attention, RadarTransformer, Stem
from tinyradar.reproduce.measure import float_model, matrix_bytes


def test_tinyradarnn_is_of_the_published_size() -> None:
    network = TinyRadarNN()
    assert sum(p.numel() for p in network.parameters()) == 45_756
    assert network.frame(torch.zeros(1, 2, 32, 492)).shape == (1, 384)


def test_tinyradarnn_frame_by_frame_is_tinyradarnn() -> None:
    torch.manual_seed(0)
    network, x = TinyRadarNN().eval(), torch.rand(2, 5, 32, 492, 2)
    with torch.no_grad():
        assert torch.allclose(network(x), network.steps(x)[:, -1], atol=1e-6)


def test_tinyradarnn_is_causal() -> None:
    torch.manual_seed(0)
    network, x = TinyRadarNN().eval(), torch.rand(1, 5, 32, 492, 2)
    later = x.clone()
    later[:, 3:] = 0
    with torch.no_grad():
        before, after = network.steps(x)[0], network.steps(later)[0]
    assert torch.allclose(before[:3], after[:3], atol=1e-6)
    assert not torch.allclose(before[3:], after[3:], atol=1e-6)


def test_the_published_attention_layer() -> None:
    shape = PUBLISHED
    assert (shape.tokens, shape.width, shape.head_dim, shape.heads) == (32, 64, 64, 16)
    layer = Attention(shape.width, shape.heads, shape.head_dim)
    assert sum(p.numel() for p in layer.parameters() if p.dim() == 2) == 262_144
    assert matrix_bytes(RadarTransformer(shape)) <= 264 * 1024


@pytest.mark.parametrize("name", SHAPES)
def test_no_token_sees_another_doppler_band_in_the_stem(name: str) -> None:
    torch.manual_seed(0)
    shape = SHAPES[name]
    stem, x = Stem(shape, 2).eval(), torch.rand(1, 5, 32, 246, 2)
    changed = x.clone()
    changed[:, 2, 16:20] += 1.0
    with torch.no_grad():
        differs = (stem(x) != stem(changed)).reshape(*shape.grid, 5, shape.wide)
    band = 32 // shape.grid[0]
    seen = sorted({(int(d) * band, int(f)) for d, _, f, _ in differs.nonzero()})
    assert seen == [(d, 2) for d in range(16 - 16 % band, 20, band)]


def test_a_token_is_its_frame() -> None:
    """What lies inside of a frame reaches its own token only; at its edge the next one too."""
    torch.manual_seed(0)
    stem, x = FrameStem(FRAMES_SHAPE, 2).eval(), torch.rand(1, 5, 32, 123, 2)
    with torch.no_grad():
        for rows, tokens in ((slice(8, 24), [2]), (slice(30, 32), [2, 3])):
            changed = x.clone()
            changed[:, 2, rows] += 1.0
            differs = (stem(x) != stem(changed)).any(dim=-1)[0]
            assert differs.nonzero().flatten().tolist() == tokens
    assert stem(x).shape == (1, 5, FRAMES_SHAPE.features)


def test_order_of_relu_and_maximum_does_not_matter() -> None:
    stem, x = FrameStem(FRAMES_SHAPE, 2), torch.randn(2, 5, 32, 123, 2)
    with torch.no_grad():
        assert torch.equal(stem.train()(x), stem.eval()(x))


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_the_same_in_microformer_and_bit_exact(name: str, data: Dataset) -> None:
    model = find(name)
    torch.manual_seed(0)
    network = model.build(12, 2).eval()
    loaded = float_model(network, model, data)
    x = model.reader.inputs(data.x[:4])
    compiled = microformer.compile(loaded, x, "host")
    report = microformer.run(compiled, x, data.y[:4], count=1)
    assert report.bit_exact and report.samples_run == 1
    with torch.no_grad():
        right = network(torch.from_numpy(x)).argmax(dim=1).numpy() == data.y[:4]
    assert report.accuracy_float == pytest.approx(np.mean(right))
    # weights of the five frames are stored once
    assert report.weight_bytes < 1.25 * matrix_bytes(network)
