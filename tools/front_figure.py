"""Draw the figure of the front page: `python -m tools.front_figure` writes book/_static/the_game.svg.

A generator with two Gaussian bumps learns a mixture on the line, playing the non-saturating game against
the optimal discriminator of every moment. All is quadrature: no network, no noise, the same picture every time.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from ganedu import densities, plots
from ganedu.value import optimal_logit, value

TARGET = Path(__file__).resolve().parents[1] / "book" / "_static" / "the_game.svg"
STEPS = (0, 20, 100, 1000)


def play(log_p, grid):
    """Yield (step, log density of the generator [n]) at STEPS of gradient descent on -E_q[log D*], D* held fixed."""
    means = torch.tensor([-0.5, 0.5], dtype=torch.float64, requires_grad=True)
    log_stds = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    logits = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([means, log_stds, logits], lr=0.1)
    for step in range(max(STEPS) + 1):
        q = MixtureSameFamily(Categorical(logits=logits), Normal(means, log_stds.exp()))
        log_q = q.log_prob(grid.nodes)
        if step in STEPS:
            yield step, log_q.detach()
        surprise = -torch.nn.functional.logsigmoid(optimal_logit(log_p, log_q.detach()))
        optimizer.zero_grad()
        grid.expect(log_q, surprise).backward()
        optimizer.step()


def draw():
    """The figure: the densities and the optimal discriminator at STEPS, with the value of the game below."""
    plots.use_style()
    grid = densities.interval(-9, 9, panels=25)
    log_p = densities.log_on(grid, densities.mixture([-1.8, 2.0], [0.45, 0.8], [0.4, 0.6]))
    x, p = grid.nodes, log_p.exp()
    fig, axes = plt.subplots(2, 2, figsize=(7, 4.8), sharey=True)
    for ax, (step, log_q) in zip(axes.flat, play(log_p, grid), strict=True):
        logit = optimal_logit(log_p, log_q)
        ax.fill_between(x, p, color=plots.REAL, alpha=0.2, linewidth=0)
        ax.plot(x, p, color=plots.REAL, linestyle="-", label="data, $p$")
        ax.plot(x, log_q.exp(), color=plots.FAKE, linestyle=(0, (5, 1.5)), label="generator, $q$")
        ax.plot(x, logit.sigmoid(), color="black", linestyle=(0, (1, 1.2)), label="optimal discriminator, $D^*$")
        game = value(logit, log_p, log_q, grid)
        ax.set(title=f"step {step}", xlim=(-4.5, 5), ylim=(0, 1.05), xticks=[], yticks=[0, 0.5, 1])
        ax.set_xlabel(f"$V(D^*, G) = {game:.3f}$")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


if __name__ == "__main__":
    plt.rcParams["svg.hashsalt"] = "ganedu"  # the same bytes every time
    draw().savefig(TARGET, metadata={"Date": None})
