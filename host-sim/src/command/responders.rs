//! `host-sim responders`: where a running host answers probes, and whose; turned on and off.

use std::net::SocketAddr;

use plugin_abi::config::{Answering, Answers, Line, Owner, Peer, Responder, Toggled};
use plugin_abi::manage::{Request, SessionKind, SessionRow};
use serde::Serialize;
use serde_json::json;

use super::asking::Asking;
use super::known::sessions;
use super::sessions::answered;
use super::{CommandError, Surroundings};
use crate::cli::{ResponderProtocol, Responders, RespondersCommand, Responding};
use crate::exit::Exit;
use crate::text::{Paint, Style, Table};

pub(super) fn run(arguments: &Responders, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    match &arguments.what {
        None | Some(RespondersCommand::List) => list(&mut host, around),
        Some(RespondersCommand::On(which)) => turn(which, true, &mut host, around),
        Some(RespondersCommand::Off(which)) => turn(which, false, &mut host, around),
    }
}

fn list(host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let document = host.configuration()?;
    let responder: Responder = document.part("responder")?;
    let mut lines: Vec<Line> = document.part("lines")?;
    let toggled: Vec<Toggled> = document.part("toggled")?;
    for line in &mut lines {
        if let Some(toggled) = toggled.iter().find(|toggled| toggled.line == line.id) {
            toggled.set(line);
        }
    }
    let rows = sessions(host.typed(&Request::Sessions)?)?;
    let served: Vec<&SessionRow> = rows
        .iter()
        .filter(|row| row.kind == SessionKind::Served)
        .collect();
    let doors = doors(&responder, &lines);
    around.output.object(&json!({
        "responders": doors,
        "peers": responder.peers,
        "served": served,
    }))?;
    let paint = around.output.paint();
    let mut page = page(&doors, &responder, paint);
    if !served.is_empty() {
        page += &format!("\n{}", answered(&served).render(paint));
    }
    around.output.text(&page)?;
    Ok(Exit::Good)
}

fn turn(
    which: &Responding,
    on: bool,
    host: &mut Asking,
    around: &Surroundings,
) -> Result<Exit, CommandError> {
    let protocol = match which.protocol {
        ResponderProtocol::Twamp => Answers::Twamp,
        ResponderProtocol::Light => Answers::Light,
        ResponderProtocol::Stamp => Answers::Stamp,
    };
    let at = which.at;
    let answer = host.ask(&Request::Respond { at, protocol, on })?;
    around.output.object(&answer)?;
    let (style, what) = match on {
        true => (Style::Good, "is answered"),
        false => (Style::Warning, "is answered no more"),
    };
    let sentence = format!("{} on {at} {what}", protocol.name());
    around.output.styled(style, &sentence)?;
    Ok(Exit::Good)
}

/// Where probes are answered.
#[derive(Debug, Serialize)]
struct Door {
    at: Option<SocketAddr>,
    protocol: Answers,
    owner: Owner,
    /// The line that asks for it; none: it stands by itself.
    line: Option<String>,
}

fn doors(responder: &Responder, lines: &[Line]) -> Vec<Door> {
    let own = responder.answering().into_iter();
    let own = own.map(|(Answering { at, protocol }, owner)| Door {
        at: Some(at),
        protocol,
        owner,
        line: None,
    });
    let answering = lines.iter().filter(|line| line.responder);
    let of_lines = answering.map(|line| Door {
        at: (line.local).map(|local| local.socket(responder.control_port, None)),
        protocol: Answers::Twamp,
        owner: line.owner,
        line: Some(line.name.clone()),
    });
    own.chain(of_lines).collect()
}

fn page(doors: &[Door], responder: &Responder, paint: Paint) -> String {
    if doors.is_empty() {
        return "nobody is answered; turn a responder on with `host-sim responders on ADDR:PORT`\n"
            .to_owned();
    }
    let mut table = Table::new(&["answers on", "protocol", "owner", "line"])
        .left(1)
        .left(2)
        .left(3);
    for door in doors {
        let at = door.at.map_or_else(|| "–".to_owned(), |at| at.to_string());
        table.row([
            at.as_str(),
            door.protocol.name(),
            door.owner.name(),
            door.line.as_deref().unwrap_or(""),
        ]);
    }
    let peers: Vec<String> = responder.peers.iter().map(Peer::to_string).collect();
    let peers = match peers.as_slice() {
        [] => "the far ends of lines alone".to_owned(),
        peers => format!("the far ends of lines, {}", peers.join(", ")),
    };
    format!("{}\nanswered: {peers}\n", table.render(paint))
}
