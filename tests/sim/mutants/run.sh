#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# Plants each bug of tests/sim/mutants in a copy of the tree and plays seeds until one finds it, in
# which the tree without the bug shows nothing. A bug that cannot be planted any more is not found.
#
#     tests/sim/mutants/run.sh [NAME...]      SEEDS=300: so many at the most
#
# The seed of the table in README.md is played first, then those from 64 on.
set -u

seeds=${SEEDS:-300}
begin=64 # is played twice, so that what hangs on more than the seed shows at once
block=2 # two processors
here=tests/sim/mutants
copy=build/mutants
main=$copy/build/plain/tests/sim/main
clean=$copy/build/clean
shows_nothing=$copy/build/clean.seeds # in these the tree without a bug shows nothing
[ -n "${CC:-}" ] || CC=$(command -v ccache >/dev/null && echo "ccache cc" || echo cc)
[ $# -gt 0 ] || set -- $(basename -s .patch -a $here/*.patch)

build()
{
	make -s -j2 -C "$copy" VARIANT=plain CC="$CC" build/plain/tests/sim/main >/dev/null 2>&1
}

# Says what is found first in so many seeds; a bug may also be that it does not end.
play() # PROGRAM FIRST COUNT
{
	said=$(timeout 300 "$1" "$3" "$2" 2>/dev/null)
	case $? in
	0) return ;;
	124) echo "seed $2, does not end" ;;
	*) echo "$said" | grep -m 1 -e '^seed ' -e 'died' -e '^I13' || echo "ends in silence" ;;
	esac
}

# The tree as it is shows nothing from seed to seed.
is_clean() # FIRST COUNT
{
	grep -qx "$1 $2" "$shows_nothing" && return
	[ -z "$(play "$clean" "$1" "$2")" ] && echo "$1 $2" >>"$shows_nothing"
}

# Sets found when one of these seeds finds what is planted, and the tree without it shows nothing.
hunt() # FIRST COUNT
{
	found=$(play "$main" "$1" "$2")
	[ -n "$found" ] || return
	seed=$(echo "$found" | sed -n 's/^seed \([0-9]*\), .*/\1/p')
	if [ -n "$seed" ]; then
		is_clean "$seed" 1 || found=
	else
		is_clean "$1" "$2" || found=
	fi
}

hunt_all() # NAME
{
	known=$(sed -n "s/^| $1 |.*| \([0-9]*\) |\$/\1/p" $here/README.md)
	found=
	[ -z "$known" ] || hunt "$known" 1
	at=0
	while [ -z "$found" ] && [ "$at" -lt "$seeds" ]; do
		hunt $((begin + at)) $block
		at=$((at + block))
	done
}

plant() # NAME
{
	patch -s -f -p1 -d "$copy" <"$here/$1.patch" >/dev/null && build
}

# What is built already stays; what a run that was broken off has planted goes.
mkdir -p "$copy/build"
git ls-files | while read -r file; do
	cmp -s "$file" "$copy/$file" || cp --parents "$file" "$copy" 2>/dev/null
done
build || { echo "the tree does not build"; exit 2; }
cmp -s "$main" "$clean" || rm -f "$shows_nothing"
touch "$shows_nothing"
cp "$main" "$clean"
missed=0
for name; do
	if ! plant "$name"; then
		echo "NOT FOUND $name: it does not apply or build any more"
		missed=1
	else
		hunt_all "$name"
		[ -n "$found" ] || missed=1
		echo "${found:+found $name: }${found:-NOT FOUND $name, in $seeds seeds}"
	fi
	for file in $(sed -n 's|^+++ b/||p' "$here/$name.patch"); do
		cp "$file" "$copy/$file"
	done
done
exit $missed
