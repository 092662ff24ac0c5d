"""Writes the networks beside this file that PyTorch exports, each with inputs, and what ONNX Runtime makes of them.

    python networks.py          (torch, onnx, onnxruntime, numpy)

They are small, and their weights are random: what counts is the graph that PyTorch writes.
"""
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from operators import HERE, keep

warnings.filterwarnings("ignore")


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 5, padding=2), nn.Conv2d(3, 4, 3)
        self.fc1, self.fc2 = nn.Linear(16, 8), nn.Linear(8, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.relu(self.fc1(x.view(x.size(0), -1)))
        return F.log_softmax(self.fc2(x), 1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv1, self.norm1 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.short, self.down = nn.Conv2d(4, 6, 1, stride=2), nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        x = torch.relu(self.stem_norm(self.stem(x)))
        x = torch.relu(x + self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))
        x = torch.relu(self.short(x) + self.down(x))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Attention(nn.Module):
    def __init__(self, width=8, heads=2, words=11, steps=6):
        super().__init__()
        self.heads = heads
        self.embed, self.place = nn.Embedding(words, width), nn.Parameter(torch.randn(steps, width) / 10)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.join = nn.Linear(width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 16), nn.Linear(16, width)
        self.head = nn.Linear(width, 3)

    def forward(self, words):
        x = self.embed(words) + self.place
        n, steps, width = x.shape
        apart = lambda z: z.view(n, steps, self.heads, width // self.heads).transpose(1, 2)  # noqa: E731
        y = self.norm1(x)
        q, k, v = apart(self.query(y)), apart(self.key(y)), apart(self.value(y))
        seen = torch.softmax(q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5, -1) @ v
        x = x + self.join(seen.transpose(1, 2).reshape(n, steps, width))
        x = x + self.down(F.gelu(self.up(self.norm2(x))))
        return self.head(x.mean(1))


class Encoder(nn.Module):
    """PyTorch's own layers, which put the samples second and count them into other axes."""

    def __init__(self, width=8):
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        return self.head(self.encoder(x)[:, 0])


class Recurrent(nn.Module):
    def __init__(self, layer, **options):
        super().__init__()
        self.embed, self.rnn = nn.Embedding(12, 5), layer(5, 4, batch_first=True, **options)
        self.fc = nn.Linear(8 if options.get("bidirectional") else 4, 3)

    def forward(self, words):
        return self.fc(self.rnn(self.embed(words))[0][:, -1])


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.up, self.merge = nn.ConvTranspose2d(4, 3, 2, stride=2), nn.Conv2d(6, 3, 3, padding=1)
        self.out = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        fine = F.leaky_relu(self.down1(x), 0.2)
        coarse = torch.relu(self.down2(F.max_pool2d(fine, 2)))
        return torch.sigmoid(self.out(F.elu(self.merge(torch.cat([fine, self.up(coarse)], 1)))))


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(-1))


# Name, network, one input, version of the operators, and whether the number of samples stays open.
CASES = [
    ("mlp", mlp, (6,), 17, True),
    ("lenet", LeNet, (1, 12, 12), 17, True),
    ("residual", Residual, (3, 8, 8), 17, True),
    ("attention", Attention, 11, 17, True),
    ("attention_fixed", Attention, 11, 13, False),
    ("encoder", Encoder, (4, 8), 17, True),
    ("lstm", lambda: Recurrent(nn.LSTM), 12, 17, True),
    ("lstm_both_ways", lambda: Recurrent(nn.LSTM, bidirectional=True, num_layers=2), 12, 14, False),
    ("gru", lambda: Recurrent(nn.GRU), 12, 17, True),
    ("unet", UNet, (1, 8, 8), 17, True),
]


def main():
    for name, make, given, version, is_open in CASES:
        torch.manual_seed(0)
        network = make()
        for weight in network.parameters():
            nn.init.normal_(weight, std=0.4)
        words = isinstance(given, int)
        x = torch.randint(0, given, (2, 6)) if words else torch.randn(2, *given)
        if name == "residual":
            for _ in range(5):
                network(2 * torch.randn(8, *given) + 1)
        network.eval()
        path = HERE / f"{name}.onnx"
        keeps = torch.onnx.TrainingMode.PRESERVE if name == "residual" else torch.onnx.TrainingMode.EVAL
        torch.onnx.export(network, (x,), str(path), dynamo=False, opset_version=version, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}} if is_open else None, training=keeps)
        keep(path, {"x": np.asarray(x)})
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
