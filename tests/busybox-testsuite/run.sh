#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Runs busybox's own test suite on busybox, as Debian runs it when it builds the package; the verdicts
# are on standard output. The root directory is that of a machine which has nothing but busybox:
# /suite/busybox, the options it was built with in /suite/.config, and the tests in /suite/testsuite.

set -eu
/suite/busybox mkdir -p /bin /etc
/suite/busybox --install -s /bin
export PATH=/bin SHELL=/bin/sh LANG=C.UTF-8 LC_ALL=C.UTF-8
export SKIP_KNOWN_BUGS=y SKIP_INTERNET_TESTS=y
# A name for this machine without a network.
echo "127.0.0.1 $(hostname).localdomain $(hostname)" >/etc/hosts

cd /suite/testsuite
# Debian does not run it either: it wants devices of its own.
rm mdev.tests
# Two tests write nineteen million times and print one checksum of it all: twenty minutes where a system
# call takes 50 µs. They count less far here; the checksums are those that Linux gives.
if [ "${1:-}" != long ]; then
    sed -i -e 's/i <= 65536/i <= 50/' -e 's/465d8c01308d0863b6f5669e8a1c69fb/22c77fa642a66247aa14d6a06cc2ece5/' \
        -e 's/b <= 101/b <= 12/' -e 's/d884b35d251ca096410712743aeafb9e/31212dc7190a409e498a9eb85ad4155f/' bc.tests
fi
# Its status counts failures; some are expected.
./runtest </dev/null || true
