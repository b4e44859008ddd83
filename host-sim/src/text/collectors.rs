//! How collectors of results stand, as people read it.

use plugin_abi::manage::{CollectorRow, CollectorState};

use super::{Cell, Paint, Style, Table};

/// A table of collectors, and below it what is wrong with any; nothing if there is none.
#[must_use]
pub fn collectors(rows: &[CollectorRow], paint: Paint) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let headings = [
        "collector",
        "at",
        "by",
        "state",
        "sent",
        "dropped",
        "waiting",
    ];
    let mut table = Table::new(&headings).left(1).left(2).left(3);
    for row in rows {
        let style = match row.state {
            CollectorState::Sending => Style::Good,
            CollectorState::Connecting => Style::Aside,
            _ => Style::Bad,
        };
        let dropped = match row.dropped {
            0 => Style::Plain,
            _ => Style::Warning,
        };
        table.row([
            Cell::from(&row.name),
            Cell::from(&row.at),
            Cell::from(row.transport.name().to_owned()),
            Cell::new(style, row.state.name()),
            Cell::from(row.sent.to_string()),
            Cell::new(dropped, row.dropped.to_string()),
            Cell::from(row.queued.to_string()),
        ]);
    }
    let troubles = rows.iter().filter_map(|row| {
        let trouble = row.trouble.as_ref()?;
        Some(format!("{}: {trouble}\n", row.name))
    });
    table.render(paint) + &troubles.collect::<String>()
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::Transport;

    use super::*;

    #[test]
    fn a_collector_that_is_lost_is_told_with_what_to_do() {
        let row = CollectorRow {
            name: "analyzer".into(),
            at: "192.0.2.1:4739".into(),
            transport: Transport::Tcp,
            state: CollectorState::Refused,
            since: 0.0,
            trouble: Some("nobody listens at 192.0.2.1:4739".into()),
            produced: 12,
            sent: 9,
            dropped: 1,
            queued: 2,
            messages: 3,
            octets: 4,
            announced: 1,
            connections: 1,
        };
        assert_eq!(
            collectors(&[row], Paint::PLAIN),
            "collector  at              by   state    sent  dropped  waiting\n\
             analyzer   192.0.2.1:4739  tcp  refused     9        1        2\n\
             analyzer: nobody listens at 192.0.2.1:4739\n"
        );
        assert_eq!(collectors(&[], Paint::PLAIN), "");
    }
}
