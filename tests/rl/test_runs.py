"""Run folders, as ``ca2-rl train`` and rl-zoo3 write them."""

from collections import OrderedDict

import pytest
import yaml

from ca2_core.errors import UserError
from ca2_rl.runs import find_runs, read_run


def write_run(folder, env_id="CartPole-v1", **args):
    """The folder of a finished training with rl-zoo3's own way of dumping."""
    params = folder / env_id
    params.mkdir(parents=True)
    args = OrderedDict({"algo": "noisydqn", "env": env_id, "seed": 7} | args)
    (params / "args.yml").write_text(yaml.dump(args))
    (folder / f"{env_id}.zip").touch()
    return folder


def test_a_run_is_read_from_its_folder(tmp_path):
    folder = write_run(tmp_path / "CartPole-v1_1", seed=3, env_kwargs={"g": 9.81})
    run = read_run(folder)
    assert (run.algo, run.env_id, run.seed, run.folder) == ("noisydqn", "CartPole-v1", 3, folder)
    assert run.params_folder == folder / "CartPole-v1"
    assert run.args["env_kwargs"] == {"g": 9.81}
    assert run.model_path == folder / "CartPole-v1.zip"


def test_runs_are_found_at_and_below_the_given_folders_in_the_order_of_their_paths(tmp_path):
    folders = [write_run(tmp_path / algo / f"CartPole-v1_{i}") for algo in ("a", "b") for i in (1, 2)]
    assert [run.folder for run in find_runs([tmp_path])] == folders
    assert [run.folder for run in find_runs([folders[2], folders[0]])] == [folders[2], folders[0]]
    assert [run.folder for run in find_runs([str(tmp_path / "b")])] == folders[2:]


def test_a_run_that_is_named_twice_is_found_once(tmp_path):
    folder = write_run(tmp_path / "a" / "CartPole-v1_1")
    assert len(find_runs([folder, tmp_path, folder / ".." / folder.name])) == 1


def test_a_training_that_has_not_finished_has_no_model(tmp_path):
    folder = write_run(tmp_path / "CartPole-v1_1")
    (folder / "CartPole-v1.zip").unlink()
    with pytest.raises(UserError, match="has not finished"):
        _ = read_run(folder).model_path


def test_missing_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        find_runs([tmp_path / "missing"])
    with pytest.raises(UserError, match="no run"):
        find_runs([tmp_path])
    with pytest.raises(UserError, match="not a run folder"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "just text", "[1, 2]", "{algo: a, env: b}", "{algo: a, env: b, seed: c}", "{", "!!python/object/apply:os.getcwd []"]
)
def test_damaged_arguments_are_refused_with_the_path_of_the_file(tmp_path, text):
    folder = write_run(tmp_path / "CartPole-v1_1")
    path = folder / "CartPole-v1" / "args.yml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"args\.yml"):
        read_run(folder)


def test_no_python_object_in_the_arguments_is_made(tmp_path):
    folder = write_run(tmp_path / "CartPole-v1_1")
    made = tmp_path / "made"
    (folder / "CartPole-v1" / "args.yml").write_text(f"!!python/object/apply:os.mkdir ['{made}']")
    with pytest.raises(UserError):
        read_run(folder)
    assert not made.exists()


def test_a_key_twice_is_not_taken_for_code(tmp_path):
    folder = write_run(tmp_path / "CartPole-v1_1")
    (folder / "CartPole-v1" / "args.yml").write_text("seed: 1\nseed: 2\n")
    with pytest.raises(UserError, match="line 2: not YAML: the key 'seed' appears twice"):
        read_run(folder)
