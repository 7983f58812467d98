"""One generator per class, used as if they were one conditional generator."""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from ca2_gan.models.players import Generator


class PerClassGenerator(Generator):
    """Makes each image with the generator of its class: [N, noise_dim], [N] -> [N, C, H, W].

    :param generators: of the classes 0 to K-1; each gets the label 0
    """

    def __init__(self, generators: Iterable[Generator], image_shape: Sequence[int]):
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.of_class = nn.ModuleList(generators)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        images = noise.new_empty(len(noise), *self.image_shape)
        for label in labels.unique().tolist():
            mine = labels == label
            images[mine] = self.of_class[label](noise[mine], labels[mine] * 0)
        return images
