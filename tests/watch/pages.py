"""A client of the servers that show pages or metrics on this machine."""

import http.client


def get(port: int, path: str) -> tuple[int, str]:
    """The status and the text of an answer."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    finally:
        line.close()
