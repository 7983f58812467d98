"""Iterates over nested callbacks."""

from collections.abc import Iterator

from stable_baselines3.common.callbacks import BaseCallback, CallbackList, EvalCallback, EventCallback


def every_callback(callback: BaseCallback | None) -> Iterator[BaseCallback]:
    """A callback and all callbacks nested in it; lists are replaced by their members."""
    if isinstance(callback, CallbackList):
        for each in callback.callbacks:
            yield from every_callback(each)
    elif callback is not None:
        yield callback
        if isinstance(callback, EventCallback):
            yield from every_callback(callback.callback)
        if isinstance(callback, EvalCallback):
            yield from every_callback(callback.callback_on_new_best)
