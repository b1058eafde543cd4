"""A page that asks people which of two pictures is real, and what their votes prove.

The page is one file without a server: pairs of a real and a generated picture in random order, one after the other. It
does not know which is which. The key is a second file, which stays with whoever asks; the votes come back as a third.
Taught in {ref}`ch-responsible-use`; the rules of such a test in {ref}`ch-evaluation`.
"""

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganedu._files import write_atomically
from ganedu.data import projection, stored, to_bytes, to_floats
from ganedu.metrics import Interval, clopper_pearson, student
from ganedu.reporting.page import page, text

PAGE, KEY = "judge.html", "judge.key.json"
PAIRS = 40
SIDES = ("left", "right")
LARGEST = 10**6  # bytes of a file of votes that is read

STYLE = """
#pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; max-width: 40rem; margin: 1rem auto }
#pair button { padding: 0.6rem; background: var(--code); border: 2px solid var(--line); border-radius: 6px;
  cursor: pointer } #pair button:hover, #pair button:focus-visible { border-color: var(--tone1); outline: none }
#pair img { width: 100% } textarea { width: 100%; height: 6rem } [hidden] { display: none !important }
#end button { padding: 0.4rem 1rem; font: inherit }
"""

SCRIPT = """
const { page, pairs } = JSON.parse(document.getElementById("data").textContent);
const votes = [], seconds = [], find = (id) => document.getElementById(id);
const judge = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
const pictures = document.querySelectorAll("#pair img");
let since = 0;
function show() {
  const i = votes.length;
  if (i === pairs.length) { finish(); return; }
  pictures.forEach((picture, side) => { picture.src = pairs[i][side]; });
  find("progress").textContent = `Pair ${i + 1} of ${pairs.length}`;
  since = performance.now();
}
function vote(side) {
  if (votes.length === pairs.length) return;
  votes.push(side);
  seconds.push(Math.round((performance.now() - since) / 100) / 10);
  show();
}
function finish() {
  const result = JSON.stringify({ page, judge, votes, seconds });
  find("pair").hidden = true;
  find("end").hidden = false;
  find("progress").textContent = `${votes.length} votes`;
  find("text").value = result;
  find("save").href = URL.createObjectURL(new Blob([result], { type: "application/json" }));
  find("save").download = `votes-${judge}.json`;
  find("save").focus();
}
document.querySelectorAll("#pair button").forEach((button, side) => {
  button.addEventListener("click", () => vote(["left", "right"][side]));
});
document.addEventListener("keydown", (event) => {
  if (event.repeat) return;
  if (event.key === "ArrowLeft") vote("left");
  if (event.key === "ArrowRight") vote("right");
});
find("pair").hidden = false;
show();
"""


class Verdict(NamedTuple):
    """What people could tell.

    judges, votes, right: how many; share: of right votes, with the exact binomial interval, as if all votes were
    independent; over_judges: mean share of a judge with Student's interval, None for one judge; variation: what the
    lower end of `share` proves of the total variation between real and generated pictures, see `least_variation`.
    Taught in {ref}`ch-responsible-use`.
    """

    judges: int
    votes: int
    right: int
    share: Interval
    over_judges: Interval | None
    variation: float


def write(folder: Path, real: Tensor, fake: Tensor, *, pairs: int = PAIRS, seed: int = 0) -> tuple[Path, Path]:
    """Write the page and its key into a folder; returns both paths, judge.html and judge.key.json.

    real, fake: bytes [n, C, H, W] of one shape, C of 1 or 3; `pairs` of each are drawn without repetition, with the
    random numbers of `seed`. The same arguments give the same bytes.
    Raises ValueError for other pictures, or fewer of a kind than pairs.
    Taught in {ref}`ch-responsible-use`.
    """
    _check_pictures(real, fake, pairs)
    draws = torch.Generator().manual_seed(seed)
    chosen = [images[torch.randperm(len(images), generator=draws)[:pairs]] for images in (real, fake)]
    real_left = torch.randint(2, (pairs,), generator=draws).bool()
    uris = [[_uri(image) for image in images.permute(0, 2, 3, 1).cpu().numpy()] for images in chosen]
    shown = [[r, f] if left else [f, r] for r, f, left in zip(*uris, real_left.tolist(), strict=True)]
    name = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:12]
    key = {"page": name, "real": [SIDES[not left] for left in real_left.tolist()]}
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / KEY, (json.dumps(key) + "\n").encode())
    write_atomically(folder / PAGE, _page(name, shown).encode())
    return folder / PAGE, folder / KEY


def evaluate(votes: Sequence[Path], key: Path, *, level: float = 0.95) -> Verdict:
    """What the votes say: files that the page has saved, and its key.

    Raises ValueError, naming the file, for whatever is not what the page saves, votes for another page, or the same
    judge twice.
    Taught in {ref}`ch-responsible-use`.
    """
    answers = _read(key)
    if not _is_key(answers):
        raise ValueError(f"{key} is no key of a page; it was written beside it, as {KEY}")
    rights: dict[str, list[bool]] = {}
    for path in votes:
        found = _read(path)
        if not _is_votes(found):
            raise ValueError(f"{path} holds no votes; it must be what the page saved at its end")
        if found["page"] != answers["page"] or len(found["votes"]) != len(answers["real"]):
            raise ValueError(f"{path} holds votes for the page {found['page']}, the key is of {answers['page']}")
        if found["judge"] in rights:
            raise ValueError(f"{path} holds the votes of a judge who was counted already; give each file once")
        rights[found["judge"]] = [vote == real for vote, real in zip(found["votes"], answers["real"], strict=True)]
    if not rights:
        raise ValueError("no votes given; open the page, vote, and give the files that it saves")
    each = [sum(right) / len(right) for right in rights.values()]
    right, total = sum(map(sum, rights.values())), sum(map(len, rights.values()))
    share = clopper_pearson(right, total, level=level)
    over_judges = student(torch.tensor(each, dtype=torch.float64), level=level) if len(each) > 1 else None
    return Verdict(len(each), total, right, share, over_judges, least_variation(share.low))


