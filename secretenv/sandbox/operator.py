"""The administrator of the sandbox's account: boto3 clients that ignore the caller's own AWS settings."""

from __future__ import annotations

import os
import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config


def own_session(**options: str) -> boto3.Session:
    """Return a session that no profile or file of the caller can change or break."""
    nowhere = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
    variables = {name: (None, None, value, None) for name, value in nowhere.items()}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables), **options)


class Operator:
    """Clients with the operator's key, each made when it is first asked for."""

    def __init__(self, key: Any, *, url: str, region: str, ca: str) -> None:
        self._key = key
        self._ca = ca
        self._url = url
        self._region = region
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._session = own_session(
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            region_name=region,
        )

    def client(self, service: str) -> Any:
        """Return the boto3 client of `secretsmanager`, `iam`, `iot` or `sts`; the same one each time."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=self._url,
                    config=Config(
                        proxies={},
                        use_fips_endpoint=False,
                        use_dualstack_endpoint=False,
                        # The server is the sandbox's own: an error is an answer, not a reason to try again.
                        retries={"total_max_attempts": 1, "mode": "standard"},
                    ),
                )
            return self._clients[service]

    def environment(self) -> dict[str, str]:
        """Return the variables with which an AWS tool acts as the operator, and the roots for the devices it makes."""
        return {
            "AWS_ACCESS_KEY_ID": self._key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._key.secret_access_key,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ENDPOINT_URL": self._url,
            "SECRETENV_CA": self._ca,
        }

    def close(self) -> None:
        """Close the clients' connections."""
        for client in self._clients.values():
            client.close()
