//! A session, or a change of one, from the words of the command line to what the plugin reads.

use serde_json::{Map, Value, json};

use super::super::CommandError;
use super::super::probe::given;
use crate::cli::{AddSession, ChangeSession, SessionOptions};

/// The session that is added.
pub(super) fn session(arguments: &AddSession) -> Value {
    let mut keys = options(&arguments.options);
    keys.insert("remote".into(), json!(arguments.remote));
    if let Some(schedule) = schedule(&arguments.options) {
        keys.insert("schedule".into(), schedule);
    }
    Value::Object(keys)
}

/// The change, as a merge patch (RFC 7396): what is `null` goes, what is not there stays.
pub(super) fn change(arguments: &ChangeSession) -> Result<Value, CommandError> {
    let said = &arguments.options;
    let mut keys = options(said);
    if arguments.continuous {
        keys.insert("count".into(), Value::Null);
    }
    if let Some(enabled) = arguments.enabled {
        keys.insert("enabled".into(), json!(bool::from(enabled)));
    }
    if arguments.no_schedule {
        keys.insert("schedule".into(), Value::Null);
    }
    if let Some(mut schedule) = schedule(said) {
        if let Value::Object(schedule) = &mut schedule {
            // Of two kinds of schedule only the new one is to be left.
            for key in ["every_s", "cron", "time_zone"] {
                schedule.entry(key).or_insert(Value::Null);
            }
        }
        keys.insert("schedule".into(), schedule);
    }
    if said.probe.dscp.is_some() {
        keys.insert("tos".into(), Value::Null);
    }
    if keys.is_empty() {
        return Err(CommandError::Usage(
            "nothing is to change; say what, as --interval 500 (`host-sim sessions change --help`)"
                .into(),
        ));
    }
    Ok(Value::Object(keys))
}

/// What is given, and nothing else.
fn options(options: &SessionOptions) -> Map<String, Value> {
    let mut keys = Map::new();
    let mut key = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys.insert(name.to_owned(), value);
        }
    };
    let port = options.local.and_then(|local| local.port);
    let export = options.export.map(bool::from);
    let export = options.no_export.then_some(false).or(export);
    key("name", options.name.as_ref().map(|name| json!(name)));
    key("local", options.local.map(|local| json!(local.address)));
    key("local_port", port.map(|port| json!(port)));
    key("line", options.line.as_ref().map(|line| json!(line)));
    key("device", options.device.as_ref().map(|name| json!(name)));
    key("namespace", options.namespace.as_ref().map(|n| json!(n)));
    key("mark", options.mark.map(|mark| json!(mark)));
    key("count", options.count.map(|count| json!(count)));
    key("tos", options.probe.tos.map(|tos| json!(tos)));
    key("export", export.map(|on| json!(on)));
    let mut probe = given(&options.probe);
    if let Some(tos) = options.probe.tos {
        // What the session had before must not say otherwise.
        probe.insert("dscp".into(), json!(tos >> 2));
    }
    key("probe", (!probe.is_empty()).then_some(Value::Object(probe)));
    keys
}

fn schedule(options: &SessionOptions) -> Option<Value> {
    match (options.every, &options.cron, &options.time_zone) {
        _ if options.global_schedule => Some(json!("global")),
        (Some(every), ..) => Some(json!({ "every_s": every })),
        (_, Some(cron), Some(zone)) => Some(json!({ "cron": cron, "time_zone": zone })),
        (_, Some(cron), None) => Some(json!({ "cron": cron })),
        (None, None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command, SessionsCommand};

    fn command(words: &[&str]) -> SessionsCommand {
        let words = ["host-sim", "sessions"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Sessions(sessions) => sessions.what.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn added(line: &str) -> Value {
        let words: Vec<_> = line.split_whitespace().collect();
        match command(&[&["add"], words.as_slice()].concat()) {
            SessionsCommand::Add(add) => session(&add),
            other => panic!("{other:?}"),
        }
    }

    fn changed(words: &[&str]) -> Result<Value, CommandError> {
        match command(&[&["change", "a"], words].concat()) {
            SessionsCommand::Change(arguments) => change(&arguments),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_session_has_what_was_said_and_nothing_else() {
        assert_eq!(added("192.0.2.1"), json!({"remote": "192.0.2.1"}));
        let full = added(
            "[2001:db8::1]:8620 --local [2001:db8::9]:8700 --device eth1 --namespace blue --mark 7 \
             --name hub --count 10 --every 60 --no-export --dscp EF --interval 20 --df",
        );
        assert_eq!(
            full,
            json!({
                "remote": "[2001:db8::1]:8620", "local": "2001:db8::9", "local_port": 8700,
                "device": "eth1", "namespace": "blue", "mark": 7, "name": "hub", "count": 10,
                "schedule": {"every_s": 60}, "export": false,
                "probe": {"dscp": 46, "interval_ms": 20.0, "dont_fragment": true},
            })
        );
    }

    #[test]
    fn a_whole_octet_stands_instead_of_the_dscp() {
        let session = added("192.0.2.1 --tos 184");
        assert_eq!(
            session,
            json!({"remote": "192.0.2.1", "tos": 184, "probe": {"dscp": 46}})
        );
        let change = changed(&["--dscp", "0"]).unwrap();
        assert_eq!(change, json!({"probe": {"dscp": 0}, "tos": null}));
    }

    #[test]
    fn a_change_names_what_goes_as_well() {
        let change = |words: &[&str]| changed(words).unwrap();
        assert_eq!(change(&["--continuous"]), json!({"count": null}));
        assert_eq!(change(&["--no-schedule"]), json!({"schedule": null}));
        assert_eq!(change(&["--enabled", "off"]), json!({"enabled": false}));
        let global = change(&["--global-schedule"]);
        assert_eq!(global, json!({"schedule": "global"}));
        assert_eq!(
            change(&["--cron", "0 6 * * *", "--time-zone", "Europe/Berlin"]),
            json!({"schedule": {
                "cron": "0 6 * * *", "time_zone": "Europe/Berlin", "every_s": null
            }})
        );
        assert_eq!(
            change(&["--every", "60"]),
            json!({"schedule": {"every_s": 60, "cron": null, "time_zone": null}})
        );
    }

    #[test]
    fn a_change_of_nothing_is_wrong_use() {
        assert!(changed(&[]).is_err());
    }
}
