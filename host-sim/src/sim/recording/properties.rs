use std::io::BufReader;

use proptest::prelude::*;

use super::*;
use crate::sim::replay::Recording;

/// The first line of a recording of two lines, with a group and a class.
fn setting() -> Record {
    let config = serde_json::from_str(
        r#"{"lines": [{"id": 1, "name": "A", "groups": [1]}, {"id": 2, "name": "B", "groups": [1]}],
            "groups": [{"id": 1, "name": "hub"}],
            "classes": [{"id": 1, "name": "voice", "sla": {"loss_percent": 1.0}}]}"#,
    );
    Record::Setting(Box::new(Setting::of(&config.unwrap(), 7, -7)))
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut writer = Writer::new(&mut text);
    for record in records {
        writer.write(record).unwrap();
    }
    assert_eq!(writer.written().0, text.len() as u64);
    text
}

/// All records up to the end or the first mistake, and what is wrong about the last line.
fn read(text: &[u8]) -> (Vec<Record>, Result<Option<Mistake>, ReadError>) {
    let mut reader = Reader::new(BufReader::new(text));
    let mut records = Vec::new();
    loop {
        match reader.record() {
            Ok(Some(record)) => records.push(record),
            Ok(None) => return (records, Ok(reader.cut().cloned())),
            Err(error) => return (records, Err(error)),
        }
    }
}

fn mistake(text: &str) -> Mistake {
    match read(text.as_bytes()).1 {
        Err(ReadError::Mistake(mistake)) => mistake,
        other => panic!("{text}: {other:?}"),
    }
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..=1_u64 << 55]
}

fn span() -> impl Strategy<Value = i64> {
    prop_oneof![-1_000_i64..1_000_000_000, 0..=1_i64 << 55]
}

fn record() -> impl Strategy<Value = Record> {
    let line = 1..=2_u64;
    let answered = (
        (line.clone(), any::<u32>(), time(), span()),
        (span(), time(), span(), span(), any::<Option<u32>>()),
    );
    let answered = answered.prop_map(
        |((line, sequence, sent, wall), (out, far, back, read, reflector))| {
            Record::Probe(Answered {
                line,
                sequence,
                sent,
                wall,
                out: out.max(0),
                far: far as i64,
                back: back.max(0),
                read,
                reflector,
            })
        },
    );
    let lost = (line.clone(), any::<u32>(), time(), time());
    let lost = lost.prop_map(|(line, sequence, sent, after)| Record::Lost {
        line,
        sequence,
        sent,
        after,
    });
    let why = prop_oneof![
        Just(Aside::ClockStep),
        Just(Aside::Anomaly),
        Just(Aside::LocalTrouble),
        Just(Aside::Overrun)
    ];
    let aside = (
        line.clone(),
        any::<u32>(),
        time(),
        why,
        any::<Option<u32>>(),
    );
    let aside = aside.prop_map(|(line, sequence, sent, why, reflector)| Record::Aside {
        line,
        sequence,
        sent,
        why,
        reflector,
    });
    let choice = (time(), proptest::option::of(line.clone()), ".{0,20}");
    let choice = choice.prop_map(|(at, to, sentence)| {
        Record::Choice(Moved {
            at,
            group: 1,
            class: 1,
            from: None,
            to,
            reason: "loss".to_owned(),
            sentence,
        })
    });
    prop_oneof![
        8 => answered,
        4 => lost,
        2 => aside,
        1 => choice,
        1 => (time(), line.clone()).prop_map(|(at, line)| Record::Session { at, line }),
        1 => (time(), time()).prop_map(|(at, span)| Record::Pause { at, span }),
        1 => (time(), any::<u64>()).prop_map(|(at, count)| Record::Dropped { at, count }),
        1 => (time(), line, "[a-z]{0,9}").prop_map(|(at, line, state)| Record::State {
            at,
            line,
            state
        }),
    ]
}

