#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# Installs from Debian's packages what `make bench-peers` measures beside Entente, without letting
# the packages start their services: the benchmark has its own data directories and ports.
set -eu

packages="redis-server redis-tools nats-server postgresql"
lack=""
for package in $packages; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' ||
		lack="$lack $package"
done
[ -n "$lack" ] || exit 0

echo "bench-peers: installing$lack" >&2
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '$sudo rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
fi
install() {
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
		--no-install-recommends $lack >/dev/null
}
install 2>/dev/null || {
	$sudo apt-get -o DPkg::Lock::Timeout=300 update -qq
	install
}
