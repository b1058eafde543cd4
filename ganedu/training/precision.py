"""Arithmetic of a run: float32, TensorFloat-32 or bfloat16, the layout of images in memory, compiled losses.

Taught in {ref}`performance`.
"""

from contextlib import AbstractContextManager, nullcontext

import torch

from ganedu.networks.translation import InstanceNorm

PRECISIONS = ("fp32", "tf32", "bf16")
LOSSES = ("discriminator_loss", "generator_loss")  # of a recipe: functions of their arguments and the weights only


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager:
    """Set the float32 mode of matrix products and convolutions; return the context that a step runs in.

    "fp32": full float32, exact and the default. "tf32": 10 bits of mantissa inside products, weights stay float32;
    needs an NVIDIA GPU. "bf16": autocast to bfloat16, weights and optimizers stay float32.
    Raises ValueError where the device cannot do it.
    Taught in {ref}`performance`.
    """
    if precision == "tf32" and device.type != "cuda":
        raise ValueError(f"precision tf32 needs an NVIDIA GPU, but the device is {device.type}; use fp32 or bf16")
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ValueError(f"{torch.cuda.get_device_name(device)} cannot compute in bf16; use --precision fp32 or tf32")
    mode = "tf32" if precision == "tf32" else "ieee"
    torch.backends.cuda.matmul.fp32_precision = mode
    torch.backends.cudnn.conv.fp32_precision = mode
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def fastest(device: torch.device) -> str:
    """The precision that `--fast` stands for.

    bf16 where the processor multiplies it natively, since emulated it is slower than float32; else tf32 on an NVIDIA
    GPU and fp32 on a CPU. Compilation and CUDA graphs are chosen apart: no measurement of theirs speaks for them yet.
    Taught in {ref}`performance`.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if native else "tf32"
    return "bf16" if device.type == "cpu" and _cpu_multiplies_bf16() else "fp32"


def choose(given: str | None, *, fast: bool, device: str) -> str:
    """The precision that the options --precision and --fast ask for together, by name, so that config.json can keep it.

    Raises ValueError for both at once.
    Taught in {ref}`performance`.
    """
    if given and fast:
        raise ValueError(f"--fast chooses the precision, and --precision {given} is another choice; give one of them")
    return fastest(torch.device(device)) if fast else given or "fp32"


def lay_out(networks: dict[str, torch.nn.Module], precision: str, device: torch.device) -> None:
    """Store the weights of convolutions channels last where that is faster; shapes, values and parameters stay.

    Images follow the weights. Faster are CPUs, whose kernels want the channels of a pixel side by side, and the tensor
    cores of GPUs, which see no full float32; but not networks with instance normalization, which wants the pixels of
    a channel side by side, and not convolutions of voxels, where it made no difference on a CPU.
    Taught in {ref}`performance`.
    """
    if device.type == "cpu" or (device.type == "cuda" and precision != "fp32"):
        for network in networks.values():
            flat = all(weight.ndim < 5 for weight in network.parameters())
            if flat and not any(isinstance(m, torch.nn.InstanceNorm2d | InstanceNorm) for m in network.modules()):
                network.to(memory_format=torch.channels_last)


def match_layout(optimizer: torch.optim.Optimizer) -> None:
    """Give what an optimizer remembers of a weight the strides of that weight, as after loading a checkpoint.

    Fused optimizers walk through memory and do not look at strides: other ones would pair wrong entries, silently.
    Taught in {ref}`performance`.
    """
    for weight, memory in optimizer.state.items():
        for name, value in memory.items():
            if torch.is_tensor(value) and value.shape == weight.shape and value.stride() != weight.stride():
                memory[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def compile_losses(recipe, *, whole: bool = True) -> None:
    """Compile the losses of a recipe and the networks' part in them, each into one graph, double backward included.

    A recipe without `discriminator_loss` and `generator_loss` has its networks compiled instead; the generator always
    is, since its images serve both players. whole: raise an error where one graph is not enough; not with several
    processes, whose messages lie between graphs.
    Taught in {ref}`performance`.
    """
    losses = [name for name in LOSSES if hasattr(recipe, name)]
    for name in losses:
        setattr(recipe, name, torch.compile(getattr(recipe, name), fullgraph=whole, dynamic=False))
    for name, network in recipe.networks.items():
        if name == "generator" or len(losses) < len(LOSSES):
            network.compile(dynamic=False)


def _cpu_multiplies_bf16() -> bool:
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if capabilities:
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
