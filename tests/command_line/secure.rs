//! The secure modes: who is let in, who isn't, and what they are told.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::address;
use crate::host::{Answer, Running, host_sim};
use crate::ping::{assert_clean, measured};
use crate::strange::{No, shy_of_features};

/// Files with secrets, which only their owner may read.
pub(crate) struct Secrets(TempDir);

impl Secrets {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        std::fs::write(&file, text).unwrap();
        mode(&file, 0o600);
        file
    }

    /// A responder that knows the key `hub`.
    fn responder(&self, modes: &str, listen: &str) -> Running {
        let keys = self.file("keys.toml", "hub = \"correct horse\"\n");
        let words = format!(
            "respond --json --listen {listen} --modes {modes} --keys {}",
            keys.display()
        );
        let running = Running::host_sim(&words);
        assert!(running.line().contains(listen), "it listens");
        running
    }

    /// The words of `ping` that name a key.
    pub(crate) fn key(&self, id: &str, passphrase: &str) -> String {
        let file = self.file("passphrase", &format!("{passphrase}\n"));
        format!("--key-id {id} --passphrase-file {}", file.display())
    }
}

fn mode(file: &Path, mode: u32) {
    std::fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
}

fn refused(words: &str) -> (String, String) {
    let answer = host_sim(&format!("ping --json {words}"));
    assert_eq!(answer.code, 1, "{answer:?}");
    answer.failure()
}

#[test]
fn every_probe_comes_back_in_each_mode_and_family() {
    let v4 = format!("{}:8620", address::own());
    let v6 = format!("[::1]:{}", address::free_port_v6());
    for far in [v4, v6] {
        let secrets = Secrets::new();
        let responder = secrets.responder("open,auth,encrypted,mixed", &far);
        for mode in ["open", "auth", "encrypted", "mixed"] {
            let key = match mode {
                "open" => String::new(),
                _ => secrets.key("hub", "correct horse"),
            };
            let result = measured(&format!(
                "--mode {mode} {key} --count 20 --interval 10 {far}"
            ));
            assert_clean(&result, 20);
            assert_eq!(result["mode"], mode);
            assert_eq!(result["lost"]["forward"], 0);
            assert_eq!(result["seen"]["ttl_forward"], 255);
            let served = responder
                .lines()
                .find(|line| line.contains("\"received\":20"));
            assert!(served.unwrap().contains("\"reflected\":20"), "{mode}");
        }
    }
}

#[test]
fn protected_probes_may_have_any_padding() {
    let far = format!("{}:8620", address::own());
    let secrets = Secrets::new();
    let _responder = secrets.responder("auth,encrypted", &far);
    let key = secrets.key("hub", "correct horse");
    for mode in ["auth", "encrypted"] {
        for padding in [0, 1, 64, 1000] {
            let words = format!("--mode {mode} {key} --padding {padding}");
            assert_clean(
                &measured(&format!("{words} --count 3 --interval 5 {far}")),
                3,
            );
        }
    }
}

#[test]
fn a_wrong_passphrase_and_an_unknown_key_are_told_the_same() {
    let far = format!("{}:8620", address::own());
    let secrets = Secrets::new();
    let _responder = secrets.responder("auth,encrypted,mixed", &far);
    for mode in ["auth", "encrypted", "mixed"] {
        for (id, passphrase) in [("hub", "wrong horse"), ("nobody", "correct horse")] {
            let key = secrets.key(id, passphrase);
            let (kind, message) = refused(&format!("--mode {mode} {key} {far}"));
            assert_eq!(kind, "rejected");
            assert_eq!(
                message,
                format!(
                    "TWAMP-Control with {far}: peer refuses the connection: failure, reason \
                     unspecified (Accept 1); compare key id and passphrase at both ends"
                )
            );
        }
    }
}

#[test]
fn a_mode_that_is_not_offered_is_never_replaced_by_a_weaker_one() {
    let far = format!("{}:8620", address::own());
    let secrets = Secrets::new();
    let _responder = secrets.responder("open,auth", &far);
    let key = secrets.key("hub", "correct horse");
    let (kind, message) = refused(&format!("--mode encrypted {key} {far}"));
    assert_eq!(kind, "rejected");
    assert_eq!(
        message,
        format!(
            "TWAMP-Control with {far}: no common mode: configured are encrypted, peer offers \
             open+authenticated; allow one of them (all but open need a key)"
        )
    );
}

