"""The checker of the restricted profile itself: it admits a good pod and sees each single fault."""

import copy
import sys

import pytest

from tests.docker.pod_security import violations
from tests.support.run_pytest import run_pytest

GOOD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "v", "emptyDir": {}}],
    "containers": [{
        "name": "c",
        "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        },
    }],
}

# (where in the pod spec, what is put there, what the checker says)
FAULTS = [
    ("hostNetwork", True, "hostNetwork is true"),
    ("hostPID", True, "hostPID is true"),
    ("hostIPC", True, "hostIPC is true"),
    ("volumes.0", {"name": "v", "hostPath": {"path": "/"}}, "volume v: kind hostPath"),
    ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], "sysctl kernel.msgmax"),
    ("securityContext.runAsUser", 0, "pod: runAsUser is 0"),
    ("securityContext.runAsNonRoot", False, "c: runAsNonRoot is not true"),
    ("securityContext.seccompProfile", None, "c: seccompProfile is not RuntimeDefault"),
    ("securityContext.seccompProfile.type", "Unconfined", "c: seccompProfile is not RuntimeDefault"),
    ("securityContext.appArmorProfile", {"type": "Unconfined"}, "pod: appArmorProfile"),
    ("securityContext.windowsOptions", {"hostProcess": True}, "pod: hostProcess is true"),
    ("containers.0.securityContext", None, "c: allowPrivilegeEscalation is not false"),
    ("containers.0.securityContext.runAsNonRoot", False, "c: runAsNonRoot is not true"),
    ("containers.0.securityContext.runAsUser", 0, "c: runAsUser is 0"),
    ("containers.0.securityContext.privileged", True, "c: privileged"),
    ("containers.0.securityContext.procMount", "Unmasked", "c: procMount"),
    ("containers.0.securityContext.allowPrivilegeEscalation", True,
     "c: allowPrivilegeEscalation is not false"),
    ("containers.0.securityContext.seLinuxOptions", {"type": "spc_t"}, "c: seLinuxOptions"),
    ("containers.0.securityContext.capabilities.drop", ["CHOWN"], "c: capabilities do not drop ALL"),
    ("containers.0.securityContext.capabilities.add", ["NET_ADMIN"],
     "c: capabilities add NET_ADMIN"),
    ("containers.0.ports.0.hostPort", 80, "c: hostPort 80"),
    ("containers.0.readinessProbe.httpGet.host", "10.0.0.1", "c: httpGet names a host"),
    ("initContainers", [{"name": "i"}], "i: capabilities do not drop ALL"),
    ("ephemeralContainers", [{"name": "e"}], "e: capabilities do not drop ALL"),
]


def test_admits_a_good_pod():
    assert violations(GOOD) == []


@pytest.mark.parametrize("place, value, said", FAULTS)
def test_sees_each_fault(place, value, said):
    spec = copy.deepcopy(GOOD)
    *path, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    target = spec
    for key in path:
        target = target[key]
    target[last] = value
    assert said in violations(spec)


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
