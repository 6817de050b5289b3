#!/usr/bin/env bash
# Installs what the tests need besides Python's own packages, on Debian 12. Installs nothing that is there already.
set -euo pipefail

packages=(
    make gcc libc6-dev git ca-certificates  # the repository's own commands
    python3 python3-venv            # the environment
    postgresql-15                   # the second database engine; tests start servers of their own
    chromium fonts-dejavu-core      # journeys through the pages
    systemd                         # systemd-analyze judges the unit file
    restic borgbackup               # benchmarks beside ours
    ceph-mon ceph-osd radosgw       # an S3 server; tests start it in memory
    litmus cadaver davfs2 rclone curl  # programs that speak WebDAV
    nginx-light                     # a proxy with limits before a large upload
    softhsm2                        # keys on a token, without the token
    libatomic1 procps               # Node; counting memory of a running daemon
)

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # A cluster that Debian would start by itself would only be in the way.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    apt-get update -q
    apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

node --version 2>/dev/null | grep -qE '^v(2[0-9]|[3-9][0-9])\.' || {
    echo "Node 20 or newer is needed and Debian 12 has none; put one into PATH: https://nodejs.org" >&2
    exit 1
}

# A server of Azure Blob Storage, for tests alone.
azurite=3.35.0
grep -qs "\"version\": \"$azurite\"" .servers/node_modules/azurite/package.json ||
    npm install --prefix .servers --ignore-scripts --no-audit --no-fund --loglevel=error "azurite@$azurite"
