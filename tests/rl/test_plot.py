"""Curves of trainings."""

import colorsys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from ca2_core.errors import UserError
from ca2_rl.common.diagnostics import GRADIENT_NORM, MEAN_Q, RETURN
from ca2_rl.plot import PANELS, STEPS, plot_runs, read_curves, save_figure, shade
from ca2_rl.runs import Run

LOSS = "train/loss"
OLD_LOSS = "diagnostics/loss"
COLUMNS = (GRADIENT_NORM, LOSS, MEAN_Q, RETURN)


@pytest.fixture(autouse=True)
def _no_window():
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.fixture
def write(tmp_path):
    """Writes the log of a run: columns by name, next to the steps."""

    def write(steps=(100, 200, 300), algo="a", columns=COLUMNS, offset=0.0, **extra):
        folder = tmp_path / algo / f"Pendulum-v1_{len(list(tmp_path.glob('*/*'))) + 1}"
        folder.mkdir(parents=True)
        values = {name: np.asarray(steps) / 100 * (i + 1) + offset for i, name in enumerate(columns)}
        pd.DataFrame({STEPS: steps} | values | extra).to_csv(folder / "progress.csv", index=False)
        return Run(folder, folder / "Pendulum-v1", {}, algo, "Pendulum-v1", 0)

    return write


def panels(figure):
    return dict(zip([title for title, _, _ in PANELS], figure.axes, strict=True))


def test_four_panels_in_the_colours_of_the_study(write):
    figure = plot_runs([write()])
    assert [(panel.get_title(), panel.lines[0].get_color()) for panel in figure.axes] == [(title, shade(c, 1.0)) for title, _, c in PANELS]
    hues = [colorsys.rgb_to_hls(*to_rgb(panel.lines[0].get_color()))[0] * 360 for panel in figure.axes]
    for hue, (low, high) in zip(hues, [(190, 250), (345, 375), (90, 150), (40, 60)], strict=True):  # blue, red, green, yellow
        assert low <= hue <= high or low <= hue + 360 <= high


def test_one_run_is_drawn_as_it_was_logged(write):
    for i, panel in enumerate(plot_runs([write()]).axes):
        [line] = panel.lines
        np.testing.assert_allclose(line.get_xdata(), [100, 200, 300])
        np.testing.assert_allclose(line.get_ydata(), np.array([1, 2, 3]) * (i + 1))


def test_several_runs_of_an_algorithm_are_their_mean_and_range_where_all_have_begun_and_none_has_ended(write):
    figure = plot_runs([write((100, 200, 300)), write((200, 300, 400), offset=2.0)])
    for i, panel in enumerate(figure.axes):
        [mean], [band] = panel.lines, panel.collections
        x = mean.get_xdata()
        assert (x.min(), x.max()) == (200, 300)
        np.testing.assert_allclose(mean.get_ydata(), x / 100 * (i + 1) + 1.0)
        [path] = band.get_paths()
        edges = path.vertices[path.vertices[:, 0] == 200][:, 1]
        assert (edges.min(), edges.max()) == pytest.approx((2 * (i + 1), 2 * (i + 1) + 2))


def test_runs_that_share_no_step_are_drawn_one_by_one(write):
    for panel in plot_runs([write((100, 200)), write((300, 400))]).axes:
        assert len(panel.lines) == 2
        assert not panel.collections


def test_returns_are_averaged_over_a_twentieth_of_the_training_and_nothing_else_is(write):
    steps = np.arange(100, 4100, 100)  # 40 rows: a window of two
    run = write(steps, columns=(), **{RETURN: [0.0, 10.0] * 20, LOSS: [0.0, 10.0] * 20})
    drawn = panels(plot_runs([run]))
    np.testing.assert_allclose(drawn["Episode return"].lines[0].get_ydata(), [0.0] + [5.0] * 39)
    np.testing.assert_allclose(drawn["Loss"].lines[0].get_ydata(), [0.0, 10.0] * 20)


