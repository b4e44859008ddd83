//! The whole room over loopback. No test looks at an absolute time.

mod hardware;
mod opening;
mod patience;

use std::net::UdpSocket;
use std::time::Duration;

use twamp_core::probe::{Arrival, Sealer};
use twamp_core::time::Ntp64;

use super::*;

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";

/// A packet as the tests remember it.
#[derive(Debug)]
struct Packet {
    path: Path,
    from: SocketAddr,
    to: Option<std::net::IpAddr>,
    payload: Vec<u8>,
    arrival: Arrival,
}

/// What was told, in order.
#[derive(Debug)]
enum Seen {
    Sent(Sent<u32>),
    Packet(Packet),
    Notice(Notice),
}

/// With the kernel stamping: it starts to a moment after the first socket asks for it.
fn net() -> Net<u32> {
    awake().0
}

fn awake() -> (Net<u32>, Waker) {
    let (mut net, waker) = Net::new().unwrap();
    let (path, local) = net.open(&spec(V4)).unwrap();
    loop {
        net.queue(probe(path, local, 0));
        net.flush();
        let mut seen = Vec::new();
        listen(&mut net, &mut seen, |seen| seen.len() == 2);
        if packets(&seen)[0].arrival.kernel.is_some() {
            return (net, waker);
        }
    }
}

fn spec(local: &str) -> PathSpec {
    PathSpec::new(local.parse().unwrap())
}

fn probe(path: Path, to: SocketAddr, token: u32) -> Outgoing<u32> {
    Outgoing {
        path,
        to,
        payload: token.to_be_bytes().to_vec(),
        seal: None,
        token: Some(token),
        options: Options::default(),
        progress: Progress::default(),
    }
}

/// Adds what is told until `enough`; gives up after ten seconds.
fn listen(net: &mut Net<u32>, seen: &mut Vec<Seen>, enough: impl Fn(&[Seen]) -> bool) {
    let end = clock().mono + Duration::from_secs(10);
    loop {
        while let Some(event) = net.poll() {
            seen.push(match event {
                Event::Sent(sent) => Seen::Sent(sent),
                Event::Notice(notice) => Seen::Notice(notice),
                Event::Datagram(packet) => Seen::Packet(Packet {
                    path: packet.path,
                    from: packet.from,
                    to: packet.to,
                    payload: packet.payload.to_vec(),
                    arrival: packet.arrival,
                }),
            });
        }
        if enough(seen) {
            return;
        }
        let now = net.wait(Some(end)).unwrap().now;
        let (sent, came, notices) = (tokens(seen).len(), packets(seen).len(), notices(seen).len());
        assert!(
            now.mono < end,
            "only {sent} tokens, {came} packets, {notices} notices came"
        );
    }
}

fn packets(seen: &[Seen]) -> Vec<&Packet> {
    seen.iter()
        .filter_map(|s| {
            if let Seen::Packet(p) = s {
                Some(p)
            } else {
                None
            }
        })
        .collect()
}

fn tokens(seen: &[Seen]) -> Vec<&Sent<u32>> {
    seen.iter()
        .filter_map(|s| if let Seen::Sent(p) = s { Some(p) } else { None })
        .collect()
}

fn notices(seen: &[Seen]) -> Vec<&Notice> {
    seen.iter()
        .filter_map(|s| {
            if let Seen::Notice(p) = s {
                Some(p)
            } else {
                None
            }
        })
        .collect()
}

