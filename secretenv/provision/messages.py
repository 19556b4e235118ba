"""The errors of the operator's side in words, in the order of the chain."""

from __future__ import annotations

from secretenv.errors import CertificateError, ContentError, Message, SecretenvError, SettingsError
from secretenv.provision.errors import AwsError, MissingError

# settings
EXCLUSIVE = Message(SettingsError, "{options} exclude each other", "run it once for each of them")
NO_THING = Message(
    SettingsError, "--per-thing gives each thing a secret of its own, and no thing is given", "add --thing NAME"
)
NO_CERTIFICATE = Message(
    SettingsError,
    "--thing {thing} needs a certificate to attach",
    "add --new-certificate DIR, or --certificate ARN for one that is registered",
)
DURATION = Message(
    SettingsError,
    "--duration {duration}: must be between 15m and 12h, in whole seconds",
    "write for example 900, 1h or 12h",
)
NOT_A_PATH = Message(
    SettingsError,
    "{option}: expected a path, but got the content of a file",
    "give the path of the file; other users can read a command line",
)
NOT_A_NAME = Message(
    SettingsError,
    "{option}: expected a name, but got the content of a file",
    "give the name; other users can read a command line",
)
KMS_KEY = Message(
    SettingsError,
    "--kms-key {key}: give the full ARN of a KMS key or of its alias",
    "aws kms list-keys",
)
FORM = Message(SettingsError, "--output: not one of {forms}: {form}", "write one of the two")
NO_GROUP = Message(
    SettingsError,
    "--thing-group: CloudFormation attaches no policy to a thing group",
    "--output terraform; or, without the group: aws iot attach-policy --policy-name {policy} --target "
    '"$(aws iot describe-thing-group --thing-group-name {group} --query thingGroupArn --output text)"',
)
VALUE_OF_SEVERAL = Message(SettingsError, "--from-file sets one secret, but several are named", "run it once for each")
VALUE_OF_NO_THING = Message(
    SettingsError, "--from-file with --per-thing needs the thing whose secret it is", "add --thing NAME"
)
VALUE_UNREADABLE = Message(SettingsError, "--from-file: {file} cannot be read: {reason}", "ls -l {file}")
VALUE_NOT_UTF8 = Message(SettingsError, "--from-file: {file} is not UTF-8 text", "write JSON in UTF-8")
VALUE_TOO_LARGE = Message(
    SettingsError,
    "--from-file: {file} has more than the {limit} bytes that Secrets Manager allows",
    "split it into several secrets",
)
VALUE_TOO_LARGE_FOR_CLOUDFORMATION = Message(
    SettingsError,
    "--from-file: the value has {size} bytes; a CloudFormation parameter allows {limit}",
    "aws secretsmanager create-secret --name {secret} --secret-string file://FILE, then leave out --from-file",
)
FILE_UNREADABLE = Message(SettingsError, "--new-certificate: {file} cannot be read: {reason}", "ls -l {file}")
FILE_UNWRITABLE = Message(
    SecretenvError,
    "--new-certificate: {file} cannot be written: {reason}",
    "ls -ld {folder}",
    link="settings",
)
HALF_A_PAIR = Message(
    SettingsError,
    "--new-certificate: {file} exists, but {missing} does not",
    "put the missing file back, or use another folder, because no key is ever overwritten",
)
ANOTHER_DEVICE = Message(
    SettingsError,
    "--new-certificate: {folder} belongs to another device, created by secretenv provision {owner}",
    "give each device a folder of its own; or, for the same device: --certificate {certificate}",
)
SETTINGS_DIFFER = Message(
    SettingsError,
    "--new-certificate: {file} exists, and differs in {keys}",
    "move it aside to have it written again, or edit these settings by hand",
)
ROOTS_DIFFER = Message(
    SettingsError,
    "--new-certificate: {file} exists, and is not the file in SECRETENV_CA",
    "move it aside to have it written again",
)
UNCONFIRMED = Message(SettingsError, "destroy was not confirmed", "look at what --dry-run shows, then add --yes")

