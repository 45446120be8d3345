#!/bin/sh
# Makes the secrets of compose.yaml in ./secrets, once: what is there stays as it is. Back that folder up apart from the
# database: without auth_secret a copy of the database opens no key.
set -eu
# Not as an argument, which everybody on the machine may see, and the shell's history keeps.
[ -e "$(dirname "$0")/secrets/smtp_url" ] || {
    echo 'The URL of the mail server, such as smtps://user:password@mail.example.com:' >&2
    IFS= read -r smtp_url
    [ -n "$smtp_url" ]
}
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
# Nobody but its owner gets into the folder; the containers' users get the files mounted, and have to read them.
keep() { [ -e "secrets/$1" ] || { printf '%s\n' "$2" >"secrets/$1" && chmod 0444 "secrets/$1"; }; }
random() { openssl rand -hex 32; }

# Assigned first: the script ends here where there is no openssl, and doesn't keep an empty file.
auth_secret=$(openssl rand -base64 48)
postgres_password=$(random)
keep auth_secret "$auth_secret"
keep postgres_password "$postgres_password"
keep database_url "postgres://auth:$(cat secrets/postgres_password)@postgres/auth"
redis_password=$(random)
keep redis_conf "requirepass $redis_password
maxmemory 128mb
maxmemory-policy noeviction
save \"\"
appendonly no"
keep redis_url "redis://:$(sed -n 's/^requirepass //p' secrets/redis_conf)@redis"
keep smtp_url "${smtp_url-}"
