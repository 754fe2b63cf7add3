"""Several replicas train as one does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("replicas_run.py")


def start(*arguments, **environment):
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROGRAM.parents[2]),
        "CUDA_VISIBLE_DEVICES": "",
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def output(process):
    try:
        printed, errors = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 0, errors[-3000:]
    return printed.splitlines()


@pytest.mark.slow
def test_two_replicas_train_as_one():
    """With clipping, accumulation, penalties and metrics, on batches of odd numbers of rows."""
    lines = [line.split() for line in output(start("mirrored"))]
    differences = {line[0]: line[1] for line in lines if len(line) == 2}
    told = differences.pop("outside")
    assert "Create_model_and_optimizer_under_`with_strategy.scope():`" in told
    assert "carry=CarriedMemory(...)_works_on_one_replica" in differences.pop("carried")
    ways = {"clip", "accumulate", "penalty", "metrics", "lower"}
    ways |= {"compiled", "compiled,_accumulate"}
    assert set(differences) == ways
    assert max(map(float, differences.values())) < 2e-6, differences


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


@pytest.mark.slow
def test_two_workers_train_as_one(tmp_path):
    def numbers(process):
        (result,) = (line for line in output(process) if line.startswith("result"))
        return [float(part) for part in result.split()[1:]]

    alone = numbers(start("worker", tmp_path / "alone"))
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    processes = [
        start(
            "worker",
            tmp_path / "together",
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    try:
        together = [numbers(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
    np.testing.assert_allclose(together[0], alone, rtol=1e-5)
    np.testing.assert_allclose(together[1], alone, rtol=1e-5)
    assert (tmp_path / "together" / "history.csv").exists()
