# shellcheck shell=bash
# Puts the programs in place that tests of optional services start: from Debian's packages, each only where it is missing.

install_services() {
  local packages=()
  command -v redis-server >/dev/null || packages+=(redis-server)
  [ -x /usr/lib/postgresql/15/bin/postgres ] || packages+=(postgresql-15)
  command -v prometheus >/dev/null || packages+=(prometheus)
  command -v ip >/dev/null || packages+=(iproute2)
  [ ${#packages[@]} -eq 0 ] && return
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}"
}
