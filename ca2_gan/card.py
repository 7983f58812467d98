"""The model card that goes with a model to the Hugging Face hub."""

import re
from collections.abc import Mapping
from typing import Any

METADATA = "---\nlibrary_name: ca2\npipeline_tag: unconditional-image-generation\ntags:\n- gan\n- ca2\n---\n"


def for_hub(card: str, address: str | None) -> str:
    """A card with the metadata that the hub reads, whose example loads the model from where it is.

    :param address: such as ``user/name``; None leaves the example as it is
    """
    if address:
        card = re.sub(r"load\(\"[^\"]*\"\)", lambda _: f'load("{address}")', card)
    return card if card.startswith("---\n") else METADATA + card


def default_card(config: Mapping[str, Any], parameters: Mapping[str, int], is_conditional: bool) -> str:
    """A card that says what can be known of a model without its training.

    :param config: arguments of ``GAN``
    :param parameters: of each network, by name
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
- **Classes:** {", ".join(names) if is_conditional else "none: it can't be asked for a class"}.
- **Noise:** {config["noise_dim"]} values from N(0, 1).

Data, settings and scores are not known to this card: add them, with the data's licence.
"""
