"""A GPU that is pretended: the CPU's numbers in tensors that say `cuda:0`, so that what only CUDA would refuse is refused here.

Inside `with PretendedGpu() as gpu` a tensor that is made on or moved to CUDA is an `OnGpu`, which holds a tensor of the CPU. Every
operation on one is checked, counted, and done on what it holds:

- refused: tensors of two devices in one operation, a generator of the CPU, `numpy()`, and a read in the default stream of what another
  stream has made, until its event was waited for and the memory is recorded as read;
- `gpu.waits`: where the host would wait for the device, by the line of the project that makes it;
- `gpu.launches`: operations that start a kernel or more; `gpu.attention`: the calls of attention.

Autocast follows CUDA's own rules, for dispatch sees tensors of CUDA. Needs the hooks of `tests.pretended_gpu.hooks`, loaded before torch.
Not seen: what kernels compute, and memory.
"""

from __future__ import annotations

import math
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

ROOT = Path(__file__).parents[2]
CUDA = torch.device("cuda", 0)
# Their result depends on values, so torch asks the device for a number before it goes on.
WAITING = {
    *("_local_scalar_dense", "nonzero", "masked_select", "equal", "bincount", "repeat_interleave"),
    *("_unique", "_unique2", "unique_dim", "unique_consecutive"),
}
# They make another tensor of the same memory, or memory that nobody fills.
NO_KERNEL = {
    *(
        "view",
        "_unsafe_view",
        "_reshape_alias",
        "as_strided",
        "alias",
        "detach",
        "t",
        "transpose",
        "permute",
        "expand",
        "diagonal",
        "unfold",
    ),
    *("slice", "select", "split", "split_with_sizes", "unbind", "unsqueeze", "squeeze", "lift_fresh", "is_same_size"),
    *("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided"),
}
# They take a number that lies on the CPU as a tensor without dimensions, beside those that torch calls pointwise.
NUMBERS = {"masked_fill", "masked_fill_", "where", "fill", "fill_", "index_put", "index_put_", "_index_put_impl_"}
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put"}
COPYING = {"_to_copy", "copy_", "_copy_from"}


class WrongDevice(RuntimeError):
    """What CUDA would refuse."""


class OnGpu(Tensor):
    """A tensor that says it is on the GPU; `held` has its numbers."""

    held: Tensor
    unready = False  # another stream has made it, and its event was not waited for
    unrecorded = False  # nor is its memory kept until the default stream has read it

    @staticmethod
    def __new__(cls, held: Tensor) -> OnGpu:
        assert type(held) is not OnGpu
        made: OnGpu = Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=CUDA
        )
        made.held = held
        return made

    def __repr__(self, **_: Any) -> str:
        return f"OnGpu({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert PretendedGpu.current is not None, "a tensor of a pretended GPU that is no more"
        return PretendedGpu.current.run(function, args, kwargs or {})

    def __reduce_ex__(self, protocol: Any) -> Any:
        """torch.save writes the numbers; everything saved is read again on the CPU."""
        return self.held.detach().__reduce_ex__(protocol)

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise WrongDevice("numpy() of a tensor on CUDA: copy it to the CPU first")

    __array__ = numpy

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def record_stream(self, stream: Stream) -> None:
        self.unrecorded = self.unrecorded and stream is not DEFAULT


class Stream:
    """A queue of the GPU's: what it has made since its last event."""

    def __init__(self, *_: Any) -> None:
        self.made: list[OnGpu] = []

    def record_event(self) -> list[OnGpu]:
        made, self.made = self.made, []
        return made

    def wait_event(self, event: list[OnGpu]) -> None:
        for tensor in event:
            tensor.unready = self is not DEFAULT


DEFAULT = Stream()
_current = threading.local()


@contextmanager
def _in_stream(stream: Stream) -> Iterator[None]:
    _current.stream = stream
    yield
    del _current.stream


