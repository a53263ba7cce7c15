"""Chromium without a screen, and what it says of a page."""

import json
import re
import shutil
import subprocess

# None of these is a width for which a style of ours has a rule.
WINDOWS = {"wide": (1000, 900), "narrow": (390, 844)}
_TOLD = re.compile(r'<script id="told" type="application/json">(.*?)</script>')
# What a script in a page says with it is read from what the browser has made of that page.
TELL = """
function tell(value) {
  var said = document.createElement("script");
  said.id = "told"; said.type = "application/json";
  said.textContent = JSON.stringify(value).replace(/</g, "\\\\u003c");
  document.body.appendChild(said);
}
"""


def look(home, file, *words, window="wide"):
    """Return the finished process of a browser that has looked at a file."""
    assert shutil.which("chromium"), "there is no chromium: make page installs it"
    width, height = WINDOWS[window]
    command = [
        "chromium",
        "--headless=new",
        # Root may not have its sandbox; what it looks at is our own.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--hide-scrollbars",
        f"--user-data-dir={home}",
        f"--window-size={width},{height}",
        "--enable-logging=stderr",
        *words,
        file.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def complaints(done):
    """Return what a page, or the browser, has written on its console."""
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def told(done):
    """Return what a script has told."""
    [said] = _TOLD.findall(done.stdout)
    return json.loads(said)
