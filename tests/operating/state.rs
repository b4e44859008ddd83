//! What persons added outlives the host, in the file of `--state`.

use std::os::unix::fs::MetadataExt;

use crate::host::Host;

fn started(name: &str) -> (Host, String) {
    let directory = std::env::temp_dir();
    let file = directory.join(format!("host-sim-{}-{name}.json", std::process::id()));
    let words = format!("--state {}", file.display());
    (Host::start_with("", &words), words)
}

#[test]
fn a_session_that_a_person_added_is_there_again_after_a_restart() {
    let (host, words) = started("again");
    let id = host.object("sessions add FAR:8621 --mode light --name spare --count 3 --dscp EF");
    host.text("sessions change spare --ttl 9");
    let host = host.start_again(&words);
    let rows = host.object("sessions");
    let rows = rows["sessions"].as_array().unwrap();
    let spare = rows.iter().find(|row| row["name"] == "spare").unwrap();
    assert_eq!(
        (&spare["id"], &spare["owner"]),
        (&id["session"], &"person".into())
    );
    let document = host.object("configuration");
    assert_eq!(document["configuration"]["sessions"][0]["probe"]["ttl"], 9);
    host.text("sessions delete spare");
    let host = host.start_again(&words);
    let document = host.object("configuration");
    assert!(
        document["configuration"]["sessions"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
    remove(&words);
}

#[test]
fn an_override_holds_after_a_restart_and_one_that_can_not_be_is_refused() {
    let (host, words) = started("override");
    let refused = host.command("overrides drain fiber --for 1h");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("override.line"), "{refused:?}");
    host.text("overrides drain fibre --for 1h --name works");
    let host = host.start_again(&words);
    let rows = host.object("overrides");
    assert_eq!(rows["overrides"][0]["override"]["name"], "works", "{rows}");
    remove(&words);
}

#[test]
fn a_session_that_no_longer_fits_is_left_out_but_not_forgotten() {
    let (host, words) = started("misfit");
    host.text("sessions add FAR:8621 --line fibre --mode light --name spare --count 3");
    let file = words.trim_start_matches("--state ");
    assert_eq!(std::fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(file).unwrap();
    let document = std::fs::read_to_string(&host.config).unwrap();
    std::fs::write(&host.config, document.replace("\"fibre\"", "\"other\"")).unwrap();
    let host = host.start_again(&words);
    let rows = host.object("sessions");
    assert!(!rows.to_string().contains("spare"), "{rows}");
    host.text("sessions add FAR:8621 --mode light --name more --count 3");
    let now = std::fs::read_to_string(file).unwrap();
    assert!(now.contains("spare") && now.contains("more"), "{now}");
    assert!(kept.contains("spare"), "{kept}");
    host.running.interrupt();
    let ended = host.running.end();
    assert!(
        ended
            .stderr
            .contains("session spare of the state is left out: sessions[0].line"),
        "{ended:?}"
    );
    remove(&words);
}

fn remove(words: &str) {
    std::fs::remove_file(words.trim_start_matches("--state ")).unwrap();
}
