//! `respond` before peers that it can't trust: octets over real sockets, as no client of ours
//! would send them. Each test ends with an honest exchange, so that the responder still lives.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use autoflow_tests::caller::{Answered, Caller, request, set_up, start, stop};

use crate::address;
use crate::ping::Responder;

/// What is waited for comes within this, or never.
const PATIENCE: Duration = Duration::from_secs(10);

/// Octets that an honest reply would have only by chance.
const MARK: u8 = 0xa5;

/// A Control-Client that is greeted next.
fn caller(responder: &Responder) -> Caller {
    let far = responder.control.parse().unwrap();
    Caller::connect(Ipv4Addr::LOCALHOST, far).unwrap()
}

/// One with the set-up behind it.
fn ready(responder: &Responder) -> Caller {
    let mut caller = caller(responder);
    caller.set_up().unwrap();
    caller
}

fn say(caller: &mut Caller, octets: &[u8]) {
    caller.stream.write_all(octets).unwrap();
}

/// Each octet in a segment of its own.
fn drip(caller: &mut Caller, octets: &[u8]) {
    octets.chunks(1).for_each(|octet| say(caller, octet));
}

/// The far end says nothing more.
fn assert_closed(mut caller: Caller) {
    let mut rest = Vec::new();
    caller.stream.read_to_end(&mut rest).expect("the end comes");
    assert_eq!(rest, [0; 0]);
}

/// A Session-Sender by hand.
fn prober(far: &str) -> UdpSocket {
    let near = UdpSocket::bind((address::own(), 0)).unwrap();
    near.connect(far).unwrap();
    near.set_read_timeout(Some(PATIENCE)).unwrap();
    near
}

/// A probe of so many octets, padded with marks.
fn probe(number: u32, len: usize) -> Vec<u8> {
    let mut octets = vec![MARK; len];
    octets[..4].copy_from_slice(&number.to_be_bytes());
    octets[12..14].copy_from_slice(&[0x80, 1]);
    octets
}

/// The next reply, which must be one to one of these probes, octet for octet but for the stamps.
fn answered<'a>(near: &UdpSocket, probes: &'a [Vec<u8>]) -> &'a [u8] {
    let mut room = vec![0; 65_536];
    let len = near.recv(&mut room).expect("a reply comes");
    let reply = &room[..len];
    let probe = probes.iter().find(|probe| reply[24..38] == probe[..14]);
    let probe = probe.expect("it answers one of our probes");
    assert_eq!(len, probe.len().max(41));
    assert_eq!((&reply[14..16], &reply[38..40]), (&[0; 2][..], &[0; 2][..]));
    assert_eq!(reply[41..], probe[14..][..len - 41]);
    probe
}

#[test]
fn the_greeting_comes_unasked_and_offers_no_key_exchange() {
    let responder = Responder::v4();
    let greeting: [u8; 64] = caller(&responder).read().unwrap();
    let unused = (&greeting[..12], &greeting[52..]);
    assert_eq!(unused, (&[0; 12][..], &[0; 12][..]));
    let field = |at: usize| u32::from_be_bytes(greeting[at..][..4].try_into().unwrap());
    let (modes, count) = (field(12), field(48));
    // Open mode and nothing of the security that was not asked for; nor IKEv2.
    assert_eq!(modes & 0x8f, 1);
    assert!(count.is_power_of_two() && count >= 1024);
}

#[test]
fn octet_by_octet_and_all_in_one_segment_a_conversation_is_the_same() {
    let responder = Responder::v4();
    let whole = [&set_up(1)[..], &request(20_001), &start()].concat();
    let again = [&stop(1)[..], &request(20_001)].concat();
    let ways: [fn(&mut Caller, &[u8]); 2] = [drip, say];
    for speak in ways {
        let mut caller = caller(&responder);
        caller.read::<64>().unwrap();
        speak(&mut caller, &whole);
        assert_eq!(caller.read::<48>().unwrap()[..32], [0; 32]);
        let granted = caller.answer().unwrap();
        assert!(granted.accept == 0 && granted.port != 0);
        assert_eq!(caller.read().unwrap(), [0; 32], "Start-Ack");
        // There is no answer to the stop: what comes is the answer to the next request.
        speak(&mut caller, &again);
        assert_eq!(caller.answer().unwrap(), granted);
    }
}

