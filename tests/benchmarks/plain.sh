#!/bin/sh
# The same as plain.py for who has curl, jq and the aws CLI on the device.
set -eu
answer=$(curl -fsS --cert "$SECRETENV_CERT" --key "$SECRETENV_KEY" --cacert "$SECRETENV_CA" \
    "https://$SECRETENV_ENDPOINT/role-aliases/$SECRETENV_ROLE_ALIAS/credentials")
AWS_ACCESS_KEY_ID=$(printf %s "$answer" | jq -r .credentials.accessKeyId)
AWS_SECRET_ACCESS_KEY=$(printf %s "$answer" | jq -r .credentials.secretAccessKey)
AWS_SESSION_TOKEN=$(printf %s "$answer" | jq -r .credentials.sessionToken)
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
for id in $SECRETENV_SECRET; do
    value=$(aws --region "$SECRETENV_REGION" secretsmanager get-secret-value --secret-id "$id" \
        --query SecretString --output text)
    eval "$(printf %s "$value" | jq -r 'to_entries[] | @sh "export \(.key)=\(.value)"')"
done
exec "$@"
