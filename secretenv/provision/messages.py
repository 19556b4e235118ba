"""The errors of the operator's side in words, in the order of the chain."""

from __future__ import annotations

from secretenv.errors import CertificateError, ContentError, Message, SecretenvError, SettingsError
from secretenv.provision.errors import AwsError, MissingError

# settings
EXCLUSIVE = Message(SettingsError, "{options} exclude each other", "run it once for each of them")
NO_THING = Message(
    SettingsError, "--per-thing gives each thing a secret of its own, and no thing is named", "add --thing NAME"
)
NO_CERTIFICATE = Message(
    SettingsError,
    "--thing {thing} without a certificate to attach to it",
    "add --new-certificate DIR, or --certificate ARN for one that is registered",
)
DURATION = Message(
    SettingsError,
    "--duration {duration}: credentials live 900 seconds to 12 hours",
    "write whole seconds, as 900, 1h or 12h",
)
NOT_A_PATH = Message(
    SettingsError,
    "{option}: the text that was given is not a path",
    "give the path of a file; its content does not belong on a command line, where others can read it",
)
KMS_KEY = Message(
    SettingsError,
    "--kms-key {key}: a policy needs the whole ARN of a KMS key",
    "aws kms list-keys; an ARN of an alias is taken too",
)
FORM = Message(SettingsError, "--output: not one of {forms}: {form}", "write one of the two")
NO_GROUP = Message(
    SettingsError,
    "--thing-group: CloudFormation attaches no policy to a thing group",
    "--output terraform; or leave it out and then: aws iot attach-policy --policy-name {policy} --target "
    '"$(aws iot describe-thing-group --thing-group-name {group} --query thingGroupArn --output text)"',
)
VALUE_OF_SEVERAL = Message(
    SettingsError, "--from-file is the value of one secret, several are named", "run it once for each"
)
VALUE_OF_NO_THING = Message(
    SettingsError, "--from-file with --per-thing needs the thing whose secret it is", "add --thing NAME"
)
VALUE_UNREADABLE = Message(SettingsError, "--from-file: {file} cannot be read: {reason}", "ls -l {file}")
VALUE_NOT_UTF8 = Message(SettingsError, "--from-file: {file} is not text in UTF-8", "write JSON in UTF-8")
VALUE_TOO_LARGE = Message(
    SettingsError,
    "--from-file: {file} has more than the {limit} bytes that Secrets Manager takes",
    "divide it into several secrets",
)
VALUE_TOO_LARGE_FOR_CLOUDFORMATION = Message(
    SettingsError,
    "--from-file: the value has {size} bytes; a parameter of CloudFormation takes {limit}",
    "aws secretsmanager create-secret --name {secret} --secret-string file://FILE, then leave out --from-file",
)
FILE_UNREADABLE = Message(SettingsError, "--new-certificate: {file} cannot be read: {reason}", "ls -l {file}")
FILE_UNWRITABLE = Message(SettingsError, "--new-certificate: {file} cannot be written: {reason}", "ls -ld {folder}")
HALF_A_PAIR = Message(
    SettingsError,
    "--new-certificate: {file} exists, but {missing} does not",
    "put the missing file back, or take another folder: no key is ever overwritten",
)
ANOTHER_DEVICE = Message(
    SettingsError,
    "--new-certificate: {folder} belongs to another device, made by secretenv provision {owner}",
    "give each device a folder of its own; or, for the same device: --certificate {certificate}",
)
SETTINGS_DIFFER = Message(
    SettingsError,
    "--new-certificate: {file} exists, and differs in {keys}",
    "move it away, and it is written anew; or change these lines by hand",
)
ROOTS_DIFFER = Message(
    SettingsError,
    "--new-certificate: {file} exists, and is not the file that SECRETENV_CA names",
    "move it away, and it is written anew",
)
UNCONFIRMED = Message(SettingsError, "destroy was not confirmed", "look at what --dry-run shows, then add --yes")

# roots file
ROOTS_UNREADABLE = Message(
    SettingsError,
    "the roots file {file}, which SECRETENV_CA names, cannot be read: {reason}",
    "ls -l {file}",
    link="roots file",
)

# certificate
CERTIFICATE_UNREADABLE = Message(CertificateError, "certificate {file} cannot be read: {reason}", "ls -l {file}")
NOT_A_CERTIFICATE = Message(
    CertificateError, "{file} is not a certificate: {reason}", "give a PEM file, an ARN or an id"
)

