"""The cases of `benches/steps.rs` in PyTorch: eager with the optimizer's defaults, or with its fused Adam.

    python torch_peer.py [threads] [part of a case's name] [--variant eager|fused]
"""
from common import SIZES, Cases, options

chosen = options(["eager", "fused"])
import torch                                                       # noqa: E402
import torch.nn as nn                                              # noqa: E402
import torch.nn.functional as F                                    # noqa: E402

torch.set_num_threads(chosen.threads)
cases = Cases("torch " + chosen.variant, chosen)
FUSED = {"fused": True} if chosen.variant == "fused" else {}


def auto_encoder():
    return nn.Sequential(*(part for sizes in SIZES for part in (nn.Linear(*sizes), nn.Sigmoid())))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 16, 5), nn.Conv2d(16, 32, 5)
        self.f1, self.f2 = nn.Linear(512, 120), nn.Linear(120, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.c1(x), 2))
        x = F.relu(F.max_pool2d(self.c2(x), 2))
        return self.f2(F.relu(self.f1(x.flatten(1))))


class Block(nn.Module):
    def __init__(self, width=128, heads=4, hidden=512):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        batch, places, width = x.shape
        q, k, v = self.qkv(self.n1(x)).view(batch, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, places, width)
        x = x + self.out(seen)
        return x + self.down(F.gelu(self.up(self.n2(x)), approximate="tanh"))


def train(case, make, loss_of, optimizer=lambda params: torch.optim.Adam(params, lr=1e-3, **FUSED)):
    if not cases.wants(case):
        return
    model = make()
    update = optimizer(model.parameters())

    def step():
        update.zero_grad(set_to_none=True)
        loss_of(model).backward()
        update.step()
    cases.report(case, step)


def chain(depth):
    parts = (part for _ in range(depth // 2) for part in (nn.Linear(64, 64), nn.Tanh()))
    return nn.Sequential(*parts)


def elementwise(exponent):
    case = f"elementwise loss, 10^{exponent}"
    if not cases.wants(case):
        return
    a, b = (torch.empty(10 ** exponent).uniform_(-1, 1).requires_grad_() for _ in range(2))

    def step():
        d = a - b
        loss = torch.mean(torch.log(torch.cosh(d)) + 0.1 * torch.sqrt(d ** 2 + 1e-6) * torch.exp(-torch.abs(b)))
        torch.autograd.grad(loss, (a, b))
    cases.report(case, step)


for batch in (64, 256):
    x = torch.rand(batch, 784)
    train(f"auto-encoder, batch {batch}", auto_encoder, lambda model, x=x: torch.mean(torch.pow(model(x) - x, 2)))
images, labels = torch.rand(64, 1, 28, 28), torch.randint(0, 10, (64,))
train("LeNet, batch 64", LeNet, lambda model: F.cross_entropy(model(images), labels))
for exponent in (6, 4):
    elementwise(exponent)
for batch in (1, 256):
    case = f"auto-encoder applied, batch {batch}"
    if cases.wants(case):
        with torch.inference_mode():
            model, x = auto_encoder().eval(), torch.rand(batch, 784)
            cases.report(case, lambda: model(x))
rows = torch.rand(32, 64)
for depth in (200, 2000):
    train(f"chain of {depth} layers, batch 32", lambda depth=depth: chain(depth),
          lambda model: torch.mean(torch.square(model(rows))), lambda params: torch.optim.SGD(params, lr=1e-3))
places, target = torch.rand(8, 64, 128), torch.rand(8, 64, 128)
train("transformer block, batch 8", Block, lambda model: torch.mean(torch.pow(model(places) - target, 2)))
