"""The table and the figure of the page on performance, from the stored results of the benchmarks.

`tools.pages` calls `build`; to look at them alone: `python -m tools.performance`.
"""

import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmarks import record
from ganedu import plots
from tools.pages import ROOT, write_if_changed

TITLES = {
    "dcgan": "DCGAN, one step",
    "wgan_gp_conv": "WGAN-GP, convolutional: five steps of the critic and one of the generator",
    "wgan_gp_resnet": "WGAN-GP, residual: five steps of the critic and one of the generator",
    "cyclegan": "CycleGAN, one step",
    "epoch": "DCGAN, an epoch fed with pictures from memory",
    "epoch_photographs": "DCGAN, an epoch fed with photographs",
}
GIB, GIGA = 2**30, 1e9


def table(results: dict[str, dict]) -> str:
    """The contests, one row a contestant, each with a line that says what was done and where."""
    parts = [contest(results[name], title) for name, title in TITLES.items() if name in results]
    return "\n\n".join(parts or ["Nothing measured yet: `make bench`."]) + "\n"


def contest(found: dict, title: str) -> str:
    """One contest: what, the rows, the machine, the provenance."""
    what = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found["settings"].items())
    names = ("step", "seconds", "speedup", "its middle half", "GFLOP", "floor, s", "share of the floor")
    head = f"| {' | '.join(names)} |\n{'|---' * len(names)}|"
    rows = [_row(name, row) for name, row in found["contestants"].items()]
    machine = found["machine"]
    path = found["path"]
    return "\n\n".join(
        [
            f"### {title}",
            f"{what}; medians over {found['rounds']} rounds; speedup over *{found['plain']}*.",
            "\n".join([head, *rows]),
            f"Path: the losses of *exact* differ from those of *plain* by at most "
            f"{', '.join(f'{value:.0e}' for value in path['largest_differences']['exact'])} in the first "
            f"{len(path['tolerances'])} works (allowed {', '.join(f'{value:g}' for value in path['tolerances'])}). "
            f"Machine, in the same rounds: {machine['fp32_operations_per_second'] / GIGA:.0f} GFLOP/s in float32, "
            f"{machine['bf16_operations_per_second'] / GIGA:.0f} in bfloat16, "
            f"{machine['bytes_per_second'] / GIGA:.1f} GB/s copied.",
            origin(found["provenance"]),
        ]
    )


def _row(name: str, row: dict) -> str:
    low, high = row["speedup_quartiles"]
    return (
        f"| {name} | {row['seconds']:.3f} | {row['speedup']:.2f}× | {low:.2f} to {high:.2f} | "
        f"{row['operations'] / GIGA:.1f} | {row['floor_seconds']:.3f} | {row['share_of_floor']:.0%} |"
    )


def origin(source: dict) -> str:
    """Where a result comes from, in a sentence."""
    commit, _, changes = (source["commit"] or "unknown").partition("+")
    return (
        f"*{source['processor']}, {source['threads']} thread{'s' if source['threads'] > 1 else ''}, "
        f"PyTorch {source['packages']['torch']}, commit {commit[:7]}{' with changes' if changes else ''}, "
        f"{source['date']}: `{source['command']}`*"
    )


