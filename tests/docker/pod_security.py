"""Kubernetes' Pod Security Standards, level "restricted" (which includes "baseline"), for Linux pods.

Source: the table in Kubernetes' documentation, "Pod Security Standards", as of 1.33.
"""

RESTRICTED_CAPABILITIES = {"NET_BIND_SERVICE"}
VOLUME_KINDS = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}


def violations(spec):
    """What "restricted" has against this pod spec: a list of sentences, empty if it admits it."""
    found = []
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            found.append(f"{field} is true")
    for volume in spec.get("volumes") or []:
        kinds = set(volume) - {"name"}
        if not kinds <= VOLUME_KINDS:
            found.append(f"volume {volume['name']}: kind {', '.join(kinds - VOLUME_KINDS)}")
    pod_context = spec.get("securityContext") or {}
    for sysctl in pod_context.get("sysctls") or []:
        if sysctl["name"] not in SYSCTLS:
            found.append(f"sysctl {sysctl['name']}")
    found += [f"pod: {reason}" for reason in _shared_fields(pod_context)]
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or []:
            found += [f"{container['name']}: {reason}"
                      for reason in _container_violations(container, pod_context)]
    return found


def _shared_fields(context):
    """Rules for fields that both a pod's and a container's security context have."""
    if context.get("runAsUser") == 0:
        yield "runAsUser is 0"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess is true"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"
    if (context.get("appArmorProfile") or {}).get("type") not in (
            None, "RuntimeDefault", "Localhost"):
        yield "appArmorProfile"


def _container_violations(container, pod_context):
    context = container.get("securityContext") or {}
    yield from _shared_fields(context)
    if context.get("privileged"):
        yield "privileged"
    if context.get("procMount") not in (None, "Default"):
        yield "procMount"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if not context.get("runAsNonRoot", pod_context.get("runAsNonRoot")):
        yield "runAsNonRoot is not true"
    seccomp = context.get("seccompProfile") or pod_context.get("seccompProfile") or {}
    if seccomp.get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile is not RuntimeDefault"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield "capabilities do not drop ALL"
    added = set(capabilities.get("add") or [])
    if not added <= RESTRICTED_CAPABILITIES:
        yield f"capabilities add {', '.join(sorted(added - RESTRICTED_CAPABILITIES))}"
    for port in container.get("ports") or []:
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']}"
    probes = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
    hooks = (container.get("lifecycle") or {}).values()
    for action in [*probes, *hooks]:
        for handler in ("httpGet", "tcpSocket"):
            if ((action or {}).get(handler) or {}).get("host"):
                yield f"{handler} names a host"