#[test]
fn two_modes_none_and_one_that_is_not_offered_are_refused() {
    let responder = Responder::v4();
    for mode in [3, 2, 0x0f, 0x80] {
        let mut caller = caller(&responder);
        caller.read::<64>().unwrap();
        say(&mut caller, &set_up(mode));
        let refusal: [u8; 48] = caller.read().unwrap();
        assert_eq!((refusal[15], &refusal[16..]), (3, &[0; 32][..]));
        assert_closed(caller);
    }
    let mut silent = caller(&responder);
    silent.read::<64>().unwrap();
    say(&mut silent, &set_up(0));
    assert_closed(silent);
    ready(&responder);
}

#[test]
fn an_unknown_command_is_refused_and_ends_only_its_own_connection() {
    let responder = Responder::v4();
    let mut other = ready(&responder);
    for command in [0, 1, 4, 6, 11, 12, 255] {
        let mut caller = ready(&responder);
        let mut block = [0; 16];
        block[0] = command;
        say(&mut caller, &block);
        let (accept, port) = (3, 0);
        assert_eq!(caller.answer().unwrap(), Answered { accept, port });
        assert_closed(caller);
    }
    assert_eq!(other.request(20_001).unwrap().accept, 0);
}

#[test]
fn a_session_answers_its_sender_from_the_start_on_and_nobody_else() {
    let responder = Responder::v4();
    let mut caller = ready(&responder);
    let ours = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let granted = caller.request(ours.local_addr().unwrap().port()).unwrap();
    assert_eq!(granted.accept, 0);
    let (far, _) = responder.control.split_once(':').unwrap();
    let far = format!("{far}:{}", granted.port);
    ours.connect(&far).unwrap();
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    let (strange, clock) = (prober(&far), prober(&responder.light));
    let probes = [41, 41, 1_400].map(|len| probe(len as u32, len));

    ours.send(&probes[0]).unwrap();
    // One thread takes all that comes, in order: with this reply it has let the first one pass.
    clock.send(&probes[0]).unwrap();
    answered(&clock, &probes);
    assert_eq!(caller.start().unwrap(), 0);
    strange.send(&probes[1]).unwrap();
    for short in 0..14 {
        ours.send(&probes[1][..short]).unwrap();
    }
    // Longer than was agreed on.
    ours.send(&probes[2]).unwrap();
    assert_eq!(answered(&ours, &probes), probes[2]);
    strange.set_nonblocking(true).unwrap();
    let nothing = strange.recv(&mut [0; 64]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

#[test]
fn short_datagrams_are_not_answered_and_nothing_of_earlier_ones_comes_back() {
    let responder = Responder::v4();
    let near = prober(&responder.light);
    let long = [probe(0, 1_400)];
    near.send(&long[0]).unwrap();
    assert_eq!(answered(&near, &long), long[0]);
    for short in [1, 0, 1, 2, 4, 8, 12, 13] {
        near.send(&vec![MARK; short]).unwrap();
    }
    // Those that are probes, but shorter than a reply, may be answered; the last one is.
    let probes: Vec<_> = (14..=41).zip(1..).map(|(len, n)| probe(n, len)).collect();
    for probe in &probes {
        near.send(probe).unwrap();
    }
    while answered(&near, &probes) != probes[27] {}
}

#[test]
fn the_largest_datagram_there_is_comes_back_whole() {
    let responder = Responder::v4();
    let near = prober(&responder.light);
    for (number, len) in (0..).zip([65_507, 41, 65_507]) {
        let probes = [probe(number, len)];
        near.send(&probes[0]).unwrap();
        assert_eq!(answered(&near, &probes), probes[0]);
    }
}
