"""Names that run code or turn off checks are known, in each family; names that belong in secrets are not suspected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from secretenv.fetcher import dangerous

# From unsecvars.h of glibc and env.c of sudo, which remove these.
REMOVED_BY_GLIBC = """
GCONV_PATH GETCONF_DIR GLIBC_TUNABLES HOSTALIASES LD_AUDIT LD_DEBUG LD_DEBUG_OUTPUT LD_DYNAMIC_WEAK LD_LIBRARY_PATH
LD_ORIGIN_PATH LD_PRELOAD LD_PROFILE LD_SHOW_AUXV LOCALDOMAIN LOCPATH MALLOC_TRACE NIS_PATH NLSPATH RESOLV_HOST_CONF
RES_OPTIONS TMPDIR TZDIR
"""
REMOVED_BY_SUDO = """
BASHOPTS BASH_ENV CDPATH ENV FPATH GLOBIGNORE IFS JAVA_TOOL_OPTIONS LOCALDOMAIN NULLCMD PATH_LOCALE PERL5DB PERL5LIB
PERL5OPT PERLIO_DEBUG PERLLIB PS4 PYTHONHOME PYTHONINSPECT PYTHONPATH PYTHONUSERBASE READNULLCMD RUBYLIB RUBYOPT
SHELLOPTS TERMCAP TERMINFO TERMINFO_DIRS TERMPATH TMPPREFIX ZDOTDIR
"""
KNOWN = {
    "git": "GIT_CONFIG_GLOBAL GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_PAGER GIT_SSH_COMMAND GIT_SSL_NO_VERIFY",
    "shells": "BASH_FUNC_ls%% PROMPT_COMMAND PS1",
    "pagers and editors": "LESSOPEN LESSCLOSE LESS PAGER MANPAGER AWS_PAGER SYSTEMD_PAGER EDITOR VISUAL",
    "proxies": "HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy Https_Proxy",
    "TLS": "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE AWS_CA_BUNDLE OPENSSL_CONF SSLKEYLOGFILE",
    "Python": "PYTHONHTTPSVERIFY PYTHONWARNINGS PIP_INDEX_URL PIP_CONFIG_FILE GUNICORN_CMD_ARGS",
    "Node": "NODE_OPTIONS NODE_TLS_REJECT_UNAUTHORIZED NODE_EXTRA_CA_CERTS npm_config_node_options NPM_CONFIG_REGISTRY",
    "Lua": "LUA_INIT LUA_INIT_5_4 LUA_PATH LUA_PATH_5_3 LUA_CPATH",
    "Java": "_JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH JAVA_OPTS MAVEN_OPTS",
    ".NET": "DOTNET_STARTUP_HOOKS CORECLR_PROFILER CORECLR_PROFILER_PATH_64 COR_PROFILER_PATH DOTNET_ROOT_X64",
    "Go and Rust": "GODEBUG GOFLAGS GOINSECURE GOPROXY RUSTC_WRAPPER CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER",
    "others": "R_PROFILE ERL_FLAGS TCLLIBPATH JULIA_LOAD_PATH CAML_LD_LIBRARY_PATH PHPRC PHP_INI_SCAN_DIR",
    "clients": "AWS_CONFIG_FILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 DOCKER_HOST KUBECONFIG PGSERVICEFILE PSQLRC",
}
FINE = """
ALLOW_PROXY_HEADERS API_KEY AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_PROFILE AWS_REGION AWS_SECRET_ACCESS_KEY
AWS_SESSION_TOKEN BUNDLE_RUBYGEMS__PKG__GITHUB__COM COR_API_KEY DATABASE_URL DB_HOST DB_PASSWORD DEBUG
DJANGO_SETTINGS_MODULE DOCKER_PASSWORD GITHUB_TOKEN GIT_PASSWORD GIT_TOKEN GOOGLE_API_KEY
GOOGLE_APPLICATION_CREDENTIALS HOST HOSTNAME HTTP_PORT JAVA_KEYSTORE_PASSWORD LANG LC_ALL LDAP_PASSWORD LESSON_ID
LOG_LEVEL LUA_TOKEN MYSQL_PWD NODE_ENV NPM_TOKEN PGDATABASE PGHOST PGPASSWORD PGSSLMODE PGUSER PORT PROXY_PASSWORD
PYTHONUNBUFFERED PYTHON_ENV REDIS_URL SECRET_KEY SMTP_PASSWORD SSH_PRIVATE_KEY SSL_KEY_PASSWORD TERM TZ USER
VAULT_ADDR VAULT_TOKEN YARN_NPM_AUTH_TOKEN
"""


@pytest.mark.parametrize("name", sorted({*" ".join([REMOVED_BY_GLIBC, REMOVED_BY_SUDO, *KNOWN.values()]).split()}))
def test_each_family_is_known(name: str) -> None:
    """Whatever changes the code that a program runs, or whom it trusts, is dangerous."""
    assert dangerous.is_dangerous(name)


@pytest.mark.parametrize("name", FINE.split())
def test_what_belongs_in_a_secret(name: str) -> None:
    """A name that is rightly kept in a secret raises no suspicion: a warning that always comes is not read."""
    assert not dangerous.is_dangerous(name)


def test_each_group_has_its_source() -> None:
    """Every group of names stands below a comment that says whose it is, in order and without a name twice."""
    table = re.search(r'_TABLE = """\n(.*?)"""', Path(dangerous.__file__).read_text("utf-8"), re.DOTALL)
    assert table
    groups = re.split(r"^#.*\n", table[1], flags=re.MULTILINE)
    assert groups[0] == ""
    assert [group for group in groups[1:] if group.split() != sorted(group.split())] == []
    words = table[1].split("\n")
    names = [word for line in words if not line.startswith("#") for word in line.split()]
    assert len(names) == len(set(names)) > 300
