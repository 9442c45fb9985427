"""What the study is measured against: numpy for the paper's two distributions, HiGHS for plans.

Needs an interpreter with numpy and highspy, which is no part of the build:

    python3 -m venv /tmp/study-bench && /tmp/study-bench/bin/pip install numpy highspy
    KUSURIBAKO_BENCH_PYTHON=/tmp/study-bench/bin/python cargo bench --bench study

Reads one JSON document from standard input, writes one to standard output.
"""
import json
import sys
import time


def distributions(damage, placements, lost):
    """All patterns with `lost` of n sites lost: masks, weights and both availability vectors, vectorised; best of three."""
    import numpy as np

    n = len(damage)
    best = None
    for _ in range(3):
        start = time.perf_counter()
        masks = np.arange(1 << n, dtype=np.uint32)
        masks = masks[np.bitwise_count(masks) == lost]
        weights = np.ones(len(masks))
        for site, p in enumerate(damage):
            weights *= np.where(masks >> np.uint32(site) & np.uint32(1), p, 1 - p)
        weights /= weights.sum()
        expected, histograms = [], []
        for holders in placements:
            failed = np.zeros(len(masks), dtype=np.int64)
            for site, holder in enumerate(holders):
                failed += masks >> np.uint32(site) & masks >> np.uint32(holder) & np.uint32(1)
            expected.append(float((weights * (1 - failed / n)).sum()))
            histograms.append(np.bincount(failed, weights=weights, minlength=n + 1))
        seconds = time.perf_counter() - start
        best = seconds if best is None else min(best, seconds)
    return {"seconds": best, "patterns": len(masks), "expected": expected}


def assignment(costs, patients, capacity):
    """One alternate each as an integer program: least cost, capacities kept."""
    import highspy
    import numpy as np

    n = len(costs)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    start = time.perf_counter()
    use = {(s, h): solver.addBinary(obj=costs[s][h]) for s in range(n) for h in range(n) if s != h}
    for s in range(n):
        solver.addConstr(sum(use[s, h] for h in range(n) if h != s) == 1)
    for h in range(n):
        solver.addConstr(sum(patients[s] * use[s, h] for s in range(n) if s != h) <= capacity[h])
    solver.setOptionValue("time_limit", 60.0)
    solver.run()
    return {"seconds": time.perf_counter() - start, "loss": solver.getObjectiveValue()}


def main():
    asked = json.load(sys.stdin)
    answer = {"distributions": distributions(asked["damage"], asked["placements"], asked["lost"]), "plans": []}
    for plan in asked["plans"]:
        answer["plans"].append(assignment(plan["costs"], plan["patients"], plan["capacity"]))
    json.dump(answer, sys.stdout)


main()