fn whole() -> impl Strategy<Value = Vec<Record>> {
    proptest::collection::vec(record(), 0..20).prop_map(|mut records| {
        records.insert(0, setting());
        records.push(Record::End { at: 1 << 54 });
        records
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(records in whole()) {
        let (again, end) = read(&written(&records));
        prop_assert_eq!(again, records);
        prop_assert!(matches!(end, Ok(None)));
    }

    #[test]
    fn what_is_cut_off_costs_the_last_line_and_is_told(records in whole(), cut in 0.0..1.0_f64) {
        let text = written(&records);
        let first = text.iter().position(|octet| *octet == b'\n').unwrap() + 1;
        let length = first + ((text.len() - first) as f64 * cut) as usize;
        let text = &text[..length];
        let lines = text.iter().filter(|octet| **octet == b'\n').count();
        let (again, end) = read(text);
        let rest = &text[text.iter().rposition(|octet| *octet == b'\n').unwrap() + 1..];
        match end.unwrap() {
            Some(mistake) => prop_assert_eq!(mistake.line, lines as u64 + 1),
            // Cut at the end of a line, or right before it.
            None => prop_assert!(rest.is_empty() || rest.ends_with(b"]")),
        }
        let read = again.len();
        prop_assert!(read == lines || read == lines + 1 && !rest.is_empty());
        prop_assert_eq!(&again[..], &records[..read]);
        // And it can be played.
        prop_assert!(Recording::read(BufReader::new(text)).is_ok());
    }

    #[test]
    fn any_octets_in_it_are_read_or_refused_with_their_line(
        records in whole(), at in 0.0..1.0_f64, octets in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut text = written(&records);
        let at = (text.len() as f64 * at) as usize;
        text.splice(at..at, octets.iter().copied());
        let line = text[..at].iter().filter(|octet| **octet == b'\n').count() as u64 + 1;
        let lines = octets.iter().filter(|octet| **octet == b'\n').count() as u64 + 1;
        if let Err(ReadError::Mistake(mistake)) = read(&text).1 {
            // Ids that the setting doesn't have any more are missed further on.
            prop_assert!(mistake.line >= line && (mistake.line <= line + lines || line == 1));
            prop_assert!(mistake.octet <= text.len() as u64);
        }
        let _ = Recording::read(BufReader::new(&text[..]));
    }
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let first = String::from_utf8(written(&[setting()])).unwrap();
    let with = |line: &str| mistake(&format!("{first}{line}\n[\"end\",1]\n"));
    for (line, column, words) in [
        (r#"["lost",1,0,5]"#, 14, "ends before its element 5, after"),
        (r#"["lost",1,"x",5,6]"#, 13, "expected u32"),
        (r#"["lost",1,-1,5,6]"#, 12, "expected u32"),
        (r#"["lost",3,0,5,6]"#, 1, "there is no line 3"),
        (
            r#"["lost",1,0,5,18446744073709551615]"#,
            1,
            "expected times up to",
        ),
        (
            r#"["probe",1,0,5,0,1,2,-9,0,0]"#,
            1,
            "away for less than no time",
        ),
        (r#"["choice",1,2,1,null,1,"",""]"#, 1, "there is no group 2"),
        (
            r#"["aside",1,0,5,"moon",null]"#,
            21,
            "unknown variant `moon`",
        ),
        (r#"["lost",1,0,5,6"#, 15, "EOF while parsing"),
        ("7", 1, "expected a record, an array"),
        ("", 0, "EOF while parsing"),
    ] {
        let found = with(line);
        assert_eq!(found.line, 2, "{line}: {found}");
        assert_eq!(found.column, column.max(1), "{line}: {found}");
        assert_eq!(found.octet, first.len() as u64 + found.column - 1, "{line}");
        assert!(found.what.contains(words), "{line}: {found}");
    }
}

#[test]
fn what_is_no_recording_or_of_another_version_is_told_first() {
    let good = String::from_utf8(written(&[setting()])).unwrap();
    assert!(mistake("").what.contains("it is empty"));
    for (text, words) in [
        ("time;rtt\n1;2\n", "this is no recording"),
        ("{\"format\":\"x\",\"version\":1}\n", "its format is \"x\""),
        ("[\"end\",1]\n", "this is no recording"),
        ("\0\0\0", "this is no recording"),
    ] {
        let found = mistake(text);
        assert!(found.what.contains(words), "{found}");
        assert_eq!(found.line, 1);
    }
    // A later one may say anything else.
    let later = good.replacen("\"version\":1,", "\"version\":2,\"moon\":true,", 1);
    let found = mistake(&later);
    assert!(
        found
            .what
            .contains("of version 2, this program reads version 1"),
        "{found}"
    );
    // But this one says nothing else.
    let odd = good.replacen("\"version\":1,", "\"version\":1,\"moon\":true,", 1);
    let found = mistake(&odd);
    assert!(found.what.contains("unknown field `moon`"), "{found}");
    let twice = good.replace("\"id\":2", "\"id\":1");
    assert!(
        mistake(&twice)
            .what
            .contains("two lines of the setting have id 1")
    );
}

#[test]
fn what_a_later_writer_adds_is_passed_over() {
    let mut text = String::from_utf8(written(&[setting()])).unwrap();
    text += "[\"moon\",1,{\"phase\":\"full\"}]\n[\"lost\",1,0,5,6,\"more\"]\n[\"end\",7]\n";
    let mut reader = Reader::new(text.as_bytes());
    let mut records = Vec::new();
    while let Some(record) = reader.record().unwrap() {
        records.push(record);
    }
    assert_eq!(records.len(), 3);
    assert!(reader.ended());
    assert_eq!(reader.unknown(), 1);
}

#[test]
fn what_holds_for_a_path_is_written_once() {
    let path = |epoch| Record::Path {
        line: 1,
        path: Path {
            epoch,
            ..Path::default()
        },
    };
    let text = written(&[
        setting(),
        path(0),
        path(0),
        path(1),
        path(1),
        setting(),
        path(1),
    ]);
    let (again, _) = read(&text);
    assert_eq!(again, [setting(), path(0), path(1), setting(), path(1)]);
}
