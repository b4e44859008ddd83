"""A Session-Sender of STAMP (RFC 8762) whose packets scapy puts together and takes apart.

Usage: scapy_sender.py ADDRESS PORT [PASSPHRASE]. Sends three probes, authenticated if there is a
passphrase, and prints what each reply is, as JSON. Each asks for Class of Service and Location,
and has a TLV that nobody knows (RFC 8972).
"""

import hashlib
import hmac
import json
import socket
import struct
import sys
import time

from scapy.all import BitField, IntField, Packet, PacketListField, ShortField, StrFixedLenField
from scapy.contrib.stamp import (
    STAMPSessionReflectorTestUnauthenticated as OpenReply,
    STAMPSessionSenderTestUnauthenticated as OpenProbe,
    STAMPTestTLV as TLV,
)

EPOCH_OF_NTP = 2208988800
LOCATION, CLASS_OF_SERVICE, HMAC, NOBODYS = 2, 4, 8, 241
DSCP, SSID = 46, 0xBEEF


class SecureProbe(Packet):
    """Authenticated; scapy has only the open one. RFC 8762, section 4.2.2."""

    fields_desc = [
        IntField("seq", 0),
        BitField("mbz1", 0, 96),
        BitField("ts", 0, 64),
        ShortField("err_estimate", 1),
        ShortField("ssid", 0),
        BitField("mbz2", 0, 68 * 8),
        StrFixedLenField("hmac", b"", 16),
        PacketListField("tlv_objects", [], TLV),
    ]


class SecureReply(Packet):
    """RFC 8762, section 4.3.2."""

    fields_desc = [
        IntField("seq", 0),
        BitField("mbz1", 0, 96),
        BitField("ts", 0, 64),
        ShortField("err_estimate", 0),
        ShortField("ssid", 0),
        BitField("mbz2", 0, 32),
        BitField("ts_rx", 0, 64),
        BitField("mbz3", 0, 64),
        IntField("seq_sender", 0),
        BitField("mbz4", 0, 96),
        BitField("ts_sender", 0, 64),
        ShortField("err_estimate_sender", 0),
        BitField("mbz5", 0, 48),
        BitField("ttl_sender", 0, 8),
        BitField("mbz6", 0, 15 * 8),
        StrFixedLenField("hmac", b"", 16),
        PacketListField("tlv_objects", [], TLV),
    ]


def tlv(kind, value):
    return TLV(flags=0x80, type=kind, len=len(value), value=value)


def sign(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()[:16]


def probe(key, number):
    asked = [
        tlv(CLASS_OF_SERVICE, struct.pack("!I", DSCP << 26)),
        # Which source address do you see?
        tlv(LOCATION, bytes(4) + bytes([0x80, 7, 0, 16]) + bytes(16)),
        tlv(NOBODYS, b"whatever"),
    ]
    if key is None:
        now = time.time() + EPOCH_OF_NTP
        return bytes(OpenProbe(seq=number, ts=now, ssid=SSID, tlv_objects=asked))
    covered = b"".join(bytes(each) for each in asked)
    asked.append(tlv(HMAC, sign(key, struct.pack("!I", number), covered)))
    now = time.time_ns()
    stamp = (now // 10**9 + EPOCH_OF_NTP) << 32 | (now % 10**9 << 32) // 10**9
    packet = SecureProbe(seq=number, ts=stamp, err_estimate=0x0001, ssid=SSID, tlv_objects=asked)
    packet.hmac = sign(key, bytes(packet)[:96])
    return bytes(packet)


def told(key, octets, source):
    """What a reply says."""
    reply = (OpenReply if key is None else SecureReply)(octets)
    tlvs = {each.type: each for each in reply.tlv_objects}
    flags = {kind: bytes(each)[0] for kind, each in tlvs.items()}
    location = bytes(tlvs[LOCATION].value)
    found = {
        "octets": len(octets),
        "seq": reply.seq,
        "seq_sender": reply.seq_sender,
        "ssid": reply.ssid,
        "ttl": reply.ttl_sender,
        "flags": [flags[kind] for kind in (CLASS_OF_SERVICE, LOCATION, NOBODYS)],
        "dscp_seen": int.from_bytes(bytes(tlvs[CLASS_OF_SERVICE].value), "big") >> 20 & 0x3F,
        "port_is_ours": struct.unpack("!H", location[2:4])[0] == source[1],
        "address_is_ours": location[4:12] == bytes([0, 8, 0, 16]) + socket.inet_aton(source[0]),
        "nobodys": bytes(tlvs[NOBODYS].value).decode(),
    }
    if key is not None:
        covered = octets[112 : octets.rindex(bytes(tlvs[HMAC]))]
        found["hmac_is_right"] = octets[96:112] == sign(key, octets[:96])
        found["tlv_hmac_is_right"] = bytes(tlvs[HMAC].value) == sign(key, octets[:4], covered)
    return found


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, DSCP << 2)
udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 77)
udp.settimeout(10)
udp.connect((sys.argv[1], int(sys.argv[2])))
secret = sys.argv[3].encode() if len(sys.argv) > 3 else None
for count in range(3):
    udp.send(probe(secret, 10 + count))
    print(json.dumps(told(secret, udp.recv(2048), udp.getsockname())), flush=True)
