//! Whoever listens says to whom: nobody is answered by oversight, and nobody waits in vain.

use plugin_abi::manage::Problem;

use super::node::Node;
use super::unique::own_items;

/// Judges who is answered.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    let responder = root.key("responder");
    let peers = responder.key("peers");
    own_items(&peers, "peer", Node::text, problems);
    let listens = |key| responder.key(key).items().next().is_some();
    let responds = |line: Node| line.key("responder").flag_or(false) == Some(true);
    let answers = ["listen", "light", "stamp", "added"]
        .into_iter()
        .any(listens)
        || root.key("lines").items().any(responds);
    // The far ends of lines may be answered anyway. An empty list is a word: nobody but them, and
    // lines may be yet to come.
    let far_end = |line: Node| line.key("remote").is_there();
    if answers && !peers.is_there() && !root.key("lines").items().any(far_end) {
        let expected = "who may be answered, as something listens here";
        let fix = r#"write the networks of your senders, as ["192.0.2.0/24"], or ["any"]"#;
        problems.push(peers.problem(expected, fix));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;

    fn responder(responder: &Value) -> Value {
        json!({"responder": responder})
    }

    const NOBODY: &str = "responder.peers: expected who may be answered, as something listens here, found nothing; write the networks of your senders, as [\"192.0.2.0/24\"], or [\"any\"]";

    #[test]
    fn whoever_listens_must_say_to_whom() {
        for key in ["listen", "light", "stamp"] {
            let silent = responder(&json!({key: ["127.0.0.1:862"]}));
            assert_eq!(mistakes(&silent), [NOBODY]);
            let named = responder(&json!({key: ["127.0.0.1:862"], "peers": ["192.0.2.0/24"]}));
            assert_eq!(mistakes(&named), [""; 0]);
        }
        let mut line = json!({"lines": [{"id": 1, "name": "a", "local": "127.0.0.1",
                                         "sender": false, "responder": true}]});
        assert_eq!(mistakes(&line), [NOBODY]);
        line["responder"] = json!({"peers": []});
        assert_eq!(mistakes(&line), [""; 0]);
        assert_eq!(mistakes(&responder(&json!({}))), [""; 0]);
    }

    #[test]
    fn what_an_engine_writes_without_its_lines_is_read_again() {
        let document = json!({"responder": {"listen": ["127.0.0.1:862"]},
                              "lines": [{"id": 1, "name": "a", "remote": "192.0.2.1"}]});
        let mut config = super::super::judge(&document).unwrap();
        config.lines.clear();
        assert_eq!(mistakes(&config.revealed().unwrap()), [""; 0]);
    }

    #[test]
    fn far_ends_of_lines_are_peers_without_a_word() {
        let document = json!({"responder": {"listen": ["127.0.0.1:862"]},
                              "lines": [{"id": 1, "name": "a", "remote": "192.0.2.1"}]});
        assert_eq!(mistakes(&document), [""; 0]);
    }

    #[test]
    fn what_is_no_network_is_shown_and_a_network_stands_there_once() {
        assert_eq!(
            mistakes(&responder(
                &json!({"peers": ["192.0.2.1/24", "::/0", "::/0"]})
            )),
            [
                r#"responder.peers[0]: expected a network without bits beyond its length, an IP address, or any, found "192.0.2.1/24"; write it as "192.0.2.0/24", "2001:db8::1" or "any""#,
                r#"responder.peers[2]: expected a peer that is not taken, found "::/0" as in responder.peers[1]; change one of the two"#,
            ]
        );
    }
}
