#!/bin/sh
# Starts a Redis server that knows the users of users.acl and nobody else: start.sh [further arguments of redis-server]
#
# The password of each role stands in the address in $SECRETS/redis-<role> (default folder: /run/secrets), the same file that the
# role's program is given as REDIS_URL_FILE: redis://<role>:<password>@host:6379. Redis keeps its hash alone, and neither stands on a
# command line or on a disk.
set -eu
secrets=${SECRETS:-/run/secrets}
server=${REDIS_SERVER:-redis-server}
users=$(sed -e '/^#/d' -e "s/{showtell}/{${SHOWTELL_PREFIX:-showtell}}/g" "$(dirname "$0")/users.acl")
for role in admin ingest encoder trainer reader; do
  file=$secrets/redis-$role
  password=$(sed -n 's#^redis*://[^:/]*:\([^@/]*\)@.*#\1#p' "$file")
  if [ -z "$password" ]; then
    echo "Expected redis://$role:PASSWORD@host:port in $file but found no password there" >&2
    exit 2
  fi
  hash=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
  users=$(printf '%s\n' "$users" | sed "s/^user $role on <password>/user $role on #$hash/")
done
# A rule goes on in the lines below it that are indented. By standard input: what exec leaves behind would stand in a file.
exec $server - "$@" <<CONFIG
$(printf '%s\n' "$users" | sed -e ':more' -e '$!N' -e 's/\n  */ /' -e 't more' -e 'P' -e 'D')
CONFIG