def test_algorithms_differ_in_shade_and_line_style(write):
    panel = plot_runs([write(algo="a"), write(algo="b"), write(algo="c")]).axes[0]
    assert len({line.get_color() for line in panel.lines}) == 3
    assert len({line.get_linestyle() for line in panel.lines}) == 3


def test_legend_names_every_algorithm_with_its_number_of_runs(write):
    [legend] = plot_runs([write(algo="a"), write(algo="b"), write(algo="a")]).legends
    assert [text.get_text() for text in legend.get_texts()] == ["a, Pendulum-v1 (2 runs)", "b, Pendulum-v1"]


@pytest.mark.parametrize(
    ("column", "panel"), [("train/loss", "Loss"), ("train/critic_loss", "Loss"), ("rollout/ep_rew_mean", "Episode return")]
)
def test_logs_of_sb3_s_own_algorithms_are_drawn_as_far_as_they_go(write, column, panel):
    drawn = panels(plot_runs([write(columns=(column,))]))
    np.testing.assert_allclose(drawn.pop(panel).lines[0].get_ydata(), [1, 2, 3])
    assert all(not other.lines and "not logged" in other.texts[0].get_text() for other in drawn.values())


def test_diagnostics_come_before_sb3_s_own_columns(write):
    run = write(columns=("train/loss", OLD_LOSS))
    np.testing.assert_allclose(panels(plot_runs([run]))["Loss"].lines[0].get_ydata(), [2, 4, 6])


def test_rows_without_a_value_are_left_out_and_rows_of_the_same_step_are_averaged(write):
    run = write((100, 200, 200, 300), columns=(), **{RETURN: [1.0, 2.0, 4.0, np.nan]})
    line = panels(plot_runs([run]))["Episode return"].lines[0]
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([100, 200], [1.0, 3.0])


def test_an_empty_column_gives_way_to_the_next(write):
    run = write(columns=(), **{RETURN: [np.nan] * 3, "rollout/ep_rew_mean": [1.0, 2.0, 3.0]})
    assert panels(plot_runs([run]))["Episode return"].lines[0].get_ydata().tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("content", "message"), [("", "empty or damaged"), ("a,b\n1,2\n", STEPS), ('"', "damaged"), (None, "no progress.csv")]
)
def test_what_is_no_log_is_refused_with_the_reason(tmp_path, content, message):
    if content is not None:
        (tmp_path / "progress.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_curves(Run(tmp_path, tmp_path / "x", {}, "a", "b", 0))


@pytest.mark.parametrize("color", ["tab:blue", "tab:red", "#e0a800"])
def test_shades_have_the_hue_of_their_colour(color):
    hue, lightness, _ = colorsys.rgb_to_hls(*to_rgb(color))
    np.testing.assert_allclose(to_rgb(shade(color, 1.0)), to_rgb(color), atol=1 / 255)
    for factor in (0.6, 0.8, 1.2, 1.4):
        shaded = colorsys.rgb_to_hls(*to_rgb(shade(color, factor)))
        assert shaded[0] == pytest.approx(hue, abs=0.01)
        assert shaded[1] == pytest.approx(min(lightness * factor, 0.85), abs=0.01)


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_picture_has_the_format_of_its_name(tmp_path, suffix, start):
    path = tmp_path / "new" / f"curves.{suffix}"
    save_figure(plt.figure(), path)
    assert path.read_bytes().startswith(start)
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", ["curves", "curves.docx", "curves."])
def test_a_format_that_matplotlib_lacks_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="no image format"):
        save_figure(plt.figure(), tmp_path / name)
    assert not list(Path(tmp_path).iterdir())


@pytest.mark.parametrize(("lengths", "title"), [((25, 25, 25), "Return of 25-step training episodes"), ((9, 25, 25), "Episode return")])
def test_the_return_s_panel_says_of_how_many_steps_it_is(lengths, title, write):
    assert plot_runs([write(**{"rollout/ep_len_mean": lengths})]).axes[3].get_title() == title
