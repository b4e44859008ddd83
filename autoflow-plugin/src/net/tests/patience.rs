//! What may wait a little, and what may not.

use super::*;

/// A path whose packets are stamped, and a far end that answers at once.
fn unhurried() -> (Net<u32>, Path, UdpSocket, SocketAddr) {
    let mut net = net();
    let far = UdpSocket::bind(V4).unwrap();
    let (path, near) = net
        .open(&PathSpec {
            unhurried: true,
            ..spec(V4)
        })
        .unwrap();
    net.queue(probe(path, far.local_addr().unwrap(), 1));
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| tokens(seen).len() == 1);
    (net, path, far, near)
}

#[test]
fn what_comes_by_an_unhurried_path_is_fetched_after_a_wait_that_is_short_anyway() {
    let (mut net, _path, far, near) = unhurried();
    far.send_to(&[7], near).unwrap();
    let until = clock().mono + Duration::from_millis(1);
    let woken = net.wait(Some(until)).unwrap();
    assert!(woken.now.mono >= until, "it slept through");
    assert!(
        matches!(net.poll(), Some(Event::Datagram(_))),
        "it is there"
    );
}

#[test]
fn nothing_waits_longer_than_that() {
    let (mut net, _path, far, near) = unhurried();
    far.send_to(&[7], near).unwrap();
    let until = clock().mono + Duration::from_secs(60);
    let woken = net.wait(Some(until)).unwrap();
    assert!(woken.now.mono < until);
    assert!(matches!(net.poll(), Some(Event::Datagram(_))));
}

#[test]
fn an_unhurried_path_can_be_closed_and_another_one_takes_its_place() {
    let (mut net, path, far, near) = unhurried();
    net.close(path);
    let (path, again) = net
        .open(&PathSpec {
            local: near,
            ..spec(V4)
        })
        .unwrap();
    far.send_to(&[7], again).unwrap();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| !packets(seen).is_empty());
    assert_eq!(packets(&seen)[0].path, path);
}
