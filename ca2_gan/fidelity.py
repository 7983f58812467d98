"""The reference classifiers as feature extractors of torch-fidelity."""

from typing import Any

import torch
from torch import Tensor
from torch_fidelity import FeatureExtractorBase, register_feature_extractor  # type: ignore[import-untyped]

from ca2_gan.data import Dataset
from ca2_gan.metrics.classifier import recipe_of, reference_classifier

FEATURES, LOGITS = "features", "logits"


def register_classifier(name: str, train: Dataset, classifier: str = "first") -> None:
    """Registers a reference classifier with torch-fidelity, for ``calculate_metrics(..., feature_extractor=name)``.

    Its layers are "features" [N, 64], for FID, KID and precision and recall, and "logits" [N, K], for the Inception Score. Images need the
    size of the data. For gray data, only their first channel is used.

    :param name: feature extractor's name in torch-fidelity, not yet taken
    :param train: training split that the classifier learns from, unless its weights come with the package or are in the cache
    :param classifier: which reference classifier, ``first`` or ``second``
    :raises UserError: if there is no such classifier
    """
    network = reference_classifier(train, recipe_of(classifier)).network
    channels, height, width = train.image_shape

    class Classifier(FeatureExtractorBase):  # type: ignore[misc]
        """See ``register_classifier``."""

        def __init__(self, name: str, features_list: list[str], **kwargs: Any):
            super().__init__(name, features_list)
            self.network = network

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return FEATURES, LOGITS

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return LOGITS if metric == "isc" else FEATURES

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        @staticmethod
        def get_dummy_input_for_compile() -> Tensor:
            return torch.zeros(1, channels, height, width, dtype=torch.uint8)

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            if images.shape[2:] != (height, width):
                raise ValueError(f"images of {height}x{width} are needed, got {images.shape[2]}x{images.shape[3]}.")
            features, logits = self.network(images[:, :channels].float() / 255)
            found = {FEATURES: features, LOGITS: logits}
            return tuple(found[layer] for layer in self.features_list)

    register_feature_extractor(name, Classifier)
