"""The net of a configuration with its initial weights, ready to be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from opendensepose.model import crops, teacher
from opendensepose.model.crops import CropNet, CropTraining
from opendensepose.model.graphs import CROPS
from opendensepose.model.rcnn import MODELS, DensePoseRCNN
from opendensepose.model.teacher import Teacher, TeacherTraining
from opendensepose.model.training import RCNNTraining
from opendensepose.model.variants import UV_CONFIDENCES, variant_by_name
from opendensepose.train.checkpoint import load_weights
from opendensepose.train.config import TrainConfig
from opendensepose.train.norms import share_norms

TEACHER = "teacher"
CROPPED = {  # nets that see one person at a time: the size of their crops, the share that the person takes
    CROPS: (crops.CANVAS, crops.FILL),
    TEACHER: ((teacher.CANVAS, teacher.CANVAS), teacher.FILL),
}
Net = DensePoseRCNN | CropNet | Teacher
Task = RCNNTraining | CropTraining | TeacherTraining
OFFICIAL = (".pkl", ".pth")
DETECTOR = ("rpn", "box_head", "box_head_again")


class Trainee(nn.Module):
    """A net with its losses, of which some modules are frozen: these stay as in use, also in training."""

    def __init__(self, task: Task, frozen: list[nn.Module]) -> None:
        super().__init__()
        self.task = task
        self._frozen = frozen

    @property
    def model(self) -> nn.Module:
        """The net alone."""
        return self.task.model

    def forward(self, *batch: Any) -> Any:
        return self.task(*batch)

    def train(self, mode: bool = True) -> Trainee:
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self


def make_model(name: str, *, confidence: str = "", tasks: Sequence[str] = (), cascade: bool = False) -> Net:
    """The net with random weights; ValueError for an unknown name or an option that it does not have."""
    options: dict[str, Any] = {}
    if confidence:
        options["confidences"] = UV_CONFIDENCES[confidence]
    if tasks or cascade:
        options |= {"tasks": tuple(tasks), "cascade": cascade}
    if name in MODELS:
        return MODELS[name](**options)
    if name == CROPS and not tasks and not cascade:
        return CropNet(**options)
    if options:
        got = f"{', '.join(options)} for {name!r}"
        raise ValueError(f"model: expected {' or '.join(MODELS)} for these options, got {got}")
    if name == TEACHER:
        return Teacher()
    try:
        return variant_by_name(name).build()
    except ValueError:
        names = f"{', '.join(MODELS)}, {', '.join(CROPPED)} or a published name such as R_50_FPN_DL_s1x"
        raise ValueError(f"model: expected one of {names}, got {name!r}") from None


def saved_model(config: Mapping[str, Any]) -> Net:
    """The net of a checkpoint's configuration, which may be of an older version."""
    known = {name: config[name] for name in ("confidence", "tasks", "cascade") if name in config}
    return make_model(config["model"], **known)


def build(config: TrainConfig) -> Trainee:
    """The net with its losses and the weights of `config.init`; ValueError or FileNotFoundError."""
    torch.manual_seed(config.seed)
    model = saved_model(config.to_dict())
    if config.init != "none":
        load_weights(model, own_weights(model, initial_weights(config.init)), f"init {config.init}")
    if config.sync_norms:
        share_norms(model)
    rules = config.make_rules()
    frozen = [_find(model, name) for name in config.freeze]
    if rules.given_boxes and isinstance(model, DensePoseRCNN):
        frozen += [_find(model, name) for name in DETECTOR if getattr(model, name) is not None]
    for module in frozen:
        module.requires_grad_(False)
    if config.freeze_norms:
        frozen += [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    model = model.to(memory_format=torch.channels_last)
    task: Task
    if isinstance(model, Teacher):
        task = TeacherTraining(model, rules)
    elif isinstance(model, CropNet):
        task = CropTraining(model, rules)
    else:
        task = RCNNTraining(model, rules)
    return Trainee(task, frozen).train()


def own_weights(model: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those that may be of this net: in a model file a net on crops stands beside a detector."""
    prefix = f"{CROPS}."
    crops_own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    if isinstance(model, CropNet):
        return crops_own or weights
    return {k: v for k, v in weights.items() if not k.startswith(prefix)}


def initial_weights(source: str) -> dict[str, Tensor]:
    """Weights by our names: of a model file, a checkpoint, a packaged model or an official checkpoint."""
    if Path(source).suffix in OFFICIAL:
        from opendensepose.convert import read_official
        from opendensepose.model.official import from_content

        if not Path(source).is_file():
            raise FileNotFoundError(f"init {source}: expected a file, got none")
        return from_content(read_official(Path(source))).model.state_dict()
    from opendensepose.export import read_weights

    return read_weights(source)


def _find(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        names = ", ".join(n for n, _ in model.named_children())
        raise ValueError(f"freeze: expected a module such as {names}, got {name!r}") from None