fn a_probe_is_stamped_on_both_ends(local: &str) {
    let mut net = net();
    let (near, near_at) = net
        .open(&PathSpec {
            ttl: 77,
            tos: 0xb8,
            ..spec(local)
        })
        .unwrap();
    let (far, far_at) = net.open(&spec(local)).unwrap();
    net.queue(probe(near, far_at, 7));
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| seen.len() == 2);

    let [Seen::Sent(sent), Seen::Packet(packet)] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!((sent.path, sent.token), (near, 7));
    assert_eq!((packet.path, packet.from), (far, near_at));
    assert_eq!(packet.payload, 7u32.to_be_bytes());
    assert_eq!(
        (packet.arrival.ttl, packet.arrival.tos),
        (Some(77), Some(0xb8))
    );
    assert_eq!(packet.to, Some(far_at.ip()));
    let left = sent.result.unwrap();
    let (left_kernel, come) = (left.kernel.unwrap(), packet.arrival.kernel.unwrap());
    assert!(left.user.wall <= left_kernel && left_kernel <= come);
    assert!(come <= packet.arrival.user);
    assert!(net.stamps_transmissions(near));
}

#[test]
fn a_probe_over_ipv4_is_stamped_on_both_ends_and_shows_its_ttl_and_tos() {
    a_probe_is_stamped_on_both_ends(V4);
}

#[test]
fn a_probe_over_ipv6_is_stamped_on_both_ends_and_shows_its_ttl_and_tos() {
    a_probe_is_stamped_on_both_ends(V6);
}

#[test]
fn a_packet_may_have_ttl_tos_and_source_of_its_own() {
    let any4 = (V4, "127.0.0.1", "127.0.0.9", "0.0.0.0:0");
    let any6 = (V6, "::1", "::1", "[::]:0");
    for (local, host, source, any) in [any4, any6] {
        let mut net = net();
        let (near, near_at) = net.open(&spec(any)).unwrap();
        let (_, far_at) = net.open(&spec(local)).unwrap();
        let mut packet = probe(near, far_at, 1);
        packet.options.ttl = Some(3);
        packet.options.tos = Some(0x29);
        packet.options.source = Some(source.parse().unwrap());
        net.queue(packet);
        net.flush();
        let mut seen = Vec::new();
        listen(&mut net, &mut seen, |seen| seen.len() == 2);
        let packet = packets(&seen)[0];
        assert_eq!(
            (packet.arrival.ttl, packet.arrival.tos),
            (Some(3), Some(0x29))
        );
        assert_eq!(
            packet.from,
            SocketAddr::new(source.parse().unwrap(), near_at.port())
        );
        assert_eq!(packet.to, Some(host.parse().unwrap()));
    }
}

#[test]
fn a_reply_from_a_wildcard_path_can_leave_from_the_address_that_was_probed() {
    let mut net = net();
    let (near, near_at) = net.open(&spec(V4)).unwrap();
    let (far, far_at) = net.open(&spec("0.0.0.0:0")).unwrap();
    let probed = SocketAddr::new("127.0.0.3".parse().unwrap(), far_at.port());
    net.queue(probe(near, probed, 1));
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| seen.len() == 2);
    let mut reply = Outgoing {
        token: None,
        ..probe(far, near_at, 2)
    };
    reply.options.source = packets(&seen)[0].to;
    net.queue(reply);
    net.flush();
    listen(&mut net, &mut seen, |seen| seen.len() == 3);
    assert_eq!(packets(&seen)[1].from, probed);
}

#[test]
fn a_token_comes_back_before_the_answer_to_its_packet() {
    let mut net = net();
    let (near, near_at) = net.open(&spec(V4)).unwrap();
    let echo = UdpSocket::bind(V4).unwrap();
    let echo_at = echo.local_addr().unwrap();
    for round in 0..200 {
        net.queue(probe(near, echo_at, round));
        net.flush();
        let mut room = [0; 16];
        let (length, _) = echo.recv_from(&mut room).unwrap();
        echo.send_to(&room[..length], near_at).unwrap();
        let mut seen = Vec::new();
        listen(&mut net, &mut seen, |seen| seen.len() == 2);
        let [Seen::Sent(sent), Seen::Packet(packet)] = &seen[..] else {
            panic!("{seen:?}")
        };
        assert_eq!(sent.token, round);
        assert!(sent.result.unwrap().kernel.unwrap() <= packet.arrival.kernel.unwrap());
    }
}

