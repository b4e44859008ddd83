"""A Session-Reflector of STAMP (RFC 8762) whose packets scapy takes apart and puts together.

Of the TLVs (RFC 8972) it understands Class of Service. Usage: scapy_reflector.py ADDRESS PORT.
Says "listening" when it does, and ends by a signal.
"""

import socket
import sys
import time

from scapy.contrib.stamp import (
    STAMPSessionReflectorTestUnauthenticated as Reply,
    STAMPSessionSenderTestUnauthenticated as Probe,
    STAMPTestTLV as TLV,
)

EPOCH_OF_NTP = 2208988800
IP_RECVTTL, IP_RECVTOS = 12, 13  # of Linux; the module has no name for the first
CLASS_OF_SERVICE, UNRECOGNISED = 4, 0x80

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
udp.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
udp.bind((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)


def answer(tlv, tos):
    """The TLV of the reply."""
    assert bytes(tlv)[0] == UNRECOGNISED, tlv.show(dump=True)
    if tlv.type != CLASS_OF_SERVICE:
        return tlv
    wanted = int.from_bytes(tlv.value, "big") >> 26
    value = wanted << 26 | (tos >> 2) << 20 | (tos & 3) << 18
    return TLV(flags=0, type=tlv.type, len=4, value=value.to_bytes(4, "big"))


while True:
    octets, control, _, sender = udp.recvmsg(2048, 128)
    received = time.time() + EPOCH_OF_NTP
    told = {kind: data[0] for _, kind, data in control}
    probe = Probe(octets)
    # TWAMP Light has padding there, and so much that nothing follows.
    assert len(octets) == 44 or probe.mbz == 0, probe.show(dump=True)
    reply = Reply(
        seq=probe.seq,
        ts_rx=received,
        ssid=probe.ssid,
        seq_sender=probe.seq,
        err_estimate_sender=probe.err_estimate,
        ttl_sender=told[2],  # IP_TTL
        ts=time.time() + EPOCH_OF_NTP,
        tlv_objects=[answer(tlv, told[1]) for tlv in probe.tlv_objects],  # IP_TOS
    )
    # Octet by octet: as a number it would be rounded.
    reply.fields["ts_sender"] = probe.fields["ts"]
    udp.sendto(bytes(reply), sender)
