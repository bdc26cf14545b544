#!/usr/bin/env python3
"""Writes the table of docs/results.md from what `backstop replay --json` prints (one result a line)."""
import json
import sys

WAYS = ["direct", "sdk_retries", "naive", "backstop", "oracle"]


def cell(figures):
    return f"{figures['answered_percent']:.3f} / {figures['full_model_percent']:.3f}"


def main():
    rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    print("| Scenario | Severity | Requests | " + " | ".join(WAYS) + " | Worst attempts | Probes | Kept |")
    print("|---|---|--:|" + "--:|" * (len(WAYS) + 2) + "---|")
    for row in rows:
        totals = row["totals"]
        shares = [cell(totals[way]) if way in totals else "" for way in WAYS]
        ours = [phase["figures"]["backstop"] for phase in row["phases"]]
        worst = max(it["upstream_amplification"] for it in ours if it["requests"])
        requests, probes = totals["backstop"]["requests"], totals["backstop"]["probes"]
        few = " (few)" if requests < 10_000 else ""
        kept = "yes" if row["kept"] else "no"
        print(f"| {row['scenario']} | {row['severity']} | {requests:,}{few} | " + " | ".join(shares)
              + f" | {worst:.3f} | {probes:,} | {kept} |")


main()
