#!/usr/bin/env bash
# Installs what the checks of docs/identity-to-target.md need in other languages: packages of Debian 12.
set -euo pipefail

missing=()
for package in python3-jwt python3-cryptography golang-go golang-gopkg-square-go-jose.v2-dev; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
echo "== installing ${missing[*]}"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
