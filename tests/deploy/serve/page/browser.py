"""Chromium, driven over its DevTools protocol: keys, files, pictures, what it logged, and what it asked for."""

import json
import re
import shutil
import subprocess
import time
from base64 import b64decode
from contextlib import ExitStack
from pathlib import Path

from websockets.sync.client import connect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run",
    "--hide-scrollbars", "--lang=en-US", "--remote-debugging-port=0", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "End": ("End", 35, ""),
}
KEYS |= {
    "ArrowDown": ("ArrowDown", 40, ""),
    "Space": (" ", 32, " "),
    "Backspace": ("Backspace", 8, ""),
    "Home": ("Home", 36, ""),
    "Escape": ("Escape", 27, ""),
}
PATIENCE = 20.0  # seconds


class Browser:
    """One browser, with a page of its own storage for each ``page()``."""

    def __init__(self, folder):
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = Path(folder) / "DevToolsActivePort"
        end = time.monotonic() + PATIENCE
        while not (told.exists() and len(told.read_text().split()) == 2):
            assert time.monotonic() < end and self.process.poll() is None, "chromium does not start"
            time.sleep(0.05)
        port, path = told.read_text().split()
        self.held = ExitStack()
        self.socket = self.held.enter_context(connect(f"ws://127.0.0.1:{port}{path}", max_size=2**28, proxy=None))
        self.number, self.pages = 0, {}

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        self.socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while (told := json.loads(self.socket.recv(PATIENCE))).get("id") != message["id"]:
            self._heard(told)
        assert "error" not in told, (method, told["error"])
        return told["result"]

    def listen(self, seconds):
        """Takes in events for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self._heard(json.loads(self.socket.recv(left)))
            except TimeoutError:
                return

    def _heard(self, told):
        if told.get("sessionId") in self.pages:
            self.pages[told["sessionId"]].events.append((told["method"], told["params"]))

    def page(self, **looks):
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.pages[session] = page = Page(self, session, context)
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility"):
            page.call(f"{domain}.enable")
        page.look(**looks)
        return page

    def close(self):
        self.call("Browser.close")
        self.held.close()
        self.process.wait(PATIENCE)


class Page:
    def __init__(self, browser, session, context):
        self.browser, self.session, self.context, self.events = browser, session, context, []

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def look(self, width=1000, height=900, scheme="light", motion="no-preference", lang="en-US"):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Emulation.setLocaleOverride", locale=lang)
        self.call("Emulation.setUserAgentOverride", userAgent="Chromium", acceptLanguage=lang)

    def open(self, url, until="document.querySelector('#ask:not([hidden]) > :not(h2)')"):
        self.call("Page.navigate", url=url)
        self.wait(until)

    def ask(self, expression):
        """The value of an expression in the page, of a promise what it comes to."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, (expression, told["exceptionDetails"])
        return told["result"].get("value")

    def wait(self, expression, patience=PATIENCE):
        end = time.monotonic() + patience
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() < end, (expression, self.told(), self.faults())
            self.browser.listen(0.03)

    def told(self):
        """What the aria-live region says."""
        return self.ask("document.querySelector('[aria-live]').textContent")

    def wait_told(self, pattern, patience=PATIENCE):
        self.wait(f"{json.dumps(pattern)} && new RegExp({json.dumps(pattern)}, 's').test("
                  "document.querySelector('[aria-live]').textContent)", patience)  # fmt: skip
        return self.told()

    def press(self, key, modifiers=0, times=1):
        """Presses a key; modifiers: 2 is Ctrl, 8 Shift."""
        name, code, text = KEYS.get(key, (key, ord(key.upper()[0]), key))
        common = {"key": name, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        for letter in text:
            self.call("Input.insertText", text=letter)

    def tab_to(self, name):
        """Goes by Tab, from where the focus is, to the control of that name."""
        seen = []
        for _ in range(60):
            self.press("Tab")
            seen.append(self.focused())
            if seen[-1] and re.fullmatch(name, seen[-1]):
                return
        raise AssertionError(f"Tab does not come to {name!r}, but to {seen}")

    def focused(self):
        node = self.call("Runtime.evaluate", expression="document.activeElement")["result"]["objectId"]
        found = self.call("Accessibility.getPartialAXTree", objectId=node, fetchRelatives=False)["nodes"]
        return found[0].get("name", {}).get("value", "") if found else ""

    def give_file(self, selector, *paths):
        node = self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self.call("DOM.setFileInputFiles", files=list(map(str, paths)), objectId=node["result"]["objectId"])

    def nodes(self):
        """(role, name, focusable) of everything that a screen reader meets."""
        for node in self.call("Accessibility.getFullAXTree")["nodes"]:
            if not node.get("ignored"):
                features = {one["name"]: one["value"].get("value") for one in node.get("properties", ())}
                yield node["role"]["value"], node.get("name", {}).get("value", ""), bool(features.get("focusable"))

    def faults(self):
        """What the page logged, and threw."""
        bad = []
        for method, told in self.events:
            if method == "Runtime.exceptionThrown":
                bad.append(told["exceptionDetails"]["exception"].get("description", told["exceptionDetails"]["text"]))
            elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
                bad.append(str([one.get("value", one.get("description")) for one in told["args"]]))
            elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                bad.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        return bad

    def requests(self):
        """The addresses of all requests and sockets, but for what the page holds itself (blob:, data:)."""
        made = [told["request"]["url"] for method, told in self.events if method == "Network.requestWillBeSent"]
        made += [told["url"] for method, told in self.events if method == "Network.webSocketCreated"]
        return [url for url in made if not url.startswith(("blob:", "data:", "about:"))]

    def picture(self, path, whole=True):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        asked = {"clip": clip, "captureBeyondViewport": True} if whole else {}
        Path(path).write_bytes(b64decode(self.call("Page.captureScreenshot", format="png", **asked)["data"]))

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
