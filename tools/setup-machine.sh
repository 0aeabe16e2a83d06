#!/usr/bin/env bash
# `npm run setup:machine`: installs what the whole test suite needs beyond Node and npm, on Debian.
#   mosquitto_pub, openssl, curl                  the outside clients
#   chromium                                      the browser that the page is tried in
#   javac and Debian's Apache Avro for Java       readers of the exported files
#   .venv with tools/requirements.txt             likewise, in Python, and Python's SDK of devices
#   .java-libs with tools/java-libraries.xml      Java's SDK of devices, by Maven
# May be run again at any time: what is there is left alone, and then it needs neither root nor the network.
#
# Takes no options.
set -euo pipefail
if [[ $# -gt 0 ]]; then
  help=$(sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0") # the lines above
  [[ $1 == -h || $1 == --help ]] && echo "$help" && exit 0
  printf '%s is not understood.\n\n%s\n' "$1" "$help" >&2
  exit 2
fi
cd "$(dirname "$0")/.."

say() { echo "setup-machine: $*"; }
give_up() {
  echo "setup-machine: $*" >&2
  exit 1
}

# Debian's own Python: the package python3-venv serves no other.
python=/usr/bin/python3
packages=()
want() { # want PACKAGE: remembers it unless it is installed
  local state
  state=$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)
  [[ $state == installed ]] || packages+=("$1")
}

command -v dpkg-query >/dev/null ||
  give_up "this machine is not Debian or a relative of it. Install mosquitto_pub, openssl, chromium, a JDK, Apache Avro 1.8 for Java" \
    "(jars in /usr/share/java), Maven and Python's venv module by its own means; npm test says what is still missing."

want mosquitto-clients
want openssl
want curl
want chromium
want libavro-java
want libslf4j-java
command -v javac >/dev/null || want default-jdk-headless
# Maven only to make .java-libs.
if ! cmp -s tools/java-libraries.xml .java-libs/java-libraries.xml; then
  command -v mvn >/dev/null || want maven
fi
want python3
want python3-venv

if [[ ${#packages[@]} -gt 0 ]]; then
  [[ $(id -u) -eq 0 ]] || give_up "must be root to install ${packages[*]}. Run: sudo npm run setup:machine"
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
else
  say "packages are there"
fi

# The copy of the requirements says what .venv was made from; it is written last.
if [[ -x .venv/bin/python ]] && cmp -s tools/requirements.txt .venv/requirements.txt; then
  say ".venv is up to date"
else
  say "making .venv"
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement tools/requirements.txt
  cp tools/requirements.txt .venv/requirements.txt
fi
# Likewise. Maven verifies each file by the checksum that its repository has for it.
if cmp -s tools/java-libraries.xml .java-libs/java-libraries.xml; then
  say ".java-libs is up to date"
else
  say "making .java-libs"
  rm -rf .java-libs
  mvn --batch-mode --quiet -Dstyle.color=never --strict-checksums --file tools/java-libraries.xml \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory="$PWD/.java-libs" -DincludeScope=runtime
  cp tools/java-libraries.xml .java-libs/java-libraries.xml
fi
say "done"
