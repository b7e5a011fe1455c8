"""A real Chromium that a test drives through its DevTools protocol, over a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
]
_KEYS = {
    "Tab": 9,
    "Enter": 13,
    " ": 32,
    "ArrowDown": 40,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowLeft": 37,
}


class Browser:
    """One tab of a browser."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method, and return its result; events before it are recorded."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]  # type: ignore[no-any-return]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._from], [], [], 60)[0], "the browser does not answer"
            piece = os.read(self._from, 1 << 20)
            assert piece, "the browser ended"
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        event, parameters = message.get("method"), message.get("params", {})
        if event == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"]))
        elif event == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(str(parameters["entry"]))
        return message

    def open(self, page: Path, fragment: str = "") -> None:
        """Open a page, and wait until it is loaded."""
        self("Page.navigate", url="about:blank")
        address = page.absolute().as_uri() + (f"#{fragment}" if fragment else "")
        self("Page.navigate", url=address)
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def dom(self, page: Path, fragment: str = "") -> str:
        """Open a page, and return its document as it is once its script has run."""
        self.open(page, fragment)
        return str(self.run("document.documentElement.outerHTML"))

    def run(self, script: str) -> Any:
        """Return the value of an expression of JavaScript."""
        done = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def text(self, identifier: str) -> str:
        """Return the text of an element."""
        return str(self.run(f"document.getElementById({json.dumps(identifier)}).textContent"))

    def size(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Set the size of the window, and the colour scheme of its user."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, *keys: str) -> None:
        """Press keys one after the other; a text of several letters is typed."""
        for key in keys:
            if key not in _KEYS:
                self("Input.insertText", text=key)
                continue
            event = {"key": key, "code": "Space" if key == " " else key}
            event["windowsVirtualKeyCode"] = _KEYS[key]  # type: ignore[assignment]
            letter = {" ": " ", "Enter": "\r"}.get(key)
            kind = "keyDown" if letter else "rawKeyDown"
            more = {"text": letter} if letter else {}
            self("Input.dispatchKeyEvent", type=kind, **event, **more)
            self("Input.dispatchKeyEvent", type="keyUp", **event)


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a browser with its own profile, and end it."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    pipes = (*os.pipe(), *os.pipe())
    # Above 3 and 4, at which the browser has its ends.
    theirs = [fcntl.fcntl(pipes[place], fcntl.F_DUPFD, 100) for place in (0, 3)]
    command = [program, *_OPTIONS, f"--user-data-dir={folder / 'profile'}"]
    redirected = f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", redirected, "bash", *command],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    for end in (pipes[0], pipes[3], *theirs):
        os.close(end)
    to_browser, from_browser = pipes[1], pipes[2]
    try:
        yield Browser(to_browser, from_browser)
    finally:
        process.terminate()
        process.wait(30)
        os.close(to_browser)
        os.close(from_browser)
