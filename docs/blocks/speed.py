"""How fast tasks are trained and served."""

from __future__ import annotations

from blocks.source import load_record
from sleepy_coder.report import markdown_table


def render_train_cpu() -> str:
    """Return how long one new task takes on a processor, and whether its loss fell."""
    record = load_record("share_train_cpu.json")
    head = ["answers", "number format", "steps", "minutes, start to store", "tokens/s", "padding"]
    head += ["loss, first quarter", "last quarter", "load before"]
    fact = (
        f"{record['num_pairs']} generated pairs of `{record['pattern']}`, which the basis has not\n"
        f"seen; {record['num_cores']} cores, not alone where the load before is over 1."
    )
    rows = [
        (
            {"edit": "edits", "program": "whole programs"}[form],
            run["model"]["dtype"],
            run["config"]["num_steps"],
            f"{run['wall_s'] / 60:.1f}",
            f"{run['tokens_per_s']:.0f}",
            f"{100 * run['padding_frac']:.0f} %",
            f"{run['mean_loss_first_quarter']:.3f}",
            f"{run['mean_loss_last_quarter']:.3f}",
            f"{run['load_before']:.1f}",
        )
        for form, run in record["runs"].items()
    ]
    return f"{fact}\n\n{markdown_table(head, rows, num_words=2)}"


def render_train_gpu() -> str:
    """Return how fast many tasks train in one pass, against PEFT's one after the other."""
    record = load_record("train_gpu.json")
    work = record["work"]
    setting = (
        f"{work['num_tasks']} tasks, {record['setting']['num_steps']} steps of "
        f"{record['setting']['rows_per_task']} rows each, {record['device_name']}, matrix products "
        f"at {record['matmul_peak_tflops']:.0f} TFLOP/s at best:"
    )
    head = (None, "s", "tokens/s", "share of the peak", "times PEFT", "times PEFT without cuDNN")
    rows = []
    for name, side in record["sides"].items():
        cells = [name, f"{side['seconds']:.1f}", f"{side['tokens_per_s']:,.0f}"]
        cells += [f"{100 * side['model_flops_frac']:.0f} %"]
        cells += [f"{side[field]:.2f}" for field in ("times_peft", "times_peft_no_cudnn")]
        rows.append(cells)
    training = load_record("learn/qwen2.5-coder-1.5b-instruct.json")["training"]
    fact = (
        f"The shipped store's {len(training['losses'])} tasks took {training['seconds']:.0f} s on "
        f"{training['num_ranks']} GPU(s), {training['num_tokens'] / 1e6:.1f} million tokens, "
        f"{training['tokens_per_s']:,.0f} a second."
    )
    return "\n".join([setting, "", markdown_table(head, rows), "", fact])


def render_serve() -> str:
    """Return how fast a server answers requests of many tasks, of one, and one after another."""
    record = load_record("serve.json")
    setting, store, environment = (record[key] for key in ("setting", "store", "environment"))
    speeds, ratios = record["tokens_per_s"], record["ratios"]
    threads = environment["threads"]
    served = (
        f"{setting['requests']} requests of up to {setting['max_tokens']} tokens, "
        f"{record['model']['name']} ({record['model']['dtype']}), "
        f"{threads} {'thread' if threads == 1 else 'threads'} of {environment['cpu']}; "
        f"{store['tasks']} tasks, "
        f"{store['coefficient_bytes'] / 1e6:.1f} MB beside a basis of "
        f"{store['basis_bytes'] / 1e6:.1f} MB."
    )
    rows = []
    for way, speed in speeds.items():
        ratio = ratios.get(f"many tasks at once to {way}")
        rows.append((way, f"{speed:.1f}", f"{ratio:.2f} times as fast" if ratio else ""))
    return (
        f"{served}\n\n{markdown_table((None, 'tokens a second', 'many tasks at once are'), rows)}"
    )


def render_stall() -> str:
    """Return how long others wait while the server reads a long prompt."""
    record = load_record("serve_stall.json")
    heads = {
        "longest_wait_s": "longest wait between its tokens, s",
        "short_prompt_first_token_s": "first token of a short request, s",
        "long_prompt_first_token_s": "of the long one, s",
    }
    rows = [(way, *(f"{found[key]:.1f}" for key in heads)) for way, found in record["ways"].items()]
    first = f"a prompt of {record['prompt_tokens']:,} tokens, read"
    return markdown_table((first, *heads.values()), rows)
