#!/usr/bin/env bash
# An agency and two of its clients, from nothing. For each client a site with a storage, a group, three people and an S3 key for one
# of them; at the end the proof that nothing crosses. $1 is a file with the admin's password. Passwords and set-ups that are made
# are left in the present directory, for nobody else to read.
set -euo pipefail
umask 077

client() {
  portcullis site create "$1" --longest-key-days 365
  portcullis site use "$1"
  portcullis storage create --name "$1 files" --quota 50G
  for role in owner editor guest; do
    head -c 24 /dev/urandom | base64 >"$1-$role.password"
    portcullis user create "$1-$role" --password-file "$1-$role.password"
  done
  portcullis group create editors
  portcullis group add editors "$1-owner" "$1-editor"
  portcullis grant create --storage "$1 files" --group editors --permission read_write
  portcullis grant create --storage "$1 files" --user "$1-guest" --permission read --prefix public/
  portcullis key create --user "$1-editor" --name rclone --channel s3 --permission read_write \
    --expires "$(date -u -d '90 days' +%FT%TZ)" --setup rclone >"$1.rclone.conf"
}

portcullis login --password-file "$1"
client bakery
portcullis site use back
client museum
museum=$(portcullis storage show 'museum files' | awk '$1 == "Id" { print $2 }')

# A storage of the museum, even by its id, is nothing that somebody of the bakery could be let read.
portcullis site use bakery
if portcullis grant create --storage "$museum" --user bakery-guest --permission read 2>refusal.txt; then
  echo 'a storage was shared with another site' >&2
  exit 1
fi
cat refusal.txt
