"""A stand-in for `aws cloudformation`: makes what a template says in the sandbox, as a stack of it would be.

moto's CloudFormation knows neither certificates nor attachments of IoT, nor secrets. Every other command of `aws` goes
to the real one. It is strict where AWS is: names of stacks, parameters, capabilities.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import boto3

ARNS = {"Role": "Arn", "RoleAlias": "RoleAliasArn", "Certificate": "Arn"}


def install(folder: Path) -> Path:
    """Write `aws` into a folder of its own, for the PATH, and return the folder."""
    script, real = folder / "aws", Path(sys.executable).with_name("aws")
    folder.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        "if 'cloudformation' not in sys.argv[1:6]:\n"
        f"    os.execv({str(real)!r}, ['aws', *sys.argv[1:]])\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.functional.cloudformation import main\nmain()\n"
    )
    script.chmod(0o755)
    return folder


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("service", choices=["cloudformation"])
    parser.add_argument("action", choices=["deploy", "describe-stacks"])
    for option in ("--stack-name", "--template-file", "--query", "--output", "--region", "--profile"):
        parser.add_argument(option)
    parser.add_argument("--no-fail-on-empty-changeset", action="store_true")
    parser.add_argument("--capabilities", nargs="*", default=[])
    parser.add_argument("--parameter-overrides", nargs="*", default=[])
    given = parser.parse_args()
    outputs = Path(f".stack-{given.stack_name}.json")
    if given.action == "describe-stacks":
        found = re.fullmatch(r"Stacks\[0\]\.Outputs\[\?OutputKey==`(\w+)`\]\.OutputValue", given.query)
        assert found, given.query
        sys.stdout.write(json.loads(outputs.read_text())[found[1]] + "\n")
        return
    assert re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", given.stack_name), given.stack_name
    assert given.capabilities == ["CAPABILITY_NAMED_IAM"]
    template = json.loads(Path(given.template_file).read_text())
    values = dict(each.split("=", 1) for each in given.parameter_overrides)
    assert values.keys() == template.get("Parameters", {}).keys()
    stack = Stack(given.stack_name, template["Resources"], values)
    outputs.write_text(json.dumps({name: stack.value(each["Value"]) for name, each in template["Outputs"].items()}))


class Stack:
    """One stack; each resource is made when it is first needed."""

    def __init__(self, name: str, resources: dict[str, Any], parameters: dict[str, str]) -> None:
        self._resources = resources
        self._references: dict[str, str] = dict(parameters)
        self._arns: dict[str, str] = {}
        self._system = [{"Key": "aws:cloudformation:stack-name", "Value": name}]
        self._iam, self._iot, self._secrets = (boto3.client(each) for each in ("iam", "iot", "secretsmanager"))
        self._region, self._account = self._iot.meta.region_name, boto3.client("sts").get_caller_identity()["Account"]
        for resource in resources:
            self._need(resource)

    def value(self, node: Any) -> Any:
        """Return what a node of the template stands for."""
        match node:
            case {"Ref": name}:
                self._need(name)
                return self._references[name]
            case {"Fn::GetAtt": [name, attribute]}:
                assert ARNS[self._kind(name)] == attribute
                self._need(name)
                return self._arns[name]
            case {"Fn::Sub": text}:
                known = {"Partition": "aws", "Region": self._region, "AccountId": self._account}
                filled = re.sub(r"\$\{AWS::(\w+)\}", lambda found: known[found[1]], text)
                return filled.replace("${!", "${")
            case dict():
                return {key: self.value(each) for key, each in node.items()}
            case list():
                return [self.value(each) for each in node]
        return node

    def _kind(self, name: str) -> str:
        return str(self._resources[name]["Type"].rpartition(":")[2])

    def _need(self, name: str) -> None:
        if name not in self._references:
            fields = self.value(self._resources[name]["Properties"])
            getattr(self, f"_{self._kind(name)}")(name, fields)

    def _Secret(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802 - AWS's names of the kinds
        tags = {"Tags": [*fields.pop("Tags"), *self._system]}
        self._references[name] = self._secrets.create_secret(**fields, **tags)["ARN"]

    def _Role(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        policies, role = fields.pop("Policies"), fields["RoleName"]
        trust = json.dumps(fields.pop("AssumeRolePolicyDocument"))
        # IAM does not show the tags of CloudFormation's own.
        self._arns[name] = self._iam.create_role(**fields, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for each in policies:
            document = json.dumps(each["PolicyDocument"])
            self._iam.put_role_policy(RoleName=role, PolicyName=each["PolicyName"], PolicyDocument=document)
        self._references[name] = role

    def _RoleAlias(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        made = self._iot.create_role_alias(
            roleAlias=fields["RoleAlias"],
            roleArn=fields["RoleArn"],
            credentialDurationSeconds=fields["CredentialDurationSeconds"],
            tags=[*fields["Tags"], *self._system],
        )
        self._references[name], self._arns[name] = made["roleAlias"], made["roleAliasArn"]

    def _Policy(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        self._iot.create_policy(
            policyName=fields["PolicyName"],
            policyDocument=json.dumps(fields["PolicyDocument"]),
            tags=[*fields["Tags"], *self._system],
        )
        self._references[name] = fields["PolicyName"]

    def _Certificate(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        csr = fields["CertificateSigningRequest"]
        made = self._iot.create_certificate_from_csr(certificateSigningRequest=csr, setAsActive=True)
        self._references[name], self._arns[name] = made["certificateId"], made["certificateArn"]

    def _Thing(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        self._references[name] = self._iot.create_thing(thingName=fields["ThingName"])["thingName"]

    def _PolicyPrincipalAttachment(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        self._iot.attach_policy(policyName=fields["PolicyName"], target=fields["Principal"])
        self._references[name] = name

    def _ThingPrincipalAttachment(self, name: str, fields: dict[str, Any]) -> None:  # noqa: N802
        self._iot.attach_thing_principal(thingName=fields["ThingName"], principal=fields["Principal"])
        self._references[name] = name


if __name__ == "__main__":
    os.environ.setdefault("AWS_PAGER", "")
    main()