#[test]
fn a_path_without_transmit_stamps_gives_tokens_back_at_once() {
    let mut net = net();
    let (near, _) = net
        .open(&PathSpec {
            transmit_stamps: false,
            ..spec(V4)
        })
        .unwrap();
    let (_, far_at) = net.open(&spec(V4)).unwrap();
    net.queue(probe(near, far_at, 7));
    net.flush();
    let Some(Event::Sent(sent)) = net.poll() else {
        panic!("no token")
    };
    assert_eq!(sent.result.unwrap().kernel, None);
    assert!(!net.stamps_transmissions(near));
}

#[test]
fn a_sealed_packet_tells_the_time_its_batch_left_and_batches_are_small() {
    let mut net = net();
    let (near, _) = net.open(&spec(V4)).unwrap();
    let (_, far_at) = net.open(&spec(V4)).unwrap();
    // A reply, received just now.
    let mut payload = vec![0; 41];
    payload[16..24].copy_from_slice(&Ntp64::from_wall(clock().wall).0.to_be_bytes());
    for token in 0..20 {
        net.queue(Outgoing {
            seal: Some(Seal::Twamp(Sealer::default())),
            payload: payload.clone(),
            ..probe(near, far_at, token)
        });
    }
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| seen.len() == 40);
    let (tokens, packets) = (tokens(&seen), packets(&seen));
    assert!(tokens.iter().map(|sent| sent.token).eq(0..20));
    let told = |packet: &Packet| u64::from_be_bytes(packet.payload[4..12].try_into().unwrap());
    for batch in packets.chunk_by(|a, b| told(a) == told(b)) {
        assert!(batch.len() <= 8);
    }
    for (sent, packet) in tokens.iter().zip(&packets) {
        let stamps = sent.result.unwrap();
        assert_eq!(told(packet), Ntp64::from_wall(stamps.user.wall).0);
        assert!(stamps.user.wall <= stamps.kernel.unwrap());
    }
}

#[test]
fn an_unreachable_port_is_a_notice_and_the_path_lives_on() {
    for local in [V4, V6] {
        let mut net = net();
        let (near, _) = net.open(&spec(local)).unwrap();
        let (gone, gone_at) = net.open(&spec(local)).unwrap();
        net.close(gone);
        let mut seen = Vec::new();
        for token in 0..3 {
            net.queue(probe(near, gone_at, token));
            net.flush();
            let wanted = token as usize + 1;
            listen(&mut net, &mut seen, |s| {
                notices(s).len() == wanted && tokens(s).len() == wanted
            });
        }
        for notice in notices(&seen) {
            assert_eq!((notice.path, notice.remote), (near, Some(gone_at)));
            assert_eq!(notice.kind, NoticeKind::PortUnreachable);
        }
        let (_, far_at) = net.open(&spec(local)).unwrap();
        net.queue(probe(near, far_at, 3));
        net.flush();
        listen(&mut net, &mut seen, |seen| {
            packets(seen).len() == 1 && tokens(seen).len() == 4
        });
        assert!(tokens(&seen).iter().all(|sent| sent.result.is_ok()));
        assert_eq!(net.counters().icmp_errors, 3);
    }
}

#[test]
fn a_burst_to_an_unreachable_port_fails_no_packet() {
    let mut net = net();
    let (near, _) = net.open(&spec(V4)).unwrap();
    let (gone, gone_at) = net.open(&spec(V4)).unwrap();
    net.close(gone);
    for token in 0..100 {
        net.queue(probe(near, gone_at, token));
    }
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| tokens(seen).len() == 100);
    assert!(
        tokens(&seen).iter().all(|sent| sent.result.is_ok()),
        "{seen:?}"
    );
}

