# Prints the records of a file, one a line, as fastavro reads them. Bytes are printed in base64.
import base64
import json
import sys

import fastavro

with open(sys.argv[1], "rb") as file:
    for record in fastavro.reader(file):
        print(json.dumps(record, default=lambda value: base64.b64encode(value).decode("ascii"), allow_nan=False))
