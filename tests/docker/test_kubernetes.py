"""The Kubernetes manifests: as the API's schemas want them, and in accord with the image and the service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sentiline import __version__
from service.settings import table

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "service" / "deploy" / "kubernetes"
VERSIONS = ("1.27.0", kubernetes_validate.latest_version())
NAME = {"app.kubernetes.io/name": "sentiline"}
MEBIBYTE = {"Mi": 1, "Gi": 1024}

Manifests = dict[str, Any]


@pytest.fixture(scope="module")
def kustomization() -> Any:
    return yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifests(kustomization: Any) -> Manifests:
    """The resources by kind."""
    documents = [yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")) for name in kustomization["resources"]]
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def pod(manifests: Manifests) -> Any:
    return manifests["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod: Any) -> Any:
    (only,) = pod["containers"]
    return only


def mebibytes(quantity: str) -> int:
    found = re.fullmatch(r"(\d+)(Mi|Gi)", quantity)
    assert found is not None
    return int(found[1]) * MEBIBYTE[found[2]]


def test_the_kustomization_lists_every_manifest(kustomization: Any, manifests: Manifests) -> None:
    assert {*kustomization["resources"], "kustomization.yaml"} == {path.name for path in FOLDER.iterdir()}
    assert manifests.keys() == {
        "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"
    }  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_are_valid(manifests: Manifests, version: str) -> None:
    for document in manifests.values():
        kubernetes_validate.validate(document, version, strict=True)


def test_a_misspelt_field_is_invalid(manifests: Manifests) -> None:
    """The validation is strict about names and about types."""
    for change in ("containerPort: 3000", "periodSeconds: 10"):
        name, value = change.split(": ")
        text = json.dumps(manifests["Deployment"])
        assert f'"{name}": {value}' in text
        for damaged in (f'"{name}s": {value}', f'"{name}": "{value} s"'):
            with pytest.raises(kubernetes_validate.ValidationError):
                kubernetes_validate.validate(
                    json.loads(text.replace(f'"{name}": {value}', damaged)), VERSIONS[-1], strict=True
                )


def test_all_selectors_match_the_same_pods(manifests: Manifests) -> None:
    deployment = manifests["Deployment"]["spec"]
    assert deployment["template"]["metadata"]["labels"] == NAME
    assert deployment["selector"]["matchLabels"] == NAME
    assert manifests["Service"]["spec"]["selector"] == NAME
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == NAME
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == NAME
    (spread,) = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == NAME
    target = manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", manifests["Deployment"]["metadata"]["name"])
    assert "replicas" not in deployment


def test_ports_are_those_of_the_image(manifests: Manifests, container: Any) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    exposed = re.search(r"^EXPOSE (\d+)$", dockerfile, re.M)
    assert exposed is not None
    (port,) = container["ports"]
    assert port["containerPort"] == int(exposed[1])
    (offered,) = manifests["Service"]["spec"]["ports"]
    assert offered["targetPort"] == port["name"]
    annotations = manifests["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == exposed[1]
    (allowed,) = manifests["NetworkPolicy"]["spec"]["ingress"]
    assert allowed["ports"] == [{"port": port["name"]}]
    assert {"name": "SENTILINE_PORT", "value": exposed[1]} in container["env"]


def test_the_name_of_the_service_does_not_become_a_setting(manifests: Manifests, pod: Any) -> None:
    """A Service called sentiline makes Kubernetes set SENTILINE_PORT to an URL, unless service links are off."""
    assert manifests["Service"]["metadata"]["name"] == "sentiline"
    assert pod["enableServiceLinks"] is False


def test_probes_ask_existing_routes(container: Any) -> None:
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py")]
    routes = {path for source in sources for path in re.findall(r'Route\("([^"]+)"', source)}
    assert {probe["path"] for probe in probes.values()} <= routes
    assert probes["readiness"]["path"] == "/readyz"
    assert probes["liveness"]["path"] == "/livez"  # a restart does not help where a model cannot be loaded
    assert {probe["port"] for probe in probes.values()} == {container["ports"][0]["name"]}


def test_the_container_sets_only_known_settings(container: Any) -> None:
    known = {variable for variable, *_ in table()} | {"SENTILINE_HOST", "SENTILINE_PORT", "SENTILINE_MODELS"}
    assert {entry["name"] for entry in container["env"]} <= known


def test_the_pod_has_no_more_rights_than_it_needs(pod: Any, container: Any) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    assert user is not None
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user[1]),
        "runAsGroup": int(user[2]),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (volume,) = pod["volumes"]
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/tmp"}]
    assert mebibytes(volume["emptyDir"]["sizeLimit"]) < mebibytes(container["resources"]["limits"]["memory"])


def test_limits_are_those_of_docker_compose(container: Any) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["sentiline"]
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    assert compose["mem_limit"] == "1g"
    assert mebibytes(limits["memory"]) == 1024
    assert int(limits["cpu"]) == compose["cpus"]
    assert mebibytes(requests["memory"]) <= mebibytes(limits["memory"])
    assert int(requests["cpu"]) <= int(limits["cpu"])


def test_the_autoscaler_targets_the_cpu(manifests: Manifests) -> None:
    spec = manifests["HorizontalPodAutoscaler"]["spec"]
    (metric,) = spec["metrics"]
    assert metric["resource"]["name"] == "cpu"
    # a budget of one pod at a time leaves something running
    assert spec["minReplicas"] > manifests["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    assert spec["maxReplicas"] > spec["minReplicas"]


def test_the_grace_period_is_long_enough_for_accepted_requests(pod: Any, container: Any) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["sentiline"]
    command, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    assert pod["terminationGracePeriodSeconds"] - int(seconds) >= int(compose["stop_grace_period"].removesuffix("s"))


def test_the_manifests_name_this_version(kustomization: Any, container: Any) -> None:
    (image,) = kustomization["images"]
    assert image["newTag"] == __version__
    assert container["image"] == f"{image['name']}:{__version__}"
