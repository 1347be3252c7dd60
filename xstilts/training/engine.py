"""The DeepSpeed engine: any ZeRO stage, one process or several, GPU or CPU.

Importing deepspeed takes a second: only the training loop may import this module.
"""

import logging
import os
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from xstilts.models.body import device
from xstilts.models.heads import TaskModel
from xstilts.training.adapters import add_adapters
from xstilts.training.config import TrainConfig
from xstilts.training.memory import LIVE, Load

if not torch.cuda.is_available():
    os.environ.setdefault("DS_ACCELERATOR", "cpu")

import deepspeed
import deepspeed.ops
from deepspeed.accelerator import get_accelerator

logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
# DeepSpeed calls what torch is about to rename; nothing a user could do about it.
warnings.filterwarnings("ignore", message=r"`torch\.distributed\..*", category=FutureWarning)
# On the CPU DeepSpeed would compile a C++ all-reduce at first use; gloo's is as fast.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def disconnect() -> None:
    """Leave the process group together: a process that ends first can abort the others."""
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def connect() -> tuple[int, int]:
    """Join the process group of `torchrun`, or make one of this process alone.

    Returns rank and number of processes.
    """
    backend = get_accelerator().communication_backend_name()
    backend = "gloo" if backend == "ccl" else backend
    if not torch.distributed.is_initialized():
        if "WORLD_SIZE" in os.environ:
            get_accelerator().set_device(int(os.environ["LOCAL_RANK"]))
            torch.distributed.init_process_group(backend)
        else:
            # A store in memory: no port to find free, nobody else to wait for.
            store = torch.distributed.HashStore()
            torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
            os.environ.setdefault("LOCAL_RANK", "0")
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def restrict(model: TaskModel, config: TrainConfig) -> None:
    """Freeze, in place, what the run does not train, and add the adapters that it trains."""
    if config.freeze_embeddings:
        model.body.get_input_embeddings().weight.requires_grad_(False)
    add_adapters(model.body, config)


def load_of(model: TaskModel, config: TrainConfig, tokens: float) -> Load:
    """What training `model` has to hold, with micro-batches of at most `tokens` sub-words."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return Load(
        parameters=sum(size for size, _ in sizes),
        trained=sum(size for size, is_trained in sizes if is_trained),
        layers=model.body.config.num_hidden_layers,
        width=model.body.config.hidden_size,
        tokens=tokens,
        processes=torch.distributed.get_world_size(),
        precision=config.precision,
    )


def device_memory() -> float | None:
    """Bytes of the smallest GPU of the run; None without GPUs. Every process must call it."""
    if not torch.cuda.is_available():
        return None
    own = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    smallest = torch.tensor(float(own), dtype=torch.float64, device="cuda")
    torch.distributed.all_reduce(smallest, op=torch.distributed.ReduceOp.MIN)
    return smallest.item()


def start(model: TaskModel, config: TrainConfig, steps: int) -> Any:
    """The engine around `model`, with AdamW, linear warm-up and linear decay to zero.

    `config` must say the ZeRO stage. At stage 3 no device ever holds all of the model.
    """
    if config.zero_stage != 3:
        model.to(device())
    optimizer, settings = _optimizer(model, config), _deepspeed_config(config)
    if config.zero_stage == 3:
        _partition(model, config, settings)
    engine, _, _, _ = deepspeed.initialize(
        model=model,
        optimizer=optimizer,
        lr_scheduler=lambda optimizer: torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate(step, steps, config.warmup)
        ),
        config=settings,
    )
    if torch.distributed.get_world_size() == 1 and config.zero_stage == 0:
        engine.enable_backward_allreduce = False  # would copy all gradients to average one
    return engine


def _partition(model: nn.Module, config: TrainConfig, settings: dict[str, Any]) -> None:
    """Share the parameters, one by one, among the processes; buffers go to the device whole."""
    deepspeed.zero.Init(
        module=model,
        config_dict_or_path=settings,
        remote_device="cpu" if config.offload == "parameters" else None,
        pin_memory=torch.cuda.is_available(),
        dtype=torch.float32,
    )
    for buffer in model.buffers():
        buffer.data = buffer.to(device())


def rate(step: int, steps: int, warmup: float) -> float:
    """Share of the learning rate at `step` (from 0): up over `warmup` of all steps, then down."""
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))


def _optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, eps=1e-8, fused=True)


def _deepspeed_config(config: TrainConfig) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": 1,  # nominal: batches have a budget of sub-words
        "gradient_accumulation_steps": config.accumulation,
        "gradient_clipping": config.max_grad_norm if config.zero_stage else 0.0,
        "zero_optimization": {"stage": config.zero_stage, **_offload(config)},
        # DeepSpeed's own Adam for the CPU would have to be compiled where it runs; torch's fused
        # one is vectorised, too.
        "zero_force_ds_cpu_optimizer": False,
        # Weights stay float32 and products are bf16. DeepSpeed's own bf16 mode is as fast at
        # stage 0 and 15 % faster at stage 1, but it rounds the weights of the forward pass.
        "torch_autocast": {"enabled": config.precision == "bf16", "dtype": "bfloat16"},
        "steps_per_print": None,
    }


def _offload(config: TrainConfig) -> dict[str, Any]:
    """What goes to the CPU; with the parameters the optimizer, which updates them there."""
    to_cpu = {"device": "cpu", "pin_memory": torch.cuda.is_available()}
    if config.offload == "optimizer":
        return {"offload_optimizer": to_cpu}
    if config.offload == "parameters":
        live = {"stage3_max_live_parameters": LIVE, "stage3_max_reuse_distance": LIVE}
        return {"offload_optimizer": to_cpu, "offload_param": to_cpu, **live}
    return {}


def apply_gradients(engine: Any, config: TrainConfig) -> Tensor | float:
    """Clip, and step when the last micro-batch is in; the gradient's norm before clipping."""
    norm: Tensor | float = float("nan")
    if config.zero_stage == 0 and engine.is_gradient_accumulation_boundary():
        # DeepSpeed clips at stage 0 too, but keeps the norm to itself.
        norm = nn.utils.clip_grad_norm_(engine.module.parameters(), config.max_grad_norm)
    engine.step()
    return engine.get_global_grad_norm() if config.zero_stage else norm


def snapshot(engine: Any, config: TrainConfig) -> dict[str, Tensor]:
    """A copy of the model's weights in float32 on the CPU; every process must call it.

    At stage 3 one after the other is made whole on the device.
    """
    found = {}
    for name, tensor in engine.module.state_dict(keep_vars=True).items():
        with deepspeed.zero.GatheredParameters([tensor], enabled=config.zero_stage == 3):
            found[name] = tensor.detach().to("cpu", torch.float32, copy=True)
    return found
