#!/bin/sh
# Makes what each role needs to be let in, once: make-secrets.sh [folder] (default: infra/secrets, which git leaves out).
#
#   redis-<role>, pixels-<role>  address of the job server and of the pixel server, with the role's name and password
#   s3-<role>                    access key and secret, as a file of the AWS SDK
#
# The addresses are redis://; SCHEME=rediss where the servers speak TLS. What is there already stays: to change the secrets of a role,
# remove its files first.
#
# Roles that run in containers find the servers by their names there, the two that people use on this machine.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
for role in root admin ingest encoder trainer reader; do
  [ -e "$folder/s3-$role" ] ||
    printf '[default]\naws_access_key_id = showtell-%s\naws_secret_access_key = %s\n' "$role" "$(random)" > "$folder/s3-$role"
  case $role in
    root) continue ;;
    admin | reader) jobs=${REDIS:-127.0.0.1:6379} pixels=${PIXELS:-127.0.0.1:6380} ;;
    *) jobs=${REDIS:-redis:6379} pixels=${PIXELS:-redis-pixels:6379} ;;
  esac
  [ -e "$folder/redis-$role" ] && continue
  password=$(random)
  echo "${SCHEME:-redis}://$role:$password@$jobs" > "$folder/redis-$role"
  echo "${SCHEME:-redis}://$role:$password@$pixels" > "$folder/pixels-$role"
done
