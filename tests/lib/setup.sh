#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# Installs what building and testing need and this machine lacks (Debian 12). Silent and quick when
# nothing is missing. With the argument lint: what make lint and make fuzz need besides.
set -eu

packages="gcc make pkg-config libc6-dev libuv1-dev libsodium-dev liblmdb-dev libjansson-dev
	libidn2-dev libpsl-dev publicsuffix nanopb libnanopb-dev protobuf-compiler libcmocka-dev
	python3 zstd iproute2 nftables"
if [ "${1-}" = lint ]; then
	packages="$packages clang clang-format clang-tidy cppcheck mandoc libclang-rt-14-dev"
fi

if ! command -v dpkg-query >/dev/null; then
	echo "setup: not a Debian system; needed are: $packages" >&2
	exit 0
fi

missing() {
	for package in $packages; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' ||
			printf '%s ' "$package"
	done
}

lack=$(missing)
[ -n "$lack" ] || exit 0

echo "setup: installing $lack" >&2
apt="apt-get -o DPkg::Lock::Timeout=300"
[ "$(id -u)" = 0 ] || apt="sudo -n env DEBIAN_FRONTEND=noninteractive $apt"
export DEBIAN_FRONTEND=noninteractive
# The package lists of a fresh image are often absent or old: then fetch them and try once more.
install() {
	# shellcheck disable=SC2086
	$apt install -y -qq --no-install-recommends $lack >/dev/null
}
install 2>/dev/null || {
	$apt update -qq
	install
}
