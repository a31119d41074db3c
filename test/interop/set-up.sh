#!/usr/bin/env bash
# Installs the authorization servers that the library is tested against: those of Debian by apt, where they are missing, and those
# from npm beside the tests. They are configured by the tests themselves, each time anew.
set -euo pipefail
cd "$(dirname "$0")"

# OpenID Connect in LemonLDAP::NG needs some that it only recommends.
lemonldap=(lemonldap-ng libplack-perl libio-string-perl libstring-random-perl libcrypt-openssl-bignum-perl)
debian=(glewlwyd "${lemonldap[@]}" python3-django-oauth-toolkit)

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

if ! command -v apt-get >/dev/null; then
  echo "The servers ${debian[*]} are packages of Debian, and this machine has no apt-get." >&2
  exit 1
fi
missing=()
for package in "${debian[@]}"; do is_installed "$package" || missing+=("$package"); done

if [ ${#missing[@]} -gt 0 ]; then
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  echo "== installing ${missing[*]}"
  $sudo apt-get update -qq
  unknown=()
  for package in "${missing[@]}"; do apt-cache show "$package" >/dev/null 2>&1 || unknown+=("$package"); done
  if [ ${#unknown[@]} -gt 0 ]; then
    echo "apt has no package ${unknown[*]}. They are in Debian 12 (main); this is $(. /etc/os-release && echo "$PRETTY_NAME")." >&2
    exit 1
  fi
  # The packages would start services of their own, which nobody needs here.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod +x "$policy"
    trap '$sudo rm -f "$policy"' EXIT
  fi
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

npm ci --prefix packages --ignore-scripts --omit=optional --no-audit --no-fund