def held(value: Any) -> Any:
    """The numbers of a tensor on the pretended GPU; anything else as it is."""
    return value.held if isinstance(value, OnGpu) else value


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` of each leaf of nested tuples and lists, which is all that operations take and give."""
    return type(value)(_mapped(function, part) for part in value) if isinstance(value, (tuple, list)) else function(value)


@cache
def _name(function: Any) -> str:
    """An operation's name without its namespace and overload."""
    name: str = function._schema.name
    return name.partition("::")[2]


class _Mode(TorchDispatchMode):
    """Sees what is made on CUDA or moved there, where no tensor is on it yet."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert PretendedGpu.current is not None
        return PretendedGpu.current.run(function, args, kwargs or {})


class PretendedGpu:
    """The device and its counters; one at a time."""

    current: PretendedGpu | None = None

    def __init__(self) -> None:
        self.waits: Counter[str] = Counter()
        self.launches: Counter[str] = Counter()
        self.attention: Counter[str] = Counter()
        self._pinned = WeakTensorKeyDictionary()
        self._lock = threading.Lock()  # batches are moved by a thread of their own, and backward has one too

    def reset(self) -> None:
        """Count from 0 again."""
        for counter in (self.waits, self.launches, self.attention):
            counter.clear()

    # --- one operation ------------------------------------------------------------------------------------------------

    def run(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """The operation on the CPU; its tensors are on the GPU where CUDA would have them."""
        name = _name(function)
        leaves = list(_leaves((args, *kwargs.values())))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        target = None if kwargs.get("device") is None else torch.device(kwargs["device"])
        if not any(isinstance(tensor, OnGpu) for tensor in tensors) and (target is None or target.type != "cuda"):
            return self._on_the_cpu(name, function, args, kwargs)
        self._check(name, function, args, leaves, tensors)
        self._count(name, args, kwargs, target)
        changed = {name: value for name, value in (("device", torch.device("cpu")), ("pin_memory", False)) if name in kwargs}
        result = function(*_mapped(held, args), **{name: _mapped(held, value) for name, value in (kwargs | changed).items()})
        if target is not None and target.type == "cpu":
            return result
        known = {id(held(tensor)): tensor for tensor in tensors}  # what is changed in place is given back as it came
        stream = getattr(_current, "stream", DEFAULT)

        def wrapped(value: Any) -> Any:
            if id(value) in known or not isinstance(value, Tensor):
                return known.get(id(value), value)
            made = OnGpu(value)
            if stream is not DEFAULT:
                made.unready = made.unrecorded = True
                stream.made.append(made)
            return made

        return _mapped(wrapped, result)

    def _on_the_cpu(self, name: str, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        if name == "is_pinned":
            return args[0] in self._pinned
        if name != "_pin_memory":
            return function(*args, **kwargs)
        copy = args[0].clone()
        self._pinned[copy] = True
        return copy

    def _check(self, name: str, function: Any, args: Any, leaves: list[Any], tensors: list[Tensor]) -> None:
        if any(type(leaf) is torch.Generator and leaf.device.type == "cpu" for leaf in leaves):  # isinstance of this class is slow
            raise WrongDevice(f"{function}: a generator of the CPU draws for tensors on CUDA")
        if not hasattr(_current, "stream"):
            for tensor in tensors:
                if isinstance(tensor, OnGpu) and (tensor.unready or tensor.unrecorded):
                    raise WrongDevice(f"{function}: what another stream makes is read {'too early' if tensor.unready else 'unrecorded'}")
        if name in COPYING:
            return
        others = [tensor for tensor in tensors if not isinstance(tensor, OnGpu)]
        if name in INDEXING and isinstance(args[0], OnGpu):  # CUDA takes indices on the CPU: it copies them, and waits
            indices = [index for index in args[1] if isinstance(index, Tensor) and not isinstance(index, OnGpu)]
            if indices:
                self._wait(f"{name} by a tensor on the CPU")
            others = [tensor for tensor in others if not any(tensor is index for index in indices)]
        numbers = torch.Tag.pointwise in function.tags or name in NUMBERS
        if wrong := [tuple(tensor.shape) for tensor in others if tensor.dim() or not numbers or len(others) == len(tensors)]:
            raise WrongDevice(f"{function}: tensors {wrong} on the CPU beside others on CUDA")

    def _count(self, name: str, args: Any, kwargs: dict[str, Any], target: Any) -> None:
        if name in WAITING and not (name == "repeat_interleave" and kwargs.get("output_size") is not None):
            self._wait(name)
        if name in INDEXING:
            for index in args[1]:
                if isinstance(index, OnGpu) and index.dtype in (torch.bool, torch.uint8):
                    self._wait(f"{name} by a mask")
        if name == "_to_copy" and target is not None:
            source = args[0]
            if isinstance(source, OnGpu) and target.type == "cpu":
                self._wait("copy to the CPU")
            elif not isinstance(source, OnGpu) and not (kwargs.get("non_blocking") and source in self._pinned):
                self._wait("copy to the GPU")
        if name == "copy_" and isinstance(args[0], OnGpu) != isinstance(args[1], OnGpu):
            self._wait("copy between devices")
        if name not in NO_KERNEL:
            with self._lock:
                self.launches[name] += 1

    def _wait(self, what: str) -> None:
        with self._lock:
            self.waits[f"{_line()}: {what}"] += 1

    # --- the world around ---------------------------------------------------------------------------------------------

    def __enter__(self) -> PretendedGpu:
        assert PretendedGpu.current is None, "there is a pretended GPU already"
        self._stack = ExitStack()
        PretendedGpu.current = self
        self._stack.callback(setattr, PretendedGpu, "current", None)
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device="cuda") is a copy, which the mode sees
        self._stack.callback(torch._C._set_only_lift_cpu_tensors, False)
        for name, value in _CUDA.items():
            self._stack.enter_context(patch.object(torch.cuda, name, value))
        attend, submit, move = F.scaled_dot_product_attention, ThreadPoolExecutor.submit, nn.Module.to
        self._stack.enter_context(patch.object(F, "scaled_dot_product_attention", self._attention_beside(attend)))
        self._stack.enter_context(
            patch.object(ThreadPoolExecutor, "submit", lambda pool, *task, **named: submit(pool, _in_mode, *task, **named))
        )
        self._stack.enter_context(patch.object(nn.Module, "to", lambda module, *to, **named: _moved(module, move, *to, **named)))
        # a tensor of a subclass has no version to leave uncounted: no_grad does what else inference mode does
        inference = torch.autograd.grad_mode.inference_mode
        self._stack.enter_context(patch.object(inference, "__enter__", _enter_no_grad))
        self._stack.enter_context(patch.object(inference, "__exit__", _leave_no_grad))
        self._stack.enter_context(_Mode())
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def _attention_beside(self, on_the_cpu: Any) -> Any:
        """Attention where it is called: inside, torch would choose a kernel of CUDA's for itself."""

        def attend(
            query: Tensor,
            key: Tensor,
            value: Tensor,
            attn_mask: Tensor | None = None,
            dropout_p: float = 0.0,
            is_causal: bool = False,
            **more: Any,
        ) -> Tensor:
            given = [tensor for tensor in (query, key, value, attn_mask) if tensor is not None]
            if len({isinstance(tensor, OnGpu) for tensor in given}) > 1:
                raise WrongDevice("scaled_dot_product_attention: its tensors are on two devices")
            if not isinstance(query, OnGpu):
                return on_the_cpu(query, key, value, attn_mask, dropout_p, is_causal, **more)
            if torch.is_autocast_enabled("cuda"):
                query, key, value = (tensor.to(torch.get_autocast_dtype("cuda")) for tensor in (query, key, value))
            if len({tensor.dtype for tensor in (query, key, value)}) > 1:
                raise WrongDevice("scaled_dot_product_attention: its tensors are of several types")
            if attn_mask is not None and attn_mask.dtype not in (torch.bool, query.dtype):
                raise WrongDevice(f"scaled_dot_product_attention: a mask of {attn_mask.dtype} for {query.dtype}")
            with self._lock:
                self.attention[str(query.dtype).removeprefix("torch.")] += 1
            with torch.autocast("cuda", enabled=False):
                return _attend(query, key, value, attn_mask, dropout_p, is_causal, **more)

        return attend


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout: float,
    causal: bool,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The kernels that the CPU has for it: a fused one each way, or with dropout, or where nothing asks, its parts."""
    assert not enable_gqa
    if dropout or not query.numel():
        return torch.ops.aten._scaled_dot_product_attention_math(query, key, value, mask, dropout, causal, scale=scale)[0]
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, -math.inf)
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, causal, attn_mask=mask, scale=scale)[0]


@contextmanager
def _nothing(*_: Any) -> Iterator[None]:
    yield


_CUDA: dict[str, Any] = {
    "is_available": lambda: True,
    "is_initialized": lambda: True,
    "_lazy_init": lambda: None,
    "device_count": lambda: 1,
    "current_device": lambda: 0,
    "set_device": lambda device: None,
    "device": _nothing,
    "get_device_name": lambda *_: "pretended",
    "is_bf16_supported": lambda *_, **__: True,
    "synchronize": lambda *_: None,
    "Stream": Stream,
    "stream": _in_stream,
    "current_stream": lambda *_: getattr(_current, "stream", DEFAULT),
    "default_stream": lambda *_: DEFAULT,
    "manual_seed": lambda seed: None,
    "manual_seed_all": lambda seed: None,
    "get_rng_state": lambda *_: torch.zeros(16, dtype=torch.uint8),
    "set_rng_state": lambda *_: None,
    "reset_peak_memory_stats": lambda *_: None,
    "max_memory_allocated": lambda *_: 0,
    "empty_cache": lambda: None,
    "set_sync_debug_mode": lambda mode: None,
}


def _in_mode(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    with _Mode():  # a mode is that of one thread
        return function(*args, **kwargs)


def _moved(module: nn.Module, move: Any, *to: Any, **named: Any) -> nn.Module:
    """`module.to`: parameters are made anew on the GPU, and those that were one stay one."""
    device = torch._C._nn._parse_to(*to, **named)[0]
    if device is None or device.type != "cuda":
        return move(module, *to, **named)
    made: dict[int, nn.Parameter] = {}
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and not isinstance(parameter, OnGpu):
                if id(parameter) not in made:
                    made[id(parameter)] = nn.Parameter(OnGpu(parameter.detach().clone()), requires_grad=parameter.requires_grad)
                part._parameters[name] = made[id(parameter)]
        for name, buffer in part._buffers.items():
            if buffer is not None and not isinstance(buffer, OnGpu):
                part._buffers[name] = OnGpu(buffer.detach().clone())
    return module


def _enter_no_grad(self: Any) -> None:
    self._pretended = torch.no_grad()
    self._pretended.__enter__()


def _leave_no_grad(self: Any, *error: Any) -> None:
    self._pretended.__exit__(*error)


def _line() -> str:
    """The file and the innermost function of the project, or of transformers, that is being run; the thread of backward runs none."""
    frame: Any = sys._getframe(1)
    library = ""
    while frame is not None:
        path, function = Path(frame.f_code.co_filename), frame.f_code.co_name
        if not function.startswith("<"):  # of a comprehension or a lambda, the function around it
            if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("cada", "benchmarks"):
                return f"{path.relative_to(ROOT)}, {function}"
            if "transformers" in path.parts and not library:
                library = f"transformers/{path.name}, {function}"
        frame = frame.f_back
    return library or "backward"
