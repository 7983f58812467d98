"""Callbacks within callbacks."""

from collections.abc import Iterator

from stable_baselines3.common.callbacks import BaseCallback, CallbackList, EvalCallback, EventCallback


def every_callback(callback: BaseCallback | None) -> Iterator[BaseCallback]:
    """All callbacks in a callback."""
    if isinstance(callback, CallbackList):
        for each in callback.callbacks:
            yield from every_callback(each)
    elif callback is not None:
        yield callback
        if isinstance(callback, EventCallback):
            yield from every_callback(callback.callback)
        if isinstance(callback, EvalCallback):
            yield from every_callback(callback.callback_on_new_best)
