"""What the stored results of the chapters on games claim."""

import hashlib
import json
import runpy
from pathlib import Path

import pytest
import torch

RESULTS = Path(__file__).resolve().parents[1] / "book" / "results"


def stored(run):
    return json.loads((RESULTS / run / "metrics.json").read_text(encoding="utf-8"))


DIRAC = stored("dirac_gan")["methods"]


def test_flows_and_eigenvalues_by_hand_are_those_of_the_package():
    script = runpy.run_path(str(RESULTS / "dirac_gan" / "run.py"))
    assert list(DIRAC) == list(script["METHODS"])
    for name, method in script["METHODS"].items():
        assert DIRAC[name].get("flow_error", 0) < 1e-11 and DIRAC[name].get("eigenvalues_error", 0) < 1e-12
        if method.package:
            for w in script["PLACES"]:
                assert torch.allclose(method.flow(w), method.package(w), rtol=0, atol=1e-11), name


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_what_converges_at_once_or_in_turn_is_what_has_negative_real_parts(order):
    for name, row in DIRAC.items():
        stable = "eigenvalues" in row and all(real < 0 for real, _ in row["eigenvalues"])
        assert row[order]["converges"] == stable, name


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_measured_rates_of_what_converges_are_the_predicted_ones(order):
    for name, row in DIRAC.items():
        if row[order]["converges"]:
            assert row[order]["measured_factor"] == pytest.approx(row[order]["predicted_factor"], abs=5e-3), name


def test_final_distances_are_those_of_the_authors_experiment():
    expected = {
        "GAN": (3.10, 1.42, 1.85),
        "NS-GAN": (0.640, 0.284, 0.139),
        "WGAN, clipped at 1": (1.00, 1.02, 0.917),
        "WGAN-GP, 0.35 (|psi| - 1)^2": (1.80, 1.22, 0.716),
        "R1, gamma 0.3": (2.6e-6, 2.3e-7, 9e-34),
        "NS-GAN with R1, gamma 0.3": (2.2e-6, 1.5e-7, 4e-34),
        "consensus, gamma 1, as the authors' code has it": (2.1e-10, 1.3e-11, 5e-33),
    }
    for name, distances in expected.items():
        found = [DIRAC[name][order]["final_distance"] for order in stored("dirac_gan")["settings"]["orders"]]
        assert found == pytest.approx(distances, rel=0.1), name


def test_five_discriminator_steps_undo_consensus_from_this_start_with_the_true_gradient_only():
    true, published = DIRAC["consensus, gamma 1"], DIRAC["consensus, gamma 1, as the authors' code has it"]
    five = "alternating, 5 of D"
    assert true[five]["final_distance"] > 10 and published[five]["final_distance"] < 1e-30
    assert true[five]["predicted_factor"] < 0.9  # close to the equilibrium it would contract: the start is far


def test_tables_of_mode_coverage_follow_from_their_counts():
    path = RESULTS / "mode_coverage" / "run.py"
    script, code = runpy.run_path(str(path)), hashlib.sha256(path.read_bytes()).hexdigest()
    provenance = json.loads((RESULTS / "mode_coverage" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["code_sha256"] == code, f"run `{provenance['command']}` again"
    content = stored("mode_coverage")
    seeds, snapshots = content["settings"]["seeds"], content["settings"]["steps"] // content["settings"]["every"]
    assert content["departures"] == script["DEPARTURES"] and content["tables"].keys() == script["SETS"].keys()
    for data, arms in content["tables"].items():
        modes = len(script["SETS"][data][0])
        assert arms.keys() == script["ARMS"].keys()
        for name, row in arms.items():
            counts = torch.tensor(row["counts"])
            assert counts.shape == (snapshots, seeds, modes)
            for key, values in script["summary"](row["counts"][-1]).items():
                assert row[key] == values, (data, name, key)


def test_five_losses_on_the_ring_were_made_by_the_cells_of_chapter_6():
    script = runpy.run_path(str(RESULTS / "ring_losses" / "run.py"))
    provenance = json.loads((RESULTS / "ring_losses" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["code_sha256"] == hashlib.sha256(script["code"]().encode()).hexdigest(), "run it again"
    content = stored("ring_losses")
    assert content["arms"].keys() == script["ARMS"].keys()
    for arm, (names, _) in script["ARMS"].items():
        assert tuple(content["arms"][arm]) == names
        for found in content["arms"][arm].values():
            assert found.keys() == {*(f"near_at_{step}" for step in script["STEPS"]), "slope"}
            assert all(len(values) == content["settings"]["seeds"] == script["SEEDS"] for values in found.values())


def test_chapter_6_tells_what_the_ring_with_five_losses_found():
    told = " ".join((RESULTS.parent / "chapters" / "06_generator_loss.md").read_text(encoding="utf-8").split())
    arms = stored("ring_losses")["arms"]

    def home(arm, name, step):
        return torch.tensor(arms[arm][name][f"near_at_{step}"]) >= 0.8

    good = ("log(1-D)", "-log D", "-D")
    at_once, some, first = (
        {n: [home(arm, n, s).sum().item() for s in (500, 1000, 2000)] for n in good} for arm in arms
    )
    assert sum(counts[0] for counts in some.values()) == 77 and "does so less: 77 of 150" in told
    assert all(counts[2] == 50 for counts in some.values()) and "all of those with 100 steps first" in told
    assert "73 with one of 100 steps and 148 with one of 300" in told
    assert {counts[0] for counts in at_once.values()} == {48, 49} and "48 or 49 of 50 runs are home at step 500" in told
    assert all(counts[1] == 50 for counts in at_once.values()) and "all at 1000" in told
    wrong = [home("at once", name, step).any() for name in ("-log(1-D)", "log D") for step in (500, 1000, 2000)]
    assert not any(wrong) and "With the wrong ones no run is home at any of the three steps" in told
    early = [sum(counts[0] for counts in arm.values()) for arm in (first, at_once)]
    assert (
        early == [2, 146]
        and "at step 500, 2 of 150 runs are home" in told
        and "77 with 100, and 146 of 150 without" in told
    )
    assert first["log(1-D)"][1] == 50 and first["-log D"][1] == 35
    assert r"all 50 runs of $\log(1 - D)$ are home, and 35 of $-\log D$" in told
    one, other = (home("300 first", name, 1000) for name in good[:2])
    assert ((one & ~other).sum(), (other & ~one).sum()) == (15, 0) and "In 15 seeds only the first of the two" in told
    assert sum(counts[2] for counts in first.values()) == 149 and "all but one of the 150 are back" in told
    assert "at step 2000 one run of the last was still away, and none of the others" in told
    small, large = (torch.tensor(arms["300 first"][name]["slope"]).median() for name in good[:2])
    assert 8e3 < large / small < 1.2e4
    assert r"of $\log(1 - D)$ is some 10,000 times smaller than that of $-\log D$" in told
    assert f"{small:.0e} {large:.0e}" == "1e-05 1e-01" and "$10^{-5}$ against 0.1" in told