#[test]
fn a_packet_above_the_interfaces_mtu_fails_with_dont_fragment_only() {
    let mut net = net();
    let (whole, _) = net
        .open(&PathSpec {
            dont_fragment: true,
            ..spec(V6)
        })
        .unwrap();
    let (cut, _) = net.open(&spec(V6)).unwrap();
    let (_, far_at) = net.open(&spec(V6)).unwrap();
    // The loopback interface takes 65,536 octets, of which 48 are headers.
    for (path, token) in [(whole, 1), (cut, 2)] {
        net.queue(Outgoing {
            payload: vec![0; 65_500],
            ..probe(path, far_at, token)
        });
    }
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| {
        tokens(seen).len() == 2 && packets(seen).len() == 1
    });
    let failed: Vec<_> = tokens(&seen)
        .iter()
        .map(|sent| (sent.token, sent.result.err()))
        .collect();
    assert!(failed.contains(&(1, Some(SendError::TooBig))), "{failed:?}");
    assert!(failed.contains(&(2, None)), "{failed:?}");
    assert_eq!(packets(&seen)[0].payload.len(), 65_500);
}

#[test]
fn closing_a_path_gives_its_tokens_back_and_its_handle_is_dead() {
    let mut net = net();
    let (near, _) = net.open(&spec(V4)).unwrap();
    let (_, far_at) = net.open(&spec(V4)).unwrap();
    net.queue(probe(near, far_at, 1));
    net.close(near);
    net.queue(probe(near, far_at, 2));
    let (reopened, _) = net.open(&spec(V4)).unwrap();
    assert_ne!(reopened, near);
    net.queue(probe(near, far_at, 3));
    net.flush();
    for token in 1..=3 {
        let Some(Event::Sent(sent)) = net.poll() else {
            panic!("no token")
        };
        assert_eq!((sent.token, sent.result), (token, Err(SendError::Closed)));
    }
    assert!(net.poll().is_none());
}

#[test]
fn a_wait_without_end_is_ended_by_a_call_and_not_by_old_tokens() {
    let (mut net, waker) = awake();
    let (near, _) = net.open(&spec(V4)).unwrap();
    let (_, far_at) = net.open(&spec(V4)).unwrap();
    net.queue(probe(near, far_at, 1));
    net.flush();
    listen(&mut net, &mut Vec::new(), |seen| seen.len() == 2);
    let before = net.counters().wakeups;
    let caller = std::thread::spawn(move || {
        std::thread::sleep(stamps::PATIENCE * 2);
        waker.wake();
    });
    assert!(net.wait(None).unwrap().by_call);
    assert_eq!(net.counters().wakeups, before + 1);
    caller.join().unwrap();
}

