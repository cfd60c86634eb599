"""Two processes on one machine, over Gloo, against one that does all the work."""

import multiprocessing
import os
import socket
from dataclasses import replace

import pytest
import torch

from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.layer import inject
from sleepy_coder.share.trainable import TrainableTasks
from sleepy_coder.train.distributed import Ranks, current_ranks, joined_ranks
from sleepy_coder.train.fit import FitConfig, fit
from sleepy_coder.train.lora import LoraTasks
from sleepy_coder.train.pairs import Row
from tiny_model import make_hf_model

# A step has three rows, so that two processes share them unevenly; then one, so that one has none.
CONFIG = FitConfig(num_steps=4, rows_per_task=3, learning_rate=1e-2, warmup_steps=1, max_tokens=20)


def train(config, rank):
    """Return the parameters after training coefficients with an expansion direction."""
    torch.set_num_threads(1)
    model = make_hf_model(50).eval().requires_grad_(requires_grad=False)
    lora = LoraTasks(model, ["base"], rank=4)
    lora.rows.data.normal_(generator=torch.Generator().manual_seed(0))
    subspace = init_subspace(lora.adapters(), InitOptions())
    lora.close()
    inject(model, subspace)
    # Another seed on the second process: all must start from the first one's values.
    tasks = TrainableTasks(model, subspace, ["up"], expansion=1, seed=rank)
    prompts = [(3, 4, 5), (6, 7), (8, 9, 10, 11, 12, 13)]
    rows = {"up": [Row("up", (*p, 20, 21, 1), len(p), (True,) * 3) for p in prompts]}
    report = fit(model, tasks, rows, config, pad_id=0)
    values = torch.cat([each.detach().flatten() for each in tasks.parameters()])
    return values.tolist(), report.losses, (report.num_tokens, report.num_ranks)


def work(rank, port, config, queue):
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE="2",
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    with joined_ranks() as device:
        assert device == "cpu"
        queue.put((rank, *train(config, rank)))


def run_two(target, *arguments):
    """Return what two processes that joined each other put into the queue."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=target, args=(r, port, *arguments, queue)) for r in (0, 1)]
    for worker in workers:
        worker.start()
    found = [queue.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    return found


@pytest.mark.parametrize("rows_per_task", [3, 1])
def test_two_processes_end_where_one_does(rows_per_task):
    config = replace(CONFIG, rows_per_task=rows_per_task)
    first, second = sorted(run_two(work, config))
    alone, losses, (num_tokens, _) = train(config, rank=0)
    assert first[1] == second[1]  # the same to the bit, or they would drift apart
    torch.testing.assert_close(torch.tensor(first[1]), torch.tensor(alone), rtol=1e-3, atol=1e-4)
    assert first[2]["up"] == pytest.approx(losses["up"], rel=1e-4)
    assert first[3] == (num_tokens, 2)


def test_a_steps_rows_are_dealt_out_evenly_by_length():
    rows = [Row("t", tuple(range(n)), 1, (True,) * (n - 1)) for n in (9, 2, 5, 3, 2)]
    parts = Ranks(0, 2).split(rows)
    assert [[len(row) for row in part] for part in parts] == [[2, 3, 9], [2, 5]]


def gather(rank, port, queue):
    os.environ.update(
        RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    with joined_ranks():
        ranks = current_ranks()
        found = ranks.gather({f"of {rank}": [rank]})
        ranks.wait()
        queue.put(found)


def test_processes_put_together_what_each_found():
    assert run_two(gather) == [{"of 0": [0], "of 1": [1]}] * 2
    assert Ranks().gather({"alone": 1}) == {"alone": 1}


def test_without_companions_a_process_is_alone():
    with joined_ranks() as device:
        assert device is None