# content
VALUE_UNUSABLE = Message(
    ContentError, "--from-file: {problem}", "fix {file}: a JSON object, whose keys become variables of these names"
)

# secretenv
DECLINED = Message(SecretenvError, "not confirmed, nothing was removed")

# aws: who asks, and whether AWS answers
NO_CREDENTIALS = Message(
    AwsError,
    "no AWS credentials found for the operator",
    "aws configure, or set AWS_PROFILE, or give --profile; then: aws sts get-caller-identity",
)
NO_REGION = Message(AwsError, "no region is set", "give --region NAME, or set AWS_DEFAULT_REGION")
NOT_A_FILE = Message(AwsError, "{file}, which {variable} names, is not a file", "ls -l {file}")
NO_PROFILE = Message(AwsError, "{reason}", "aws configure list-profiles")
SIGN_IN_EXPIRED = Message(AwsError, "the operator's sign-in has expired", "aws sso login")
NO_ANSWER = Message(
    AwsError,
    "{action} did not get through: {reason}",
    "check the network, --region, and AWS_ENDPOINT_URL if that is set; then run it again",
)

# aws: what it refused
MISSING = Message(MissingError, "{action}: {answer}")
DENIED = Message(
    AwsError,
    "{action} is denied to you: {answer}",
    "have your administrator allow {actions}; then run it again: finished steps are kept",
)
STALE = Message(AwsError, "the operator's credentials are refused: {answer}", "aws sts get-caller-identity")
CONFLICT = Message(
    AwsError,
    "{action}: {answer}",
    "wait some minutes for AWS to notice what was detached, then run it again; "
    "if that does not help, somebody else attached something to it",
)
REFUSED = Message(AwsError, "{action}: {answer}", "fix what AWS reports and run it again; finished steps are kept")

# aws: what is missing, or in the way
NO_SECRET = Message(
    AwsError,
    "secret {secret} does not exist",
    "give its value with --from-file FILE, or name an existing one with --secret",
)
NO_SECRET_OF_ARN = Message(AwsError, "secret {secret} does not exist", "name an existing one with --secret")
SECRET_DELETED = Message(
    AwsError,
    "secret {secret} is scheduled for deletion",
    "aws secretsmanager restore-secret --secret-id {secret}",
)
ONE_KMS_KEY = Message(
    AwsError, "secret {secret} does not exist, and several keys are given to encrypt it", "give one --kms-key"
)
ANOTHER_KMS_KEY = Message(
    AwsError,
    "secret {secret} is encrypted with {key}, which --kms-key does not name",
    "leave out --kms-key to use the secret as it is",
)
POLICY_TOO_LONG = Message(
    AwsError,
    "the role's policy for {count} secrets has {size} characters; IAM takes {limit}",
    "put several keys into one secret, or give a part of the secrets to another NAME, which has a role of its own",
)
OWNED = Message(
    AwsError,
    "{thing} belongs to {owner}, and {difference}",
    "deploy the template again with what you want now, or give the options that it was made with; or {instead}",
)
FOREIGN = Message(
    AwsError,
    "{thing} exists, was not made by `secretenv provision {name}`, and {difference}",
    "{instead}; or, to have it changed and later destroyed with the rest: {command}",
)
NOT_ATTACHED = Message(
    AwsError,
    "thing {thing} exists, was not made by `secretenv provision {name}`, and does not have this certificate",
    "aws iot attach-thing-principal --thing-name {thing} --principal {certificate}",
)
THING_EXISTS = Message(
    AwsError,
    "thing {thing} exists, and its certificate is not in {folder}",
    "name the folder that has its files, or another device with --thing NAME",
)
NOT_REGISTERED = Message(
    AwsError,
    "{certificate} is not registered in account {account}, region {region}",
    "check --region and --profile; aws iot register-certificate-without-ca registers one of your own",
)
NOT_ACTIVE = Message(
    AwsError,
    "{certificate} is {status}",
    "aws iot update-certificate --certificate-id {id} --new-status ACTIVE",
)
TOO_MANY_POLICIES = Message(
    AwsError,
    "{target} has {count} policies, and AWS IoT attaches no more to one",
    "aws iot detach-policy removes one; or use another certificate",
)
NO_THING_GROUP = Message(
    AwsError, "thing group {group} does not exist", "aws iot create-thing-group --thing-group-name {group}"
)