def for_run(run: Path, *, pairs: int = PAIRS, seed: int = 0, root: Path | None = None, device: str = "cpu", **which):
    """Write the page of a run, and its key, into its folder, see `write`; returns both paths.

    The real pictures are those of the test split, at the size of the run; voxels are shown as pictures of them. seed:
    of the choice, the order and the latent vectors. root: folder of downloaded sets. which: options of
    `ganedu.training.load`, which checkpoint.
    Raises ValueError for recipes that draw nothing from noise, for data without a name, and for fewer test pictures
    than pairs.
    Taught in {ref}`ch-responsible-use`.
    """
    from ganedu.training import load, run_folder, source
    from ganedu.training.loading import recipe_of

    plan = run_folder.read_config(run)
    (kind, config), about = recipe_of(plan), plan["data"]
    if not hasattr(kind, "sample"):
        raise ValueError(f"{kind.name} draws nothing from noise, and what it makes would be known by its input")
    if about["name"] == source.TENSOR:
        raise ValueError("the images were given from Python; write a page of them with ganedu.reporting.judging.write")
    found = stored.load(kind.Batch, about["name"], "test", root or about.get("root"), size=config.size).data
    real = [each for each in found if each.dtype == torch.uint8][-1]
    if pairs > len(real):
        raise ValueError(f"{pairs} pairs need as many real pictures: the test split has {len(real)}")
    real = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))[:pairs]]
    made = load(run, device=device, **which).sample(pairs, torch.Generator(device).manual_seed(seed)).float().cpu()
    if made.ndim == 5:
        made, real = projection.shaded(made), to_bytes(projection.shaded(to_floats(real, torch.float32)))
    return write(run, real, to_bytes(made), pairs=pairs, seed=seed)


def in_words(verdict: Verdict, *, level: float = 0.95) -> str:
    """A verdict in a few lines.

    Taught in {ref}`ch-responsible-use`.
    """
    share, people = verdict.share, f"{verdict.judges} judge{'s' * (verdict.judges > 1)}"
    lines = [
        f"{people}, {verdict.votes} votes, {verdict.right} right: {share.estimate:.2f}, {level:.0%} interval "
        f"{share.low:.2f} to {share.high:.2f} if all votes are independent"
    ]
    if verdict.over_judges:
        mean, low, high = verdict.over_judges
        lines.append(f"over judges: {mean:.2f}, {max(low, 0):.2f} to {min(high, 1):.2f}")
    if verdict.variation:
        lines.append(f"real and generated pictures differ: the total variation is at least {verdict.variation:.2f}")
    else:
        lines.append("this does not prove that real and generated pictures differ, and no vote proves that they agree")
    return "\n".join(lines)


def least_variation(share: float) -> float:
    """The least total variation with which a judge finds the real one of two pictures with this probability.

    share: in [0, 1]; 0 is returned up to one half.
    Raises ValueError for a share outside of it.
    Taught in {ref}`ch-responsible-use`.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not {share}")
    return max(0.0, 1 - (2 * (1 - share)) ** 0.5)


def _page(name, shown):
    words = (
        "Each pair holds one real and one generated picture, in random order. Choose the one that you take for real: "
        "click it, or press the left or right arrow key. You will not be told whether you were right."
    )
    sides = "".join(f'<button type="button"><img alt="the {side} picture"></button>' for side in SIDES)
    saved = (
        '<p><a id="save">Save the votes</a> and send the file to whoever gave you this page. It holds your choices, '
        "how long each took, and a random number; nothing else, and nothing leaves this page by itself.</p>"
        '<p><label for="text">The same as text:</label></p><textarea id="text" readonly></textarea>'
    )
    data = json.dumps({"page": name, "pairs": shown})
    return page(
        "Which one is real?",
        [
            f"<style>{STYLE}</style>",
            "<h1>Which one is real?</h1>",
            text(words),
            '<p id="progress" aria-live="polite">This page needs JavaScript.</p>',
            f'<div id="pair" hidden>{sides}</div>',
            f'<div id="end" hidden>{saved}</div>',
            f'<script type="application/json" id="data">{data}</script>',
            f"<script>{SCRIPT}</script>",
        ],
    )


def _uri(image: np.ndarray) -> str:
    """A PNG of bytes [H, W, C] as data URI, without anything that would tell how it was made."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image if image.shape[2] == 3 else image[:, :, 0]).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _check_pictures(real, fake, pairs):
    for name, images in (("real", real), ("fake", fake)):
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            given = f"{images.dtype} {list(images.shape)}"
            raise ValueError(f"{name} pictures must be uint8 [n, C, H, W] with C of 1 or 3, not {given}")
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            f"real {list(real.shape[1:])} and fake {list(fake.shape[1:])} differ in shape, which tells all"
        )
    if not 1 <= pairs <= min(len(real), len(fake)):
        raise ValueError(f"{pairs} pairs need as many of each: {len(real)} real and {len(fake)} fake pictures given")


def _read(path: Path):
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too long")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def _is_key(found) -> bool:
    return isinstance(found, dict) and isinstance(found.get("page"), str) and _are_sides(found.get("real"))


def _is_votes(found) -> bool:
    named = isinstance(found, dict) and all(isinstance(found.get(name), str) for name in ("page", "judge"))
    return named and _are_sides(found.get("votes"))


def _are_sides(found) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(each, str) and each in SIDES for each in found)
