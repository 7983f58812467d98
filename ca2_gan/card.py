"""The model card that goes with a model to the Hugging Face hub."""

import re
from collections.abc import Mapping
from typing import Any

METADATA = "---\nlibrary_name: ca2\npipeline_tag: unconditional-image-generation\ntags:\n- gan\n- ca2\n---\n"


def for_hub(card: str, address: str | None) -> str:
    """Adds the metadata that the hub reads, and puts the model's address into the card's example.

    :param address: of the model on the hub, ``user/name``; None leaves the example as it is
    """
    if address:
        card = re.sub(r"load\(\"[^\"]*\"\)", lambda _: f'load("{address}")', card)
    return card if card.startswith("---\n") else METADATA + card


def default_card(config: Mapping[str, Any], parameters: Mapping[str, int], is_conditional: bool) -> str:
    """A card for a model of which only the configuration is known, not the training.

    :param config: arguments of ``GAN``
    :param parameters: number of parameters of each network, by name
    """
    shape, names = config["image_shape"], config["class_names"]
    labels = ", labels=[0] * 8" if is_conditional else ""
    counts = ", ".join(f"{name} {count:,}" for name, count in parameters.items())
    options = "".join(f", {name}={value}" for name, value in config["options"].items())
    return f"""# {config["model"]}

Images of {shape[1]}x{shape[2]} pixels and {shape[0]} channel{"s" * (shape[0] > 1)}, by a GAN of [ca2](https://pypi.org/project/ca2/).

```python
from ca2_gan import load

images = load("user/name").sample(8{labels}, seed=0)  # uint8 [8, {", ".join(map(str, shape))}]
```

- **Model:** `{config["model"]}`{options}. Parameters: {counts}.
- **Classes:** {", ".join(names) if is_conditional else "none, the model is unconditional"}.
- **Noise:** {config["noise_dim"]} values from N(0, 1).

This card was written without knowledge of the training: add the data with their licence, the settings and the scores.
"""
