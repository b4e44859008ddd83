"""A Session-Reflector of STAMP (RFC 8762) whose packets scapy takes apart and puts together.

Usage: scapy_reflector.py ADDRESS PORT. Says "listening" when it does, and ends by a signal.
"""

import socket
import sys
import time

from scapy.contrib.stamp import (
    STAMPSessionReflectorTestUnauthenticated as Reply,
    STAMPSessionSenderTestUnauthenticated as Probe,
)

EPOCH_OF_NTP = 2208988800
IP_RECVTTL = 12  # of Linux; the module has no name for it

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
udp.bind((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)

while True:
    octets, control, _, sender = udp.recvmsg(2048, 64)
    received = time.time() + EPOCH_OF_NTP
    probe = Probe(octets)
    assert len(octets) == 44 and not probe.tlv_objects, probe.show(dump=True)
    reply = Reply(
        seq=probe.seq,
        ts_rx=received,
        seq_sender=probe.seq,
        err_estimate_sender=probe.err_estimate,
        ttl_sender=control[0][2][0],
        ts=time.time() + EPOCH_OF_NTP,
    )
    # Octet by octet: as a number it would be rounded.
    reply.fields["ts_sender"] = probe.fields["ts"]
    udp.sendto(bytes(reply), sender)
