"""Arithmetic of a run: float32, TensorFloat-32 or bfloat16, and compiled networks.

Taught in {ref}`training`.
"""

from contextlib import AbstractContextManager, nullcontext

import torch

PRECISIONS = ("fp32", "tf32", "bf16")


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager:
    """Set the float32 mode of matrix products and convolutions; return the context that a step runs in.

    "fp32": full float32, exact and the default. "tf32": 10 bits of mantissa inside products, weights stay float32;
    needs an NVIDIA GPU. "bf16": autocast to bfloat16, weights and optimizers stay float32.
    Raises ValueError where the device cannot do it.
    Taught in {ref}`training`.
    """
    if precision == "tf32" and device.type != "cuda":
        raise ValueError(f"precision tf32 needs an NVIDIA GPU, but the device is {device.type}; use fp32 or bf16")
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ValueError(f"{torch.cuda.get_device_name(device)} cannot compute in bf16; use --precision fp32 or tf32")
    mode = "tf32" if precision == "tf32" else "ieee"
    torch.backends.cuda.matmul.fp32_precision = mode
    torch.backends.cudnn.conv.fp32_precision = mode
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
