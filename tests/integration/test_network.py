#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A federation in network namespaces: single records of every origin reach everybody quickly and
once; two halves that were apart come together again. Twelve nodes, or eight, in two camps;
with ENTENTE_LONG=1 the 43 of Europe, in every topology. Skipped where namespaces cannot be had."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import PATIENCE, SANITISED, Failed, run_tests, until  # noqa: E402
from network import NetworkedFederation, enter  # noqa: E402
from topology import EUROPE, TOPOLOGIES, camps_with_a_traveller  # noqa: E402
import scale  # noqa: E402

LONG = os.environ.get("ENTENTE_LONG") == "1"
REACHES_ALL_MS = 2000
REDUNDANCY, REDUNDANCY_CHURN = 1.05, 2
HEALS_MS = 15000
PROVEN_MS = 5000
RECALLED_MS = 5000


def spreads_and_heals(names, topology, records, pause):
    with NetworkedFederation(names, TOPOLOGIES[topology](names)) as fed:
        scale.start(fed)
        p = scale.Publications(fed, "single")
        p.spread(records, pause)
        p.wait_everywhere(30)
        first, later = p.latencies()
        p99 = scale.percentile(first + later, 99)
        if p99 > REACHES_ALL_MS * PATIENCE:
            raise Failed(f"p99 until a record is at all: {p99:.0f} ms")
        came = scale.traffic(fed)
        factor = 1 + came["redundant_bytes"] / came["data_bytes"]
        if factor > REDUNDANCY:
            raise Failed(f"each byte came {factor:.3f} times: {came}")
        took, _ = scale.parted(fed, "parted", 2.5, min(4, len(names) // 2), names)
        if took > HEALS_MS * PATIENCE:
            raise Failed(f"{took:.0f} ms from healing until everything is at all")
        gone = scale.percentile(scale.recalls(fed, "recalled", len(names), 0.05), 99)
        if gone > RECALLED_MS * PATIENCE:
            raise Failed(f"p99 until a recalled body is gone: {gone:.0f} ms")
        feeds = scale.agreed_roots(fed)
        if feeds != len(names):
            raise Failed(f"{feeds} feeds of {len(names)} origins")
        scale.quiet(fed)
        fed.stop()
        print(f"# {topology}, {len(names)} nodes, {len(fed.links)} links: p50 "
              f"{scale.percentile(first + later, 50):.0f}, p99 {p99:.0f} ms; redundancy {factor:.3f}; "
              f"healed in {took:.0f} ms; recalled at each, p99 {gone:.0f} ms")


def comes_through(names, topology, seconds, seed):
    """Lines come and go and nodes are killed: nothing is lost, and little comes twice."""
    with NetworkedFederation(names, TOPOLOGIES[topology](names)) as fed:
        scale.start(fed)
        p, took = scale.churn(fed, "churn", seconds, seed)
        came = scale.traffic(fed)
        factor = 1 + came["redundant_bytes"] / came["data_bytes"]
        if factor > REDUNDANCY_CHURN:
            raise Failed(f"each byte came {factor:.3f} times: {came}")
        scale.agreed_roots(fed)
        scale.quiet(fed)
        fed.stop()
        print(f"# {topology}, {len(names)} nodes, {len(p.began)} records while lines and nodes came and "
              f"went: all there {max(took, 0):.0f} ms after the last came back; redundancy {factor:.3f}")


def proves_a_split_view(names, sizes):
    """Two copies of one node sign different records in two camps: once the camps can hear each other,
    everybody but the two has the proof, and the two are mute."""
    links, name, across = camps_with_a_traveller(names)
    with NetworkedFederation(names, links, spare=["spare"]) as fed:
        took, spread, clone = scale.split_view(fed, name, across, sizes)
        if took > PROVEN_MS * PATIENCE:
            raise Failed(f"{took:.0f} ms until everybody had the proof")
        for copy in (fed.nodes[name], clone):
            until(lambda n=copy: n.status()["mute"], 20, f"{copy.home} is mute", 0.2)
        print(f"# {len(names)} nodes, sizes {sizes}: the proof is at all {took:.0f} ms after the camps were "
              f"joined, {spread:.0f} ms after the first had it")


def in_namespaces(test):
    def run():
        if SANITISED and not LONG:
            return "speed is not the sanitiser's to measure"
        why_not = enter()
        return why_not if why_not else test()
    run.__name__ = test.__name__
    return run


@in_namespaces
def test_two_camps_of_twelve():
    spreads_and_heals(EUROPE[:12], "camps", 24, 0.05)


def europe(topology):
    @in_namespaces
    def test():
        spreads_and_heals(EUROPE, topology, 129, 0.25)
    test.__name__ = f"test_europe_{topology}"
    return test


@in_namespaces
def test_a_split_view_between_two_camps():
    proves_a_split_view(EUROPE[:8], (3, 5))


@in_namespaces
def test_a_split_view_in_europe():
    proves_a_split_view(EUROPE, (3, 5))
    proves_a_split_view(EUROPE, (4, 4))


@in_namespaces
def test_twenty_nodes_in_rough_weather():
    comes_through(EUROPE[:20], "sparse", 60, 1)


if __name__ == "__main__":
    run_tests([test_two_camps_of_twelve, test_a_split_view_between_two_camps] +
              ([test_a_split_view_in_europe, test_twenty_nodes_in_rough_weather] +
               [europe(t) for t in TOPOLOGIES] if LONG else []))