# roots file
ROOTS_UNREADABLE = Message(
    SettingsError,
    "the roots file {file} in SECRETENV_CA cannot be read: {reason}",
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
    ContentError,
    "--from-file: {problem}",
    "fix {file}: it must be a JSON object; each key becomes a variable of that name",
)

# secretenv
DECLINED = Message(SecretenvError, "not confirmed; nothing was removed")

# aws: who asks, and whether AWS answers
NO_CREDENTIALS = Message(
    AwsError,
    "no AWS credentials found for the operator",
    "aws configure, or set AWS_PROFILE, or give --profile; then: aws sts get-caller-identity",
)
NO_REGION = Message(AwsError, "no region is set", "give --region NAME, or set AWS_DEFAULT_REGION")
NOT_A_FILE = Message(AwsError, "{variable}: {file} is not a file", "ls -l {file}")
NO_PROFILE = Message(AwsError, "{reason}", "aws configure list-profiles")
SIGN_IN_EXPIRED = Message(AwsError, "the operator's sign-in has expired", "aws sso login")
NO_ANSWER = Message(
    AwsError,
    "{action} got no answer: {reason}",
    "check the network, --region, and AWS_ENDPOINT_URL if that is set; then run it again",
)

# aws: what it refused
MISSING = Message(MissingError, "{action}: {answer}")
DENIED = Message(
    AwsError,
    "{action} is denied to you: {answer}",
    "have your administrator allow {actions}; then run it again: finished steps are kept",
)
# By a policy that an Allow elsewhere does not overrule.
DENIED_BY = Message(
    AwsError,
    "{action} is denied to you: {answer}",
    "one more Allow does not help: have the {policy} changed; then run it again: finished steps are kept",
)
THROTTLED = Message(AwsError, "{action}: {answer}", "wait a minute and run it again: finished steps are kept")
STALE = Message(AwsError, "the operator's credentials are refused: {answer}", "aws sts get-caller-identity")
CONFLICT = Message(
    AwsError,
    "{action}: {answer}",
    "wait a few minutes for the detach to take effect, then run it again; "
    "if that does not help, something else is still attached",
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
ONE_KMS_KEY = Message(AwsError, "cannot create secret {secret}: more than one --kms-key is given", "give one --kms-key")
ANOTHER_KMS_KEY = Message(
    AwsError,
    "secret {secret} is encrypted with {key}, not with the key in --kms-key",
    "leave out --kms-key to use the secret as it is",
)
POLICY_TOO_LONG = Message(
    AwsError,
    "the role's policy for {count} secrets has {size} characters; IAM allows {limit}",
    "combine secrets into one, or split them between two NAMEs, each with its own role",
)
OWNED = Message(
    AwsError,
    "{thing} belongs to {owner}, and {difference}",
    "deploy the template again with what you want now, or give the options that created it; or {instead}",
)
FOREIGN = Message(
    AwsError,
    "{thing} exists, was not created by `secretenv provision {name}`, and {difference}",
    "{instead}; or, to let provision manage it from now on (destroy then removes it): {command}",
)
NOT_ATTACHED = Message(
    AwsError,
    "thing {thing} exists, was not created by `secretenv provision {name}`, and does not have this certificate",
    "aws iot attach-thing-principal --thing-name {thing} --principal {certificate}",
)
THING_EXISTS = Message(
    AwsError,
    "thing {thing} exists, and its certificate is not in {folder}",
    "give the folder that has its files, or another device with --thing NAME",
)
NOT_REGISTERED = Message(
    AwsError,
    "{certificate} is not registered in account {account}, region {region}",
    "check --region and --profile; to register your own: aws iot register-certificate-without-ca",
)
NOT_ACTIVE = Message(
    AwsError,
    "{certificate} is {status}",
    "aws iot update-certificate --certificate-id {id} --new-status ACTIVE",
)
TOO_MANY_POLICIES = Message(
    AwsError,
    "{target} already has {count} policies, the most that AWS IoT allows",
    "remove one with aws iot detach-policy, or use another certificate",
)
NO_THING_GROUP = Message(
    AwsError, "thing group {group} does not exist", "aws iot create-thing-group --thing-group-name {group}"
)
