# shellcheck shell=bash
# Puts the programs in place that tests of optional services start: from Debian's and Maven's packages, each only where it is missing.

install_services() {
  local packages=()
  command -v redis-server >/dev/null || packages+=(redis-server)
  [ -x /usr/lib/postgresql/15/bin/postgres ] || packages+=(postgresql-15)
  command -v prometheus >/dev/null || packages+=(prometheus)
  command -v ip >/dev/null || packages+=(iproute2)
  command -v java >/dev/null || packages+=(openjdk-17-jdk-headless)
  command -v mvn >/dev/null || packages+=(maven)
  if [ ${#packages[@]} -gt 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" || return
  fi
  install_kafka && install_opensearch
}

# The libraries of an OpenSearch node, from Maven's packages, to where test/fixtures/services/opensearch.ts looks for them.
install_opensearch() {
  local libraries=${LOGNEO_OPENSEARCH_LIBS:-$HOME/.cache/logneo/opensearch}
  [ -d "$libraries" ] && return
  mvn -q -B -f .ci/opensearch/pom.xml dependency:copy-dependencies -DoutputDirectory="$libraries.new" </dev/null &&
    mv "$libraries.new" "$libraries"
}

# The broker's jar files from Maven Central, once. A copy that was cut off is not taken for a whole one.
install_kafka() {
  local libs=${LOGNEO_KAFKA_LIBS:-$HOME/.cache/logneo/kafka}
  compgen -G "$libs/kafka_2.13-*.jar" >/dev/null && return
  local copy="$libs.part"
  rm -rf "$copy" && mkdir -p "$copy" || return
  mvn -q -B -f .ci/kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$copy" </dev/null || return
  rm -rf "$libs" && mv "$copy" "$libs"
}
