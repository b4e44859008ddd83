//! What paths are made of, and what is said when they can't be.

use super::*;

#[test]
fn a_port_in_use_is_said_to_be() {
    let mut net = net();
    let (_, taken) = net.open(&spec(V4)).unwrap();
    let error = net.open(&PathSpec::new(taken)).unwrap_err();
    assert!(
        matches!(error, NetError::PortInUse { local } if local == taken),
        "{error}"
    );
    assert!(error.to_string().contains(&taken.port().to_string()));
}

#[test]
fn reflectors_may_share_a_port_that_was_nobodys_before() {
    let mut net = net();
    let first = PathSpec {
        sharing: Sharing::First,
        ..spec(V4)
    };
    let (_, local) = net.open(&first).unwrap();
    let again = PathSpec { local, ..first };
    let next = PathSpec {
        sharing: Sharing::Next,
        ..again.clone()
    };
    net.open(&next).unwrap();
    net.open(&next).unwrap();
    for other in [again, PathSpec::new(local)] {
        let refused = net.open(&other).unwrap_err();
        assert!(matches!(refused, NetError::PortInUse { .. }), "{refused}");
    }
}

#[test]
fn paths_of_several_threads_are_told_apart_and_share_their_networks() {
    let mut one = net();
    let mut other = one.beside(1).unwrap().0;
    let [(first, _), (second, _)] = [&mut one, &mut other].map(|net| net.open(&spec(V4)).unwrap());
    assert_eq!((first.thread(), second.thread()), (0, 1));
    assert_ne!(first, second);
    assert_eq!(first.network(), second.network());
}

#[test]
fn an_address_that_is_not_ours_and_a_device_that_is_not_there_are_said_to_be() {
    let mut net = net();
    let error = net.open(&spec("192.0.2.254:0")).unwrap_err();
    assert!(
        matches!(error, NetError::AddressNotAvailable { .. }),
        "{error}"
    );
    let binding = Binding {
        device: Some("no-such-dev0".into()),
        ..Binding::default()
    };
    let tied = PathSpec {
        binding,
        ..spec(V4)
    };
    let error = net.open(&tied).unwrap_err();
    assert!(matches!(error, NetError::NoSuchDevice { .. }), "{error}");
}

#[test]
fn a_path_in_a_namespace_leaves_the_thread_where_it_was() {
    let own = || std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let before = own();
    let binding = Binding {
        namespace: Some(Namespace::open("/proc/thread-self/ns/net").unwrap()),
        ..Binding::default()
    };
    match net().open(&PathSpec {
        binding,
        ..spec(V4)
    }) {
        Ok((_, local)) => assert_ne!(local.port(), 0),
        Err(error) => assert!(
            matches!(error, NetError::PermissionDenied { .. }),
            "{error}"
        ),
    }
    assert_eq!(own(), before);
}

#[test]
fn a_host_supplied_socket_is_a_path_like_any_other_and_only_udp_is_taken() {
    let mut net = net();
    let socket = UdpSocket::bind(V4).unwrap();
    let bound = socket.local_addr().unwrap();
    let (near, local) = net.adopt(socket.into(), &spec("0.0.0.0:0")).unwrap();
    assert_eq!(local, bound);
    let (_, far_at) = net.open(&spec(V4)).unwrap();
    net.queue(probe(near, far_at, 1));
    net.flush();
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| seen.len() == 2);
    assert!(tokens(&seen)[0].result.unwrap().kernel.is_some());

    let tcp = std::net::TcpListener::bind(V4).unwrap();
    let error = net.adopt(tcp.into(), &spec(V4)).unwrap_err();
    assert!(matches!(error, NetError::HostKind { .. }), "{error}");
}

#[test]
fn a_socket_that_is_a_path_is_no_second_one_until_that_is_closed() {
    let mut net = net();
    let socket = UdpSocket::bind(V4).unwrap();
    let adopt = |net: &mut Net<u32>| net.adopt(socket.try_clone().unwrap().into(), &spec(V4));
    let (path, _) = adopt(&mut net).unwrap();
    let error = adopt(&mut net).unwrap_err();
    assert!(matches!(error, NetError::HostTwice), "{error}");
    net.close(path);
    assert!(adopt(&mut net).is_ok());
}
