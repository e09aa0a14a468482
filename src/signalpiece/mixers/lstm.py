"""LSTM around which the input skips, over the frames of a convolutional encoder.

Paper: "High Fidelity Neural Audio Compression" (2022), section 3.1.
"""

from jaxtyping import Float
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class SkipLSTM(nn.Module):
    """x + LSTM(x) along time, channels first.

    Args:
        dim: width.
        depth: layers.
    """

    def __init__(self, dim: int = 16, *, depth: int = 2) -> None:
        super().__init__()
        self.lstm = nn.LSTM(dim, dim, depth, batch_first=True)

    def forward(self, x: Float[Tensor, "b d n"]) -> Float[Tensor, "b d n"]:
        """The whole signal, from a zero state."""
        return self.step(x, self.start(x.shape[0]))[0]

    def start(self, batch: int) -> State:
        """Zero hidden and cell state."""
        zero = next(self.parameters()).new_zeros(self.lstm.num_layers, batch, self.lstm.hidden_size)
        return zero, zero

    def step(self, x: Float[Tensor, "b d n"], state: State) -> tuple[Float[Tensor, "b d n"], State]:
        """The next frames."""
        if not x.shape[2]:
            return x, state
        y, state = self.lstm(x.transpose(1, 2), state)
        return x + y.transpose(1, 2), state
