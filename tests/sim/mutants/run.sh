#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# Plants each bug of tests/sim/mutants in a copy of the tree and plays seeds until one finds it, in
# which the tree
# without the bug shows nothing. A bug that cannot be planted any more is not found.
#
#     tests/sim/mutants/run.sh [NAME...]      SEEDS=300: so many at the most
set -u

seeds=${SEEDS:-300}
begin=64 # is played twice, so that what hangs on more than the seed shows at once
copy=build/mutants
main=$copy/build/plain/tests/sim/main
clean=$copy/build/clean
[ $# -gt 0 ] || set -- $(basename -s .patch -a tests/sim/mutants/*.patch)

build()
{
	make -s -j2 -C "$copy" VARIANT=plain CC="${CC:-cc}" build/plain/tests/sim/main \
		>/dev/null 2>&1
}

# Says what the first of so many seeds has found; a bug may also be that it does not end.
play() # PROGRAM FIRST COUNT
{
	said=$(timeout 600 "$1" "$3" "$2" 2>/dev/null)
	case $? in
	0) return ;;
	124) echo "does not end" ;;
	*) echo "$said" | grep -m 1 -e '^seed ' -e 'died' -e '^I13' || echo "ends in silence" ;;
	esac
}

plant() # NAME
{
	patch -s -f -p1 -d "$copy" <"tests/sim/mutants/$1.patch" >/dev/null && build
}

rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z | xargs -0 cp --parents -t "$copy"
build || { echo "the tree does not build"; exit 2; }
cp "$main" "$clean"
missed=0
for name; do
	found=
	at=0
	if ! plant "$name"; then
		echo "NOT FOUND $name: it does not apply or build any more"
		exit 2
	fi
	while [ -z "$found" ] && [ "$at" -lt "$seeds" ]; do
		found=$(play "$main" $((begin + at)) 5)
		[ -z "$found" ] || [ -z "$(play "$clean" $((begin + at)) 5)" ] || found=
		at=$((at + 5))
	done
	if [ -n "$found" ]; then
		echo "found $name after $at seeds: $found"
	else
		echo "NOT FOUND $name, in $at seeds"
		missed=1
	fi
	patch -s -R -p1 -d "$copy" <"tests/sim/mutants/$name.patch"
done
exit $missed