#[test]
fn packets_dropped_for_lack_of_room_are_told_as_local_trouble() {
    let mut net = net();
    let (near, _) = net.open(&spec(V4)).unwrap();
    let (far, far_at) = net
        .open(&PathSpec {
            receive_buffer: 4096,
            ..spec(V4)
        })
        .unwrap();
    for token in 0..200 {
        net.queue(probe(near, far_at, token));
    }
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| {
        tokens(seen).len() == 200 && !packets(seen).is_empty()
    });
    // The kernel tells with the next packet that finds room.
    net.queue(probe(near, far_at, 200));
    net.flush();
    let last = 200u32.to_be_bytes();
    listen(&mut net, &mut seen, |seen| {
        packets(seen).iter().any(|p| p.payload == last)
    });
    let dropped: u32 = notices(&seen)
        .iter()
        .map(|notice| match notice.kind {
            NoticeKind::Overflow { packets } if notice.path == far => packets,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(dropped as usize + packets(&seen).len(), 201);
    assert_eq!(net.counters().overflows, u64::from(dropped));
}

/// On loopback a packet is stamped as sent, then as received, then the next one is sent: so
/// stamps that belong to different packets can't pass for a pair.
#[test]
fn stamps_never_go_to_another_packets_token_though_sends_fail_in_the_middle_of_batches() {
    const PACKETS: u32 = 10_000;
    let mut net = net();
    let (near, _) = net
        .open(&PathSpec {
            dont_fragment: true,
            ..spec(V6)
        })
        .unwrap();
    let (_, far_at) = net.open(&spec(V6)).unwrap();
    // Of the wrong family.
    let nowhere: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let mut seen = Vec::new();
    let (mut good, mut bad) = (0, 0);
    for token in 0..PACKETS {
        let mut packet = probe(near, far_at, token);
        match token % 37 {
            5 => packet.payload.resize(70_000, 0),
            11 | 12 => packet.payload.resize(65_500, 0),
            23 => packet.to = nowhere,
            _ => {}
        }
        match token % 37 {
            5 | 11 | 12 | 23 => bad += 1,
            _ => good += 1,
        }
        net.queue(packet);
        if token % 100 == 99 {
            net.flush();
            listen(&mut net, &mut seen, |seen| packets(seen).len() >= good);
        }
    }
    let all = PACKETS as usize;
    listen(&mut net, &mut seen, |seen| tokens(seen).len() == all);

    let mut left = vec![None; all];
    for sent in tokens(&seen) {
        let doomed = matches!(sent.token % 37, 5 | 11 | 12 | 23);
        assert_eq!(sent.result.is_err(), doomed, "{sent:?}");
        left[sent.token as usize] = sent.result.ok();
    }
    let mut last = twamp_core::time::Wall(0);
    let mut stamped = 0;
    for packet in packets(&seen) {
        let token = u32::from_be_bytes(packet.payload[..4].try_into().unwrap());
        let come = packet.arrival.kernel.unwrap();
        if let Some(kernel) = left[token as usize].unwrap().kernel {
            assert!(last <= kernel && kernel <= come, "packet {token}");
            stamped += 1;
        }
        last = come;
    }
    assert_eq!(net.counters().send_errors, bad);
    // A failed send may cost a few stamps, not all that follow.
    assert!(stamped > good * 9 / 10, "{stamped} of {good}");
}

#[test]
fn packets_that_are_queued_together_leave_in_their_order_by_one_path_or_several() {
    let mut net = net();
    let [near, other, closed] = [(); 3].map(|()| net.open(&spec(V4)).unwrap().0);
    let (_, far_at) = net.open(&spec(V4)).unwrap();
    net.close(closed);
    for (paths, left) in [
        ([near, near, near], vec![0, 1, 2]),
        ([near, other, near], vec![0, 2, 1]),
        ([closed, near, near], vec![1, 2]),
        ([closed; 3], vec![]),
    ] {
        // One waits already.
        net.queue(probe(near, far_at, 9));
        let packets = paths.into_iter().zip(0..);
        let mut packets = packets
            .map(|(path, token)| probe(path, far_at, token))
            .collect();
        net.queue_all(&mut packets);
        assert!(packets.is_empty());
        net.flush();
        net.queue_all(&mut packets);
        let mut seen = Vec::new();
        listen(&mut net, &mut seen, |seen| tokens(seen).len() == 4);
        let sent = tokens(&seen).into_iter().filter(|sent| sent.result.is_ok());
        let expected = [9].into_iter().chain(left);
        assert!(sent.map(|sent| sent.token).eq(expected));
    }
}

#[test]
fn replies_that_are_queued_together_by_one_path_all_leave() {
    let mut net = net();
    let (near, _) = net.open(&spec(V4)).unwrap();
    let (_, far_at) = net.open(&spec(V4)).unwrap();
    for round in 0..3 {
        let mut packets = (0..5).map(|n| probe(near, far_at, 5 * round + n)).collect();
        net.queue_all(&mut packets);
        assert!(packets.is_empty());
        net.flush();
        let mut seen = Vec::new();
        listen(&mut net, &mut seen, |seen| {
            tokens(seen).len() == 5 && seen.len() == 10
        });
        let tokens = tokens(&seen).into_iter().map(|sent| sent.token);
        assert!(tokens.eq(5 * round..5 * round + 5));
    }
}
