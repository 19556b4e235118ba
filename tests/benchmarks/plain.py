"""The script that people write today: exchange the certificate, read the secrets, become the command.

It is what the benchmarks compare with: idiomatic, without retries, checks, reloads or words for what went wrong.
"""

import json
import os
import sys

import boto3
import requests


def main() -> None:
    """Run the command on our command line with the secrets in its environment."""
    answer = requests.get(
        f"https://{os.environ['SECRETENV_ENDPOINT']}/role-aliases/{os.environ['SECRETENV_ROLE_ALIAS']}/credentials",
        cert=(os.environ["SECRETENV_CERT"], os.environ["SECRETENV_KEY"]),
        verify=os.environ["SECRETENV_CA"],
        timeout=10,
    )
    answer.raise_for_status()
    credentials = answer.json()["credentials"]
    client = boto3.client(
        "secretsmanager",
        region_name=os.environ["SECRETENV_REGION"],
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials["sessionToken"],
    )
    for name in os.environ["SECRETENV_SECRET"].split():
        os.environ.update(json.loads(client.get_secret_value(SecretId=name)["SecretString"]))
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
