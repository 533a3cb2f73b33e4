"""The encryption between HDFS and its clients, as the configuration has it: which, and whether it is a slow one."""

from yarnml.storage.hadoop_config import Configuration

RPC_PROTECTION = "hadoop.rpc.protection"
DATA_PROTECTION = "dfs.data.transfer.protection"
DATA_ENCRYPTION = "dfs.encrypt.data.transfer"
CIPHERS = "dfs.encrypt.data.transfer.cipher.suites"

AES = "AES/CTR/NoPadding"
"""The only cipher that Hadoop and hdfs-native know beside those of SASL, which are 3DES and RC4."""

PRIVACY = "privacy"


class Advice(Exception):
    """Something works, and the cluster's administrator can have it work better."""


def check_encryption(settings: Configuration) -> str:
    """Find out how RPC and data are protected, in words; `Advice` where data has a slow cipher."""
    if advice := advice_on_cipher(settings):
        raise Advice(advice)
    rpc = settings.get(RPC_PROTECTION, "authentication")
    words = [settings.get(DATA_PROTECTION), "AES" if _is_encrypted(settings) else ""]
    return f"RPC is protected by {rpc}, data by {' with '.join(filter(None, words)) or 'nothing'}"


def advice_on_cipher(settings: Configuration) -> str:
    """Tell which property makes encrypted data six to eight times faster; empty where there is nothing to advise.

    ``python -m benchmarks secured`` measures both.
    """
    if not _is_encrypted(settings) or AES in _listed(settings.get(CIPHERS)):
        return ""
    return (
        "by this machine's hdfs-site.xml data between HDFS and its clients is encrypted by SASL with 3DES or RC4, "
        f"six to eight times slower than with AES; have {CIPHERS} set to {AES} in the cluster's, and copy it here"
    )


def _is_encrypted(settings: Configuration) -> bool:
    by_sasl = settings.wants_kerberos and PRIVACY in _listed(settings.get(DATA_PROTECTION))
    return by_sasl or settings.get(DATA_ENCRYPTION).lower() == "true"


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
