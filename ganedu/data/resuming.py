"""Downloads that go on where the last one stopped.

Taught in {ref}`data-sets`; range requests: RFC 9110, section 14.
"""

import os
from pathlib import Path

CHUNK = 1 << 16  # bytes
TIMEOUT = 30.0  # seconds without a byte
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


class ResumingDownloader:
    """A downloader for pooch that keeps what has come in a file of its own, and asks for the rest only.

    partial: that file. When it is whole it is handed to pooch, which compares the hash and deletes what is wrong, so
    that the next attempt starts anew. Hence it does no harm to go on with the bytes of another mirror, or of a file
    that has changed meanwhile. A server that does not give the range asked for is taken from the beginning.
    Raises an OSError of requests if there is no answer, or less than was announced; `partial` then stays.
    Taught in {ref}`data-sets`.
    """

    def __init__(self, partial: Path):
        self.partial = partial

    def __call__(self, url: str, output_file: str, pooch) -> None:
        """Bring `url` to `output_file`, as pooch asks for it."""
        have = self.partial.stat().st_size if self.partial.exists() else 0
        with _get(url, have) as response:
            status, given = response.status_code, response.headers.get("Content-Range", "")
            is_whole = have and status == RANGE_NOT_SATISFIABLE and given == f"bytes */{have}"
            is_misfit = status == PARTIAL_CONTENT and not given.startswith(f"bytes {have}-")
            if have and not is_whole and (status == RANGE_NOT_SATISFIABLE or is_misfit):
                self.partial.unlink()
                return self(url, output_file, pooch)
            if not is_whole:
                response.raise_for_status()
                self._append(response, have if status == PARTIAL_CONTENT else 0)
        os.replace(self.partial, output_file)

    def _append(self, response, have: int) -> None:
        """What the server sends goes behind the first `have` bytes."""
        import requests
        import urllib3
        from tqdm.auto import tqdm

        announced = response.headers.get("Content-Length")
        whole = have + int(announced) if announced else None
        bar = tqdm(total=whole, initial=have, unit="B", unit_scale=True, desc=self.partial.stem)
        with bar, open(self.partial, "r+b" if have else "wb") as target:
            target.seek(have)
            try:
                # As stored: a .gz that a server declares to be an encoding must not be unpacked on the way.
                for part in response.raw.stream(CHUNK, decode_content=False):
                    target.write(part)
                    bar.update(len(part))
            except urllib3.exceptions.HTTPError as error:
                raise requests.ConnectionError(f"the connection broke off: {error}") from None
            if whole is not None and target.tell() != whole:
                raise requests.ConnectionError(f"the connection ended after {target.tell()} of {whole} bytes")


def _get(url: str, have: int):
    import requests

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
