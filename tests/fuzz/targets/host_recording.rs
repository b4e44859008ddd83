//! Recordings: whatever is in a file, it is read or refused with its place, what was read can be
//! written and read again, and what can be read can be held in memory.

#![no_main]

use host_sim::sim::recording::{ReadError, Reader, Record, Writer};
use host_sim::sim::replay::Recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let (records, refused) = read(octets);
    if let Some(ReadError::Mistake(mistake)) = &refused {
        assert!(mistake.octet <= octets.len() as u64);
        let before = octets.iter().filter(|octet| **octet == b'\n').count() as u64;
        assert!((1..=before + 1).contains(&mistake.line));
        assert!(!mistake.what.is_empty() && mistake.column > 0);
    }
    match Recording::read(octets) {
        Ok(recording) => {
            // From another setting on nothing is read.
            assert!(refused.is_none() || recording.other_setting.is_some());
            assert!(recording.seconds() >= 0.0 && recording.probes() <= records.len() as u64);
        }
        Err(error) => assert!(refused.is_some(), "{error}"),
    }

    let mut again = Vec::new();
    let mut writer = Writer::new(&mut again);
    for record in &records {
        writer.write(record).expect("memory takes all");
    }
    if !records.is_empty() {
        let (read_again, refused) = read(&again);
        assert!(refused.is_none(), "{refused:?}");
        // What holds for a line's probes is written only where it is news.
        let news = |records: &[Record]| -> Vec<Record> {
            let kept = records.iter().filter(|record| !matches!(record, Record::Path { .. }));
            kept.cloned().collect()
        };
        assert_eq!(news(&read_again), news(&records));
    }
});

/// All records up to the first mistake.
fn read(octets: &[u8]) -> (Vec<Record>, Option<ReadError>) {
    let mut reader = Reader::new(octets);
    let mut records = Vec::new();
    loop {
        match reader.record() {
            Ok(Some(record)) => records.push(record),
            Ok(None) => return (records, None),
            Err(error) => return (records, Some(error)),
        }
    }
}
