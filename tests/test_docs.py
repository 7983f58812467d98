"""The README and the docs say what is so."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ca2_gan import cli as ca2_gan
from ca2_gan import list_models
from ca2_gan.commands import study as gan_study
from ca2_gan.commands.list import parameters
from ca2_gan.commands.train import read_arguments
from ca2_gan.registry import games, models
from ca2_gan.training.config import table
from ca2_rl import cli as ca2_rl
from ca2_rl.commands import study
from ca2_rl.study.hyperparams import shipped
from ca2_rl.study.spec import read_study

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
# Variants of studies that are ours as shipped
OURS = {"DiscretizedDQN", "NoisyDQN", "OUDDPG", "Rainbow"}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_tables_are_those_of_the_measurements():
    check = subprocess.run([sys.executable, ROOT / "scripts" / "tables.py", "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


def test_the_claims_are_judged_by_the_measurements():
    check = subprocess.run([sys.executable, ROOT / "scripts" / "claims.py", "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
    rows = json.loads((ROOT / "docs" / "claims.json").read_text(encoding="utf-8"))["rows"]
    assert {row["half"] for row in rows} == {"agents", "GANs"}
    assert {row["verdict"] for row in rows} <= {"confirmed", "refuted", "cannot be said"}
    for row in rows:
        assert all(row[key] for key in ("claim", "claimed", "evidence"))


def test_the_reference_pages_are_those_of_the_checks():
    check = subprocess.run([sys.executable, ROOT / "scripts" / "reference.py", "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


def test_every_setting_of_a_gan_is_on_the_reference_page():
    page = (ROOT / "docs" / "gan" / "settings.md").read_text(encoding="utf-8")
    for name in {name for game in games for name in table(game)}:
        assert page.count(f"| `{name}` |") == 1


@pytest.mark.parametrize("study_name", ["environments", "gravity", "pendulum-matched"])
def test_rows_of_shipped_agents_have_the_settings_that_are_shipped(study_name):
    """In studies whose pages say so; older ones say which version they are of."""
    path = ROOT / "docs" / "rl" / "studies" / f"{study_name}.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"cases": [], "records": []}
    measured = {(record["variant"], record["task"]) for record in content["records"]}
    for case in content["cases"]:
        key, settings = (case["variant"], case["task"]), case["settings"]
        says_so = key[1] == "as shipped" if study_name == "pendulum-matched" else key[0] in OURS
        if key in measured and says_so and settings["algo"] in {agent.lower() for agent in OURS}:
            used = settings["hyperparams"] | {"n_timesteps": settings["n_timesteps"]}
            used.get("env_kwargs", {}).pop("g", None)  # the task of the study on gravity
            assert used == shipped(settings["algo"], settings["env"]), key


def test_the_readme_is_short_and_its_python_runs(monkeypatch, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.sub(r"<!-- table.*?<!-- end -->", "", text, flags=re.DOTALL).split()) <= 600
    monkeypatch.chdir(tmp_path)
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code.replace("50_000", "500").replace("minutes=3", "images=500").replace("progress_bar=True", ""))


@every_page
def test_links_lead_to_files_that_are_there(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


def test_a_training_in_python_goes_on_as_shown(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "howto" / "resume.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], found)
    assert found["model"].num_timesteps == 500


def test_resuming_costs_at_most_the_limit():
    content = json.loads((ROOT / "docs" / "rl" / "resume_cost.json").read_text(encoding="utf-8"))
    assert content["steps"] == 20_000
    assert [row["agent"] for row in content["rows"] if row["share"] <= content["limit"]] == ["discretizeddqn", "noisydqn", "ouddpg"]


def test_a_study_over_ones_own_environment_runs_as_shown(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "howto" / "own-environment.md").read_text(encoding="utf-8")
    study_of_it = page.partition("## A study over an environment of your own")[2]
    for part, language, name in ((page, "python", "corridor.py"), (study_of_it, "yaml", "corridor.yml")):
        (tmp_path / name).write_text(re.search(rf"```{language}\n(.*?)```", part, re.DOTALL)[1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    study.main(["corridor.yml", "--quick", "--seeds", "1", "--jobs", "1"])
    content = json.loads((tmp_path / "studies" / "corridor" / "study.json").read_text())
    assert [record.get("error") for record in content["records"]] == [None] * 8
    assert {record["task"] for record in content["records"]} == {"Corridor-v0", "long"}


def test_a_study_of_ones_own_gan_runs_as_shown(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "howto" / "own-gan.md").read_text(encoding="utf-8")
    parts = [page.partition(f"## {title}\n")[2] for title in ("A GAN", "A study of your own GAN")]
    for part, language, name in zip(parts, ("python", "yaml"), ("small_gan.py", "small.yml"), strict=True):
        (tmp_path / name).write_text(re.search(rf"```{language}\n(.*?)```", part, re.DOTALL)[1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(models, "_entries", {name: models.get(name) for name in models})
    gan_study.main(["small.yml", "--quick", "--seeds", "1", "--jobs", "1"])
    content = json.loads((tmp_path / "studies" / "small" / "study.json").read_text())
    assert [record.get("error") for record in content["records"]] == [None] * 4
    assert {record["task"] for record in content["records"]} == {"glyphs, 20,000 images, a tenth of it"}


def test_the_study_of_the_commands_page_is_one(tmp_path):
    page = (ROOT / "docs" / "rl" / "commands.md").read_text(encoding="utf-8")
    (tmp_path / "study.yml").write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    assert len(read_study(tmp_path / "study.yml").cases) == 6


@every_page
@pytest.mark.parametrize(("program", "commands"), [("ca2-rl", ca2_rl.COMMAND.subcommands), ("ca2-gan", ca2_gan.COMMANDS)])
def test_commands_that_are_shown_exist(page, program, commands):
    shown = re.findall(rf"^{program} ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(shown) <= set(commands)


@every_page
def test_trainings_of_gans_that_are_shown_have_settings_that_exist(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for command in re.findall(r"^ca2-gan train (.*)", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert read_arguments(shlex.split(command, comments=True)).config.model.name in list_models()


@pytest.mark.parametrize("model", list_models())
def test_every_gan_has_a_page_with_its_parameters_settings_and_results(model):
    folder = ROOT / "docs" / "gan"
    page, overview = ((folder / name).read_text(encoding="utf-8") for name in (f"{model}.md", "README.md"))
    (row,) = (line for line in overview.splitlines() if line.startswith(f"| [`{model}`]({model}.md) |"))
    assert set(parameters(model).split()) <= {cell.strip() for cell in row.split("|")}
    assert all(count in page for count in parameters(model).split())
    assert f"<!-- table: gan/overview/{model} -->" in page
    assert f"hyperparams/gan/{model}.yml" in page
