"""Requests that no client of AWS sends, or only a broken one: each must get a clear error, and the server must live."""

import http.client
import socket
import urllib.parse
from dataclasses import dataclass, field

import servers

_ANSWER_S = 20
_MEBIBYTE = 1024 * 1024

_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_ECS = "AmazonEC2ContainerServiceV20141113"


def _signed(service: str, region: str = servers.REGION) -> dict[str, str]:
    """A signature as far as the stand-in reads one: the scope of the credential."""
    scope = f"{servers.ACCOUNT}/20260101/{region}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"}


def _json(target: str) -> dict[str, str]:
    return {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}


@dataclass(frozen=True)
class Request:
    """A request, and what its answer must contain."""

    what: str
    expected: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 400
    method: str = "POST"
    path: str = "/"


_REQUESTS = [
    Request("unsigned, of Query", "<Code>MissingAuthenticationToken</Code>", _FORM, b"Action=DescribeRules", 403),
    Request("unsigned, of JSON", '"MissingAuthenticationToken"', _json(f"{_ECS}.ListClusters"), b"{}", 403),
    Request("unsigned, nothing at all", "MissingAuthenticationToken", method="GET", status=403),
    Request("a signature that is none", "IncompleteSignature", {"Authorization": "Bearer x"}, status=403),
    Request("of an unknown service", "UnsupportedService", _signed("braket")),
    Request("of another region", "SignatureDoesNotMatch", _signed("ec2", "eu-west-1") | _FORM, b"Action=X", 403),
    Request("an unknown operation of EC2", "ec2:Fly", _signed("ec2") | _FORM, b"Action=Fly&Version=2016-11-15"),
    Request("an unknown operation of ECS", "ecs:Fly", _signed("ecs") | _json(f"{_ECS}.Fly"), b"{}"),
    Request("an unknown route", "UnsupportedOperation", _signed("route53"), method="GET", path="/2013-04-01/fly"),
    Request("no operation", "MissingAction", _signed("ec2") | _FORM, b"Version=2016-11-15"),
    Request("JSON that is none", "SerializationException", _signed("ecs") | _json(f"{_ECS}.ListClusters"), b'{"a":'),
    Request("JSON that is no object", "Exception", _signed("ecs") | _json(f"{_ECS}.CreateCluster"), b"[1]"),
    Request("XML that is none", "InvalidInput", _signed("route53"), b"<a>", path="/2013-04-01/hostedzone"),
    Request(
        "CBOR that is none",
        "SerializationException",
        _signed("monitoring") | {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"},
        b"\xbf",
        path="/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
    ),
    Request("bytes that are no text", "MissingAction", _signed("ec2") | _FORM, bytes(range(256))),
    Request("very deep members", "MalformedQueryString", _signed("ec2") | _FORM, b"Action=X&" + b"a." * 5000 + b"=1"),
    Request(
        "very deep JSON",
        "SerializationException",
        _signed("ecs") | _json(f"{_ECS}.ListClusters"),
        b'{"a":' * 100_000,
    ),
    Request(
        "a name of a mebibyte",
        "InvalidParameterException",
        _signed("ecs") | _json(f"{_ECS}.CreateCluster"),
        b'{"clusterName":"' + b"a" * _MEBIBYTE + b'"}',
    ),
    Request(
        "a form of a mebibyte",
        "InvalidParameterValue",
        _signed("ec2") | _FORM,
        b"Action=CreateVpc&CidrBlock=" + b"1" * _MEBIBYTE,
    ),
    Request("more than is read", "RequestEntityTooLarge", _signed("ec2") | _FORM, b"a" * (9 * _MEBIBYTE), 413),
]
# Not rubbish, but what the AWS CLI sent for years: CloudWatch in the Query protocol.
_QUERY = Request(
    "CloudWatch in the Query protocol",
    "<DescribeAlarmsResult>",
    _signed("monitoring") | _FORM,
    b"Action=DescribeAlarms&Version=2010-08-01",
    200,
)
_ALIVE = Request("a sound request after all", "123456789012", _signed("sts") | _FORM, b"Action=GetCallerIdentity", 200)


def send_all(address: str) -> tuple[int, list[str]]:
    """How many requests were sent, and what was wrong with the answers."""
    server = urllib.parse.urlsplit(address)
    _hang_up(server)
    sent = [*_REQUESTS, _QUERY, _ALIVE]
    return len(sent), [problem for request in sent if (problem := _problem(request, server))]


def _problem(request: Request, server: urllib.parse.SplitResult) -> str | None:
    connection = http.client.HTTPConnection(server.hostname, server.port, timeout=_ANSWER_S)
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{request.what}: no answer: {error!r}"
    finally:
        connection.close()
    if answer.status != request.status or request.expected not in text:
        return f"{request.what}: {answer.status} {text[:200]!r}, expected {request.status} with `{request.expected}`"
    return None


def _hang_up(server: urllib.parse.SplitResult) -> None:
    """Half a request, and then nothing more."""
    with socket.create_connection((server.hostname, server.port), timeout=_ANSWER_S) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nAction=")