#[test]
fn features_are_agreed_on_in_each_secure_mode() {
    let far = format!("{}:8620", address::own());
    let secrets = Secrets::new();
    let _responder = secrets.responder("auth,encrypted,mixed", &far);
    let key = secrets.key("hub", "correct horse");
    for mode in ["auth", "encrypted", "mixed"] {
        let words = format!("--mode {mode} {key} --ptp --symmetric --reflect-octets 9 --tos 185");
        let result = measured(&format!("{words} --count 5 --interval 5 {far}"));
        assert_clean(&result, 5);
        let features = [
            "reflect-octets",
            "symmetrical-size",
            "dscp-ecn",
            "ptp-timestamps",
        ];
        assert_eq!(result["features"], serde_json::json!(features), "{mode}");
        assert_eq!(result["seen"]["dscp_forward"], 46, "{mode}");
        assert_eq!(result["seen"]["ecn_forward"], 1, "{mode}");
    }
}

#[test]
fn a_far_end_that_refuses_features_gets_no_weaker_mode() {
    let far = format!("{}:8620", address::own());
    let secrets = Secrets::new();
    let _responder = secrets.responder("open,auth", &far);
    let (shy, selected) = shy_of_features(&far, No::HangsUp);
    let key = secrets.key("hub", "correct horse");
    let words = format!("--mode auth {key} --count 3 --interval 5 {shy}");
    let result = measured(&words);
    assert_eq!(
        (&result["mode"], &result["received"]),
        (&"auth".into(), &3.into())
    );
    assert_eq!(result["features_refused"], serde_json::json!(["dscp-ecn"]));
    let so_far: Vec<_> = selected.try_iter().collect();
    assert_eq!(so_far[..2], [0x102, 0x002]);

    // Nor where the secret is wrong.
    let key = secrets.key("hub", "wrong horse");
    refused(&format!("--mode auth {key} {shy}"));
    assert_eq!(selected.try_iter().collect::<Vec<_>>(), [0x102, 0x002]);
}

/// Refused before anything is sent, in words without the secret.
fn assert_misused(answer: &Answer, says: &str) {
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stderr.contains(says), "{}", answer.stderr);
    let all = format!("{}{}", answer.stdout, answer.stderr);
    assert!(!all.contains("horse"), "{all}");
}

#[test]
fn a_secret_that_can_not_be_used_is_wrong_use() {
    let secrets = Secrets::new();
    let far = "127.0.0.1:8620";
    let words = format!("ping --mode auth --key-id hub --passphrase-file /nowhere/file {far}");
    assert_misused(
        &host_sim(&words),
        "secrets of /nowhere/file: can't read it: ",
    );
    let key = secrets.key("hub", "horse\u{e9}");
    let answer = host_sim(&format!("ping --mode auth {key} {far}"));
    assert_misused(
        &answer,
        "keys[0].passphrase: expected a passphrase: ASCII, in one line",
    );
    let words = format!("respond --listen {far} --modes auth --keys /nowhere/keys");
    assert_misused(
        &host_sim(&words),
        "secrets of /nowhere/keys: can't read it: ",
    );
    let broken = secrets.file("broken", "hub = correct horse\n");
    let words = format!("respond --modes auth --keys {}", broken.display());
    assert_misused(&host_sim(&words), "line 1 is no TOML");
}

#[test]
fn a_file_that_everybody_may_read_is_warned_about() {
    let far = format!("{}:8620", address::own());
    let secrets = Secrets::new();
    let _responder = secrets.responder("auth", &far);
    let key = secrets.key("hub", "correct horse");
    let file = secrets.0.path().join("passphrase");
    mode(&file, 0o644);
    let answer = host_sim(&format!(
        "ping --mode auth {key} --count 2 --interval 5 {far}"
    ));
    assert_eq!(answer.code, 0, "{answer:?}");
    let file = file.display();
    assert_eq!(
        answer.stderr,
        format!(
            "host-sim: warning: everybody on this machine may read the secrets in {file}; chmod \
             600 {file}\n"
        )
    );
}

#[test]
fn check_shows_a_mistake_in_a_passphrase_without_the_passphrase() {
    let secrets = Secrets::new();
    let text = "[[keys]]\nid = \"hub\"\npassphrase = \"hors\u{e9}\"\n\n[probe]\n\
                protocol = \"auth\"\nkey_id = \"hob\"\n";
    let file = secrets.file("host.toml", text);
    for json in ["", "--json"] {
        let answer = host_sim(&format!("check {json} --config {}", file.display()));
        assert_eq!(answer.code, 2, "{answer:?}");
        for path in ["keys[0].passphrase", "probe.key_id"] {
            assert!(answer.stdout.contains(path), "{}", answer.stdout);
        }
        assert!(!answer.stdout.contains("hors"), "{}", answer.stdout);
    }
}