def slope(x: list[float], y: list[float]) -> float:
    """The exponent of a power law through points, by least squares of the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def scaling(found: dict) -> str:
    """What the figure shows, in numbers."""
    lines = []
    for axis, key, name in (("batch", "batch_size", "batch"), ("side", "size", "side of the images")):
        x = [row[key] for row in found[axis]]
        time, memory = ([row[part] for row in found[axis]] for part in ("seconds", "peak_bytes"))
        lines.append(
            f"* Against the {name}, {x[0]} to {x[-1]}: {time[0]:.3f} to {time[-1]:.3f} seconds a step, growing as its "
            f"power {slope(x, time):.2f}; {memory[0] / GIB:.2f} to {memory[-1] / GIB:.2f} GiB at most, as its power "
            f"{slope(x, memory):.2f}."
        )
    return "\n".join([*lines, "", origin(found["provenance"])]) + "\n"


def figure(found: dict) -> str:
    """Seconds and memory against batch and side, on logarithmic axes, as SVG; markers and dashes differ."""
    plots.use_style()
    plt.rcParams["svg.hashsalt"] = "ganedu"  # the same bytes every time
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.2), sharey=True)
    labels = (("batch", "batch_size", "images a batch"), ("side", "size", "side of the images, pixels"))
    for ax, (axis, key, label) in zip(axes, labels, strict=True):
        x = [row[key] for row in found[axis]]
        ax.loglog(x, [row["seconds"] for row in found[axis]], "o-", color=plots.REAL, label="seconds a step")
        memory = [row["peak_bytes"] / GIB for row in found[axis]]
        ax.loglog(x, memory, "s", linestyle=(0, (5, 1.5)), color=plots.FAKE, label="GiB at most")
        ax.set_xlabel(label)
        ax.set_xticks(x, [str(value) for value in x])
        ax.minorticks_off()
    axes[0].set_ylabel("seconds or GiB")
    axes[0].legend()
    return _svg(fig)


def _svg(fig: plt.Figure) -> str:
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(fig)
    return buffer.getvalue()


def playground(found: dict) -> str:
    """What a step and a frame of the playground cost, what that allows, and what the clock saw."""
    step, frame = found["milliseconds"]["step"], found["milliseconds"]["frame"]
    fit, fast = int(min(9, 1000 / 60 - frame) / step), found["speeds"]["fastest"]  # it trains for 9 ms of a frame
    lines = [
        f"With the default networks a training step takes {step:.2f} ms of the page's own thread, and drawing a frame",
        f"{frame:.1f} ms. In a sixtieth of a second it draws once and takes {fit} steps: {60 * fit} steps a second.",
        f"By the clock there were {fast['steps']:.0f} steps and {fast['frames']:.0f} frames a second at the speed *as",
        f"fast as it goes*: {found['load']:.0f} other programs shared the {found['processors']} processors, and the",
        f"page had {100 * found['busy']:.0f} % of one. Medians of {found['rounds']} rounds of {found['seconds']:g} s",
        f"in headless {found['browser']}, without a graphics card.",
    ]
    return "\n".join([*lines, "", origin(found["provenance"])]) + "\n"


def quality(found: dict) -> str:
    """The distance of each runner after a third, two thirds and the whole of the time, and when it led."""
    seconds = found["settings"]["seconds"]
    times = [seconds / 3, 2 * seconds / 3, seconds]
    names = ("runner", "seconds a step", *(f"after {time:g} s" for time in times), "not averaged", "as near after")
    rows = []
    for name, row in found["runners"].items():
        runs, pace = row["runs"], f"{found['pace'][name]:.3f}"
        distances = [_among([_at(run, time) for run in runs]) for time in times]
        raw = "" if name.endswith("plain") else _among([run["not_averaged"] for run in runs])
        first = _among([reached or float("inf") for reached in row["reached"]], "{:.0f} s")
        rows.append([name, pace, *distances, raw, first])
    return _numbers(names, rows, found)


def ingredients(found: dict) -> str:
    """The distance of the miniature and of the same with one thing changed, at the times of measuring, and steps."""
    times = next(iter(found["runners"].values()))["runs"][0]["seconds"]
    names = ("changed", "seconds a step", *(f"after {time:g} s" for time in times), "not averaged")
    rows = []
    for name, row in found["runners"].items():
        distances = [_among([_at(run, time) for run in row["runs"]], "{:.1f}") for time in times]
        raw, pace = _among([run["not_averaged"] for run in row["runs"]], "{:.1f}"), f"{found['pace'][name]:.3f}"
        changed = (*name.split(", ", 2), "nothing")[2]
        rows.append([changed, pace, *distances, raw])
    return _numbers(names, rows, found)


def _numbers(names: tuple[str, ...], rows: list[list[str]], found: dict) -> str:
    """A table with a name and numbers in each row, and where they come from."""
    lines = [" | ".join(cells) for cells in (names, *rows)]
    head, *body = [f"| {line} |" for line in lines]
    return "\n".join([head, f"|---{'|--:' * (len(names) - 1)}|", *body, "", origin(found["provenance"])]) + "\n"


def _at(run: dict, time: float) -> float | None:
    return dict(zip(run["seconds"], run["frechet_distance"], strict=True)).get(time)


def _among(values: list[float | None], form: str = "{:.0f}") -> str:
    """Least and largest value of the seeds, once if they read alike; nothing where there are none."""
    if None in values:
        return ""
    low, high = ("never" if value == float("inf") else form.format(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def race(found: dict) -> str:
    """Distance over time of each runner, the mean of its seeds between their least and largest, as SVG."""
    plots.use_style()
    plt.rcParams["svg.hashsalt"] = "ganedu"
    fig, ax = plt.subplots(figsize=(7, 3.8))
    kinds = {"plain": (0, (1, 1)), "ours": (0, (5, 1.5)), "small": "-"}
    recipes = list(dict.fromkeys(name.partition(", ")[0] for name in found["runners"]))
    for name, row in found["runners"].items():
        recipe, _, kind = name.partition(", ")
        marker, color = "osD^"[recipes.index(recipe)], plots.COLORS[recipes.index(recipe)]
        times, distances = row["runs"][0]["seconds"], np.array([run["frechet_distance"] for run in row["runs"]])
        ax.plot(times, distances.mean(0), linestyle=kinds[kind], marker=marker, color=color, label=name, ms=4)
        ax.fill_between(times, distances.min(0), distances.max(0), color=color, alpha=0.15, lw=0)
    ax.set(yscale="log", xlabel="seconds of one core", ylabel="Fréchet distance")
    ax.set_yticks([10, 20, 50, 100, 200], ["10", "20", "50", "100", "200"])
    ax.minorticks_off()
    ax.legend(ncols=2)
    return _svg(fig)


def build(target: Path) -> None:
    """Write the generated parts of the page into the folder `target`."""
    results = record.read()
    write_if_changed(target / "performance.md", table(results))
    if "scaling" in results:
        write_if_changed(target / "scaling.md", scaling(results["scaling"]))
        write_if_changed(target / "scaling.svg", figure(results["scaling"]))
    if "playground" in results:
        write_if_changed(target / "playground.md", playground(results["playground"]))
    if "quality" in results:
        write_if_changed(target / "quality.md", quality(results["quality"]))
        write_if_changed(target / "quality.svg", race(results["quality"]))
    if "ingredients" in results:
        write_if_changed(target / "ingredients.md", ingredients(results["ingredients"]))


if __name__ == "__main__":
    build(ROOT / "_build" / "generated")
