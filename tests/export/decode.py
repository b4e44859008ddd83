"""Decodes a stream of IPFIX by the module `ipfix`, and prints each record as a line of JSON.

decode.py ELEMENTS STREAM; the elements in the form of IANA's registry.
"""

import ipaddress
import json
import sys
import xml.etree.ElementTree as xml
from datetime import datetime

import ipfix.ie
import ipfix.reader

IANA = "{http://www.iana.org/assignments}"
CERT = "{http://www.cert.org/ipfix}"


def learn(path):
    for record in xml.parse(path).getroot().iter(IANA + "record"):
        def text(tag):
            return record.findtext(IANA + tag)

        enterprise = record.findtext(CERT + "enterpriseId", "0")
        number = text("elementId")
        spec = f"{text('name')}({enterprise}/{number})<{text('dataType')}>"
        ipfix.ie.for_spec(spec)


def plain(value):
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return str(value)
    raise TypeError(f"{value!r}")


ipfix.ie.use_iana_default()
learn(sys.argv[1])
with open(sys.argv[2], "rb") as stream:
    for record in ipfix.reader.from_stream(stream).namedict_iterator():
        print(json.dumps(record, default=plain))
