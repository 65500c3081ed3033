#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# Plants each bug of tests/sim/mutants in a copy of the tree and plays seeds until one finds it.
#
#     tests/sim/mutants/run.sh [NAME...]      SEEDS=300: so many at the most
set -eu

seeds=${SEEDS:-300}
copy=build/mutants
[ $# -gt 0 ] || set -- $(basename -s .patch -a tests/sim/mutants/*.patch)

rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z | xargs -0 cp --parents -t "$copy"
missed=0
for name; do
	patch -s -p1 -d "$copy" <"tests/sim/mutants/$name.patch"
	make -s -C "$copy" VARIANT=plain CC="${CC:-cc}" build/plain/tests/sim/main >/dev/null 2>&1 ||
		{ echo "$name: does not build"; exit 2; }
	found=
	first=1
	while [ -z "$found" ] && [ "$first" -le "$seeds" ]; do
		found=$("$copy/build/plain/tests/sim/main" 10 "$first" 2>/dev/null |
			grep -m 1 -e '^seed ' -e 'died' -e '^I13') || found=
		first=$((first + 10))
	done
	if [ -n "$found" ]; then
		echo "found    $name: $found"
	else
		echo "MISSED   $name, in $seeds seeds"
		missed=1
	fi
	patch -s -R -p1 -d "$copy" <"tests/sim/mutants/$name.patch"
done
exit $missed
