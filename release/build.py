"""
Build a release of the commit that is checked out: a tar, a package of SPM, a wheel, SHA256SUMS.

The same commit makes the same bytes, whoever builds it where and when.
"""

import base64
import csv
import gzip
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from datetime import datetime, timezone

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What the wheel has of the formula; the private nouns that these import come along.
PUBLIC = {"_modules": ("daemontools", "tcprules"), "_states": ("daemontools", "tcprules")}
PACKAGE = "saltext/daemontools"
VERSION = "_modules/_version.py"


def main(folder):
    """Build all into a folder, and print what is there."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    commit, epoch = _git("log", "-1", "--format=%h %ct").decode().split()
    epoch = int(epoch)
    with tempfile.TemporaryDirectory() as place:
        name = f"ftpgw-{_version(_git('show', f'HEAD:{VERSION}').decode())}"
        tar = _git("-c", "tar.umask=0022", "archive", f"--prefix={name}/", "HEAD")
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            # All of it is a repository's own: neither links nor devices.
            archive.extractall(place)  # noqa: S202
        tree = pathlib.Path(place, name)
        files = {
            f"{name}.tar.gz": _zipped(tar, epoch),
            **spm(tree, epoch),
            **wheel(tree, epoch),
        }
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
        (folder / name).write_bytes(content)
    print(f"{folder}, of commit {commit}:\n{sums}", end="")


def _git(*words):
    try:
        git = ["git", "-C", ROOT, "-c", f"safe.directory={ROOT}"]
        return subprocess.run([*git, *words], check=True, stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit("a release is built from a commit: this must be a clone")


def _zipped(content, epoch):
    """Return a file as gzip makes it; what Python has for this marks the release of Python."""
    done = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=done, mtime=epoch) as file:
        file.write(content)
    return done.getvalue()


def _version(text):
    return re.search('^VERSION = "(.+)"$', text, re.MULTILINE)[1]


def spm(tree, epoch):
    """Return ``{name: content}`` of what Salt's own program builds, whoever's its files were."""
    with tempfile.TemporaryDirectory() as place:
        paths = {"spm_build_dir": "built", "spm_cache_dir": "cache", "spm_logfile": "log"}
        paths |= {"spm_db": "packages.db"}
        settings = {name: os.path.join(place, path) for name, path in paths.items()}
        pathlib.Path(place, "spm").write_text(json.dumps({"root_dir": place, **settings}))
        program = os.path.join(os.path.dirname(sys.executable), "spm")
        words = [program, "-y", "-c", place, "build", tree]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        [built] = pathlib.Path(place, "built").iterdir()
        return {built.name: _nobodys(built, epoch)}


def _nobodys(path, epoch):
    """Return a tar with the same files, each of root and of one time."""
    done = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=done, mode="w:bz2") as new:
        for member in old:
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            member.mtime = epoch
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return done.getvalue()


def wheel(tree, epoch):
    """Return ``{name: content}`` of the wheel: the very files of the formula, in a package."""
    # As PEP 440 has it.
    version = _version((tree / VERSION).read_text()).replace("-dev", ".dev0")
    stem = f"saltext_daemontools-{version}"
    about, license = f"{stem}.dist-info", (tree / "LICENSE").read_text()
    readme = (tree / "release/README.md").read_text()
    files = {f"{PACKAGE}/__init__.py": '"""daemontools and tcprules for Salt."""\n'}
    for folder, names in needed(tree).items():
        for name in names:
            target = f"{PACKAGE}/{folder[1:]}/{name}.py"
            files[target] = (tree / folder / f"{name}.py").read_text()
    files[f"{about}/METADATA"] = METADATA.format(version=version) + readme
    files[f"{about}/WHEEL"] = WHEEL
    files[f"{about}/entry_points.txt"] = "[salt.loader]\nsaltext.daemontools=saltext.daemontools\n"
    files[f"{about}/licenses/LICENSE"] = license
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD")
    done = io.BytesIO()
    moment = datetime.fromtimestamp(epoch, timezone.utc).timetuple()[:6]
    with zipfile.ZipFile(done, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            archive.writestr(entry, text)
    return {f"{stem}-py3-none-any.whl": done.getvalue()}


METADATA = """\
Metadata-Version: 2.4
Name: saltext-daemontools
Version: {version}
Summary: daemontools and tcprules for Salt: services under supervise, and who may connect to them
Keywords: salt-extension,daemontools,ucspi-tcp
Classifier: Operating System :: POSIX
Classifier: Programming Language :: Python :: 3
License-Expression: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.10
Requires-Dist: salt>=3006
Description-Content-Type: text/markdown

"""
WHEEL = """\
Wheel-Version: 1.0
Generator: ftpgw (release/build.py)
Root-Is-Purelib: true
Tag: py3-none-any
"""


def needed(tree):
    """Return ``{folder: names}`` of the public files, and of all that they import beside them."""
    spec = importlib.util.spec_from_file_location("generate", tree / "docs/generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    found = {}
    for folder, names in PUBLIC.items():
        house, left, known = generate.house(folder), list(names), set()
        while left:
            name = left.pop()
            left += house[name] - known
            known.add(name)
        found[folder] = sorted(known)
    return found


def _record(files, path):
    """Return the list of a wheel, with the digest of each file but its own."""
    lines = io.StringIO()
    rows = csv.writer(lines, lineterminator="\n")
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        rows.writerow([name, f"sha256={digest.decode().rstrip('=')}", len(text.encode())])
    rows.writerow([path, "", ""])
    return lines.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:])
