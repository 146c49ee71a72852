"""How the numbers of a network are kept in a file: in 16 bits, or most of them in 8."""

from __future__ import annotations

import torch

Tensors = dict[str, torch.Tensor]

#: Behind the name of a tensor of 8 bits: that of what its rows are multiplied with.
SCALE = ":scale"
#: Numbers from which on a tensor is kept in 8 bits; the others weigh little in a file.
FEWEST = 4096


def pack(tensors: Tensors, bits: int) -> Tensors:
    """Make tensors small.

    Parameters
    ----------
    tensors : dict
    bits : int
        16: half precision. 8: large tensors as whole numbers from -127 to 127, each row (along
        the last dimension) with a scale of its own; the others in half precision.

    Returns
    -------
    dict
        With a tensor more, its scales, for each that is kept in 8 bits.
    """
    packed = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu()
        if bits == 8 and tensor.dim() > 1 and tensor.numel() >= FEWEST:
            tensor = tensor.float()
            scale = tensor.abs().amax(dim=-1, keepdim=True) / 127.0
            parts = tensor / torch.where(scale > 0.0, scale, 1.0)
            packed[name] = parts.round().to(torch.int8).contiguous()
            packed[name + SCALE] = scale.contiguous()
        else:
            packed[name] = tensor.half().contiguous()
    return packed


def unpack(packed: Tensors) -> Tensors:
    """Give the tensors that were packed, in single precision.

    Raises
    ------
    ValueError
        If scales do not fit the tensors that they belong to, or are missing.
    """
    scales = {name for name in packed if name.endswith(SCALE)}
    small = {name for name, tensor in packed.items() if tensor.dtype == torch.int8}
    wrong = scales ^ {name + SCALE for name in small}
    if not wrong:
        wrong = {n for n in small if packed[n + SCALE].shape != (*packed[n].shape[:-1], 1)}
    if wrong:
        raise ValueError(f"numbers in 8 bits and their scales do not fit ({min(wrong)})")
    found = {}
    for name in (n for n in packed if n not in scales):
        found[name] = packed[name].float()
        if name in small:
            found[name] *= packed[name + SCALE]
    return found
