//! The whole state as a document: it gives the same state again.

use serde_json::json;

use crate::ends::{End, until};

#[test]
fn the_configuration_of_an_engine_makes_another_one_like_it() {
    let far = End::far();
    let (near, mut document) = End::near(&far);
    document["probe"]["interval_ms"] = json!(20.1 + f64::EPSILON * 16.0);
    document["keys"] = json!([{"id": "hub", "passphrase": "nobody shall see"}]);
    document["sessions"] = json!([{"remote": far.at(8620), "count": 3, "name": "mine",
                                   "owner": "person", "enabled": false}]);
    near.told(&json!({"do": "apply", "config": document}), "applied");
    near.told(
        &json!({"do": "respond", "at": near.at(8621), "protocol": "stamp", "on": true}),
        "responder",
    );
    near.told(
        &json!({"do": "roles", "line": "b", "sender": false}),
        "roles",
    );
    let written = near.configuration();
    assert!(!written.to_string().contains("nobody shall see"));
    assert_eq!(written["sessions"][0]["owner"], "person");
    assert_eq!(written["toggled"], json!([{"line": 2, "sender": false}]));
    near.engine.stop().unwrap();
    drop(near);
    let again = End::of(autoflow_tests::address::own(), &written);
    assert_eq!(again.configuration(), written);
    until("one line is measured", || again.received("a") > 5);
    assert_eq!(again.line("b")["roles"]["overridden"], json!(true));
    assert_eq!(again.received("b"), 0);
    // Nor does an apply of it change anything.
    let told = again.told(&json!({"do": "apply", "config": written}), "applied");
    assert_eq!(told["settings"], json!([]));
    assert_eq!(again.configuration(), written);
}

#[test]
fn without_its_lines_a_responder_is_written_so_that_it_is_read_again() {
    let far = End::far();
    let (near, mut document) = End::near(&far);
    document["responder"]["listen"] = json!([near.at(8620)]);
    near.told(&json!({"do": "apply", "config": document}), "applied");
    near.engine.line_down(1).unwrap();
    near.engine.line_down(2).unwrap();
    let written = near.configuration();
    near.engine.stop().unwrap();
    let again = End::of(near.address, &written);
    assert_eq!(again.configuration(), written);
}

#[test]
fn a_document_means_what_it_says() {
    let end = End::of(autoflow_tests::address::own(), &json!({}));
    let before = end.configuration();
    let config = json!({"lines": [{"id": 1, "name": "a", "remote": "192.0.2.1"}]});
    let expanded = end.told(&json!({"do": "expand", "config": config}), "expanded");
    assert_eq!(expanded["lines"][0]["remote"], "192.0.2.1");
    assert_eq!(end.configuration(), before);
    let wrong = json!({"do": "expand", "config": {"lines": [{"id": 1}]}});
    assert_eq!(end.told(&wrong, "problems")[0]["path"], "lines[0].name");
}
