"""The accelerators that a study may run on, for estimates; their peaks are their makers'."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """Peaks of one accelerator (or core) by its maker: operations and bytes per second, bytes.

    A device without bf16 units computes bf16 at the speed of fp32.
    """

    name: str
    bf16: float
    fp32: float
    bandwidth: float
    memory: float


DEVICES = {
    device.name: device
    for device in (
        Device("CPU core", 0.2e12, 0.1e12, 10e9, 4e9),
        Device("T4", 8.1e12, 8.1e12, 300e9, 16e9),
        Device("V100", 15.7e12, 15.7e12, 900e9, 16e9),
        Device("L4", 121e12, 30.3e12, 300e9, 24e9),
        Device("A10", 125e12, 31.2e12, 600e9, 24e9),
        Device("L40S", 362e12, 91.6e12, 864e9, 48e9),
        Device("A100", 312e12, 19.5e12, 1555e9, 40e9),
        Device("H100", 989e12, 67e12, 3350e9, 80e9),
        Device("H200", 989e12, 67e12, 4800e9, 141e9),
    )
}
DEFAULT = "A100"
CPU = "CPU core"


def device_named(*texts: str) -> Device | None:
    """The device whose name occurs in one of the texts, such as `NVIDIA-A100-SXM4-40GB`."""
    words = {
        word
        for text in texts
        for word in "".join(c if c.isalnum() else " " for c in text.upper()).split()
    }
    return next((d for d in reversed(DEVICES.values()) if d.name in words), None)
