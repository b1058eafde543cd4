"""How fast the playground of the book plays: training steps and frames, counted in a page of headless Chromium.

The page is the one of the book, with its default networks, opened from disk; what a browser without a screen cannot
use, a graphics card, is not used. Rates are by the clock, so other programs on the machine slow them; costs are by the
clock of the page's own thread, which stands while others run. Frames are counted by the browser's own callback.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "book" / "live"
SPEEDS = ("slow", "quick", "fastest")  # 10 and 240 steps a second, and as many as fit beside the frames
PAGE = """<!doctype html><html lang="en"><head><title>Playground</title><link rel="stylesheet" href="live.css"></head>
<body><div class="live" data-live="playground"></div><script src="playground.js"></script></body></html>"""
STEP = "() => Number(document.querySelector('.pg-numbers dd').textContent)"
FRAMES = """seconds => new Promise(done => {
    let [frames, began] = [0, performance.now()];
    const frame = now => {
        frames++;
        const passed = (now - began) / 1000;
        if (passed < seconds) requestAnimationFrame(frame);
        else done({frames, passed});
    };
    requestAnimationFrame(frame);
})"""


def measure(*, rounds: int, seconds: float = 4.0) -> dict:
    """Steps and frames a second, and the milliseconds of the page's thread for each; medians, and every round.

    The costs come from two speeds: the slow one takes few steps a frame, the fastest as many as fit.
    Raises RuntimeError without esbuild (npm ci) or Chromium.
    """
    chromium, esbuild = shutil.which("chromium"), ROOT / "node_modules" / ".bin" / "esbuild"
    if not chromium or not esbuild.exists():
        raise RuntimeError("the playground needs esbuild, which `npm ci` fetches, and a program called chromium")
    from playwright.sync_api import sync_playwright

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        options = ["--bundle", "--minify", "--format=iife", "--log-level=warning", f"--outdir={folder}"]
        subprocess.run([esbuild, SOURCE / "playground.js", SOURCE / "live.css", *options], check=True)
        index = Path(folder) / "index.html"
        index.write_text(PAGE, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        turns = [{speed: _played(page, f"{index.as_uri()}#speed={speed}", seconds) for speed in SPEEDS}
                 for _ in range(rounds)]  # fmt: skip
        version = browser.version
        browser.close()
    costs = [_costs(turn["slow"], turn["fastest"]) for turn in turns]
    return {
        "name": "playground",
        "rounds": rounds,
        "seconds": seconds,
        "browser": f"Chromium {version}",
        "processors": os.cpu_count(),
        "load": round(load, 1),  # programs that waited for a processor, before
        "speeds": {speed: _median([turn[speed] for turn in turns], ("steps", "frames")) for speed in SPEEDS},
        "busy": _median([turn["fastest"] for turn in turns], ("busy",))["busy"],  # share of a processor that it got
        "milliseconds": _median(costs, ("step", "frame")),
        "turns": turns,
    }


def _played(page, address: str, seconds: float) -> dict:
    """Rates of a game, and for how much of each second the page's thread was at work."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_function(f"({STEP})() > 20", timeout=120_000)
    clock = page.context.new_cdp_session(page)
    clock.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy():
        return next(m["value"] for m in clock.send("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration")

    first, before = page.evaluate(STEP), busy()
    found = page.evaluate(FRAMES, seconds)
    passed = found["passed"]
    return {
        "steps": (page.evaluate(STEP) - first) / passed,
        "frames": found["frames"] / passed,
        "busy": (busy() - before) / passed,
    }


def _costs(slow: dict, fast: dict) -> dict:
    """Milliseconds of a step and of a frame: two equations, steps * step + frames * frame = time at work."""
    determinant = slow["steps"] * fast["frames"] - fast["steps"] * slow["frames"]
    step = (slow["busy"] * fast["frames"] - fast["busy"] * slow["frames"]) / determinant
    frame = (slow["steps"] * fast["busy"] - fast["steps"] * slow["busy"]) / determinant
    return {"step": 1000 * step, "frame": 1000 * frame}


def _median(rows: list[dict], keys) -> dict:
    return {key: round(statistics.median(row[key] for row in rows), 2) for key in keys}
