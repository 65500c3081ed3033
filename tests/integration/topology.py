# SPDX-License-Identifier: EUPL-1.2
"""Who has agreements with whom, in federations of some size. Links are pairs of names; a seed gives
the same links every time."""
import random

EU = "at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk".split()
CANDIDATES = "al ba ge md me mk rs tr ua".split()
OTHERS = "ch is li no gb mc va".split()  # EFTA, the United Kingdom, Monaco, the Vatican
EUROPE = EU + CANDIDATES + OTHERS

LEAST, MOST = 3, 6  # links of a node


def degrees(names, links):
    out = dict.fromkeys(names, 0)
    for a, b in links:
        out[a] += 1
        out[b] += 1
    return out


def sparse(names, seed=1):
    """A random tree, then random links until everybody has as many as it wants: three to five, six
    at most."""
    rnd = random.Random(seed)
    links, degree = set(), dict.fromkeys(names, 0)

    def link(a, b):
        links.add(tuple(sorted((a, b))))
        degree[a] += 1
        degree[b] += 1

    order = list(names)
    rnd.shuffle(order)
    for i, name in enumerate(order[1:], 1):
        link(name, rnd.choice([o for o in order[:i] if degree[o] < MOST]))
    for name in order:
        wanted = min(rnd.randint(LEAST, MOST - 1), len(names) - 1)
        while degree[name] < wanted:
            others = [o for o in order if o != name and degree[o] < MOST and
                      tuple(sorted((name, o))) not in links]
            if not others:
                break
            least = min(degree[o] for o in others)
            link(name, rnd.choice([o for o in others if degree[o] <= least + 1]))
    return sorted(links)


def ring(names, seed=1):
    """Everybody with the two before and the two behind: the longest paths."""
    del seed
    n = len(names)
    return sorted({tuple(sorted((names[i], names[(i + k) % n])))
                   for i in range(n) for k in (1, 2) if names[i] != names[(i + k) % n]})


def hubs(names, seed=1):
    """Four large agencies, each with each; everybody else with two of them, and with one like
    itself."""
    rnd = random.Random(seed)
    order = list(names)
    rnd.shuffle(order)
    big, small = order[:4], order[4:]
    links = {tuple(sorted((a, b))) for a in big for b in big if a < b}
    for i, name in enumerate(small):
        for hub in rnd.sample(big, 2):
            links.add(tuple(sorted((name, hub))))
        if i % 2:
            links.add(tuple(sorted((name, small[i - 1]))))
    return sorted(links)


def halves(names):
    return names[:(len(names) + 1) // 2], names[(len(names) + 1) // 2:]


def camps(names, seed=1):
    """Two halves, each sparse within, joined by one link."""
    one, other = halves(names)
    return sorted(sparse(one, seed) + sparse(other, seed + 1) +
                  [tuple(sorted((one[0], other[0])))])


TOPOLOGIES = {"sparse": sparse, "ring": ring, "hubs": hubs, "camps": camps}


def split(names, links):
    """Two halves, each of them connected where that can be: one grows from the first name."""
    neighbours = {n: [] for n in names}
    for a, b in links:
        neighbours[a].append(b)
        neighbours[b].append(a)
    one, queue = set(), [names[0]]
    while queue and len(one) < len(names) // 2:
        name = queue.pop(0)
        if name not in one:
            one.add(name)
            queue += sorted(neighbours[name])
    return one, set(names) - one


def crossing(links, one):
    return [(a, b) for a, b in links if (a in one) != (b in one)]


def camps_with_a_traveller(names, seed=1):
    """Two camps, and one node of the first that has links into the second as well: (links, its name,
    those of its links that lead across)."""
    one, other = halves(names)
    traveller = one[1]
    across = [tuple(sorted((traveller, name))) for name in other[1:3]]
    return sorted(camps(names, seed) + across), traveller, across
