//! A hostile client and a whimsical driver.

use super::*;
use proptest::prelude::*;

/// What they may do.
#[derive(Clone, Debug)]
enum Step {
    Noise(Vec<u8>),
    Command(u8),
    Grant(u32, u16),
    Refuse(u32, u8),
    Expire,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..300).prop_map(Step::Noise),
        8 => (0u8..6).prop_map(Step::Command),
        4 => (0u32..4, any::<u16>()).prop_map(|(s, p)| Step::Grant(s, p)),
        2 => (0u32..4, any::<u8>()).prop_map(|(s, a)| Step::Refuse(s, a)),
        1 => Just(Step::Expire),
        1 => any::<u64>().prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_server_ends_at_most_once_and_keeps_little(
        set_up: bool,
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut server = if set_up { ready() } else { server_with(config()) };
        let mut now = START;
        let mut ended = false;
        for step in steps {
            let bytes = match step {
                Step::Noise(bytes) => bytes,
                Step::Command(0) => start().to_vec(),
                Step::Command(n @ 1..3) => stop(n.into()).to_vec(),
                Step::Command(_) => request().to_bytes().to_vec(),
                Step::Grant(session, port) => {
                    let _ = server.accept_session(SessionIndex(session), port, sid(0), now);
                    vec![]
                }
                Step::Refuse(session, accept) => {
                    let _ = server.refuse_session(SessionIndex(session), Accept(accept), now);
                    vec![]
                }
                Step::Expire => {
                    server.sessions_expired(now);
                    vec![]
                }
                Step::Wait(nanos) => {
                    now = now + Duration::from_nanos(nanos);
                    server.handle_timeout(now);
                    vec![]
                }
            };
            let failed = server.handle_bytes(&bytes, now).is_err();
            for event in events(&mut server) {
                prop_assert!(!ended, "{event:?} after the end");
                ended = matches!(event, ServerEvent::Ended(_));
            }
            prop_assert!(!failed || ended);
            prop_assert!(server.inbox.len() <= BACKLOG_LIMIT);
        }
    }
}
