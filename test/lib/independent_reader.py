# The independent reader of the fault tests: what stands in exported files, as fastavro and Python's own HTTP see it.
# Nothing of Coldpath is used, so that its own Avro reader is not the judge.
#
# Standard input, one JSON object:
#     {"source": "/a/folder" or "http://host/account/container?SAS", "known": ["path", …]}
# Standard output, one JSON object a line for every file that is not known:
#     {"path", "bytes", "sha256", "records", "minutes": ["2026-03-04T05:06", …], "numbers": base64 of little-endian uint32}
# or {"path", "error"} for a file that is not whole. A number is the field `number` of a JSON body; records without it
# (devices, device templates) are only counted. A body that says in `device` and `module` whose it is must stand in a record
# of that device and module.
import array
import base64
import hashlib
import io
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

import fastavro


def folder_files(root):
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name != ".coldpath"]
        for name in files:
            yield os.path.relpath(os.path.join(directory, name), root)


def folder_bytes(root, path):
    with open(os.path.join(root, path), "rb") as file:
        return file.read()


def fetch(url):
    # The way to the judge is not what is judged: a store that is busy or cuts a connection is asked again.
    for waits in (0.2, 1, 5, None):
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            if error.code < 500 or waits is None:
                raise
        except OSError:
            if waits is None:
                raise
        time.sleep(waits)


def container_files(url):
    base, _, sas = url.partition("?")
    marker = ""
    while True:
        query = urllib.parse.urlencode({"restype": "container", "comp": "list", "marker": marker})
        page = xml.etree.ElementTree.fromstring(fetch(f"{base}?{query}&{sas}").decode("utf-8-sig"))
        for name in page.iter("Name"):
            yield name.text
        marker = page.findtext("NextMarker") or ""
        if marker == "":
            return


def container_bytes(url, path):
    base, _, sas = url.partition("?")
    return fetch(f"{base}/{urllib.parse.quote(path)}?{sas}")


def describe(path, content):
    numbers = array.array("I")
    minutes = set()
    records = 0
    for record in fastavro.reader(io.BytesIO(content)):
        records += 1
        if "EnqueuedTimeUtc" not in record:
            continue
        minutes.add(record["EnqueuedTimeUtc"][:16])
        body = json.loads(record["Body"])
        system = record["SystemProperties"]
        by = (system["connectionDeviceId"], system.get("connectionModuleId"))
        if "device" in body and by != (body["device"], body.get("module")):
            raise ValueError(f"a message of {body['device']} {body.get('module')} in a record of {by}")
        if body.get("number") is not None:
            numbers.append(body["number"])
    if sys.byteorder == "big":
        numbers.byteswap()
    return {
        "path": path,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "records": records,
        "minutes": sorted(minutes),
        "numbers": base64.b64encode(numbers.tobytes()).decode("ascii"),
    }


request = json.load(sys.stdin)
source = request["source"]
known = set(request["known"])
is_folder = source.startswith("/")
listed = folder_files(source) if is_folder else container_files(source)
for path in sorted(path for path in listed if path not in known):
    content = folder_bytes(source, path) if is_folder else container_bytes(source, path)
    try:
        line = describe(path, content)
    except Exception as error:
        line = {"path": path, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(line))
