"""How do recurrent cells run, whose fused kernels torch has for GPUs alone? As what they stand for.

torch sends LSTM and GRU to fused cells on every device that is not the host, and the host has no
kernel for these. Here they are the sums that the kernels compute, with the workspace that their
gradients need: the gates after activation. (`aten/src/ATen/native/cuda/RNN.cu` has the layout.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["CELLS"]

_aten: Any = torch.ops.aten


def _gates(
    inputs: Tensor, hidden: Tensor, input_bias: Tensor | None, hidden_bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    if input_bias is not None and hidden_bias is not None:
        return inputs + input_bias, hidden + hidden_bias
    return inputs, hidden


def _lstm(
    inputs: Tensor,
    hidden: Tensor,
    cell: Tensor,
    input_bias: Tensor | None = None,
    hidden_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """New output, new cell, and the gates (B, 4H): in, forget, cell, out."""
    from_inputs, from_hidden = _gates(inputs, hidden, input_bias, hidden_bias)
    enter, forget, fresh, leave = (from_inputs + from_hidden).chunk(4, 1)
    enter, forget, leave = enter.sigmoid(), forget.sigmoid(), leave.sigmoid()
    fresh = fresh.tanh()
    new = forget * cell + enter * fresh
    return leave * new.tanh(), new, torch.cat([enter, forget, fresh, leave], 1)


def _lstm_backward(
    grad_output: Tensor | None,
    grad_cell: Tensor | None,
    cell: Tensor,
    new: Tensor,
    workspace: Tensor,
    has_bias: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the gates, the cell, and the bias (empty without one)."""
    enter, forget, fresh, leave = workspace.chunk(4, 1)
    squashed = new.tanh()
    out = torch.zeros_like(new) if grad_output is None else grad_output
    whole = out * leave * (1 - squashed**2)
    if grad_cell is not None:
        whole = whole + grad_cell
    gates = torch.cat(
        [
            whole * fresh * enter * (1 - enter),
            whole * cell * forget * (1 - forget),
            whole * enter * (1 - fresh**2),
            out * squashed * leave * (1 - leave),
        ],
        1,
    )
    return gates, whole * forget, gates.sum(0) if has_bias else gates.new_empty(0)


def _gru(
    inputs: Tensor,
    hidden: Tensor,
    state: Tensor,
    input_bias: Tensor | None = None,
    hidden_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """New state, and (B, 5H): reset, update, new, the old state, and what reset was applied to."""
    from_inputs, from_hidden = _gates(inputs, hidden, input_bias, hidden_bias)
    reset_in, update_in, new_in = from_inputs.chunk(3, 1)
    reset_hidden, update_hidden, new_hidden = from_hidden.chunk(3, 1)
    reset = (reset_in + reset_hidden).sigmoid()
    update = (update_in + update_hidden).sigmoid()
    new = (new_in + reset * new_hidden).tanh()
    workspace = torch.cat([reset, update, new, state, new_hidden], 1)
    return (state - new) * update + new, workspace


def _gru_backward(
    grad_state: Tensor, workspace: Tensor, has_bias: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of both sums of gates, the state, and both biases (empty without any)."""
    reset, update, new, state, new_hidden = workspace.chunk(5, 1)
    by_update = grad_state * (state - new) * update * (1 - update)
    by_new = grad_state * (1 - update) * (1 - new**2)
    by_reset = by_new * new_hidden * reset * (1 - reset)
    inputs = torch.cat([by_reset, by_update, by_new], 1)
    hidden = torch.cat([by_reset, by_update, by_new * reset], 1)
    empty = inputs.new_empty(0)
    biases = (inputs.sum(0), hidden.sum(0)) if has_bias else (empty, empty)
    return inputs, hidden, grad_state * update, *biases


CELLS = {
    _aten._thnn_fused_lstm_cell.default: _lstm,
    _aten._thnn_fused_lstm_cell_backward_impl.default: _lstm_backward,
    _aten._thnn_fused_gru_cell.default: _gru,
    _aten._thnn_fused_gru_cell_backward.default: _gru_backward,
}
"""Operator to what computes it on memory of the device."""
