"""Whether the numbers of a run are those of a game that still goes on.

Taught in {ref}`training`.
"""

BEYOND = 1e5  # no loss or output of a game that goes on is so large
WON = 1e-3  # a loss of a discriminator that has a best one; a critic has none, and may pass here


def remark(metrics: dict[str, float]) -> str:
    """One sentence if the last row of metrics shows a run that has diverged or is decided, else "".

    metrics: means of losses and outputs, by name.
    Taught in {ref}`training`.
    """
    remedy = "a smaller learning rate, a penalty or another loss may help, from the start or with --previous"
    names = [name for name in metrics if name in ("d_real", "d_fake") or name.startswith("loss")]
    for name in names:
        if abs(metrics[name]) > BEYOND:
            return f"the run has diverged: {name} is {metrics[name]:.1e}; {remedy}"
    if 0 <= metrics.get("loss_d", 1) < WON and metrics.get("d_real", 1) > metrics.get("d_fake", 0):
        return f"the discriminator has won: loss_d is {metrics['loss_d']:.4f}, and little is left to learn; {remedy}"
    return ""
