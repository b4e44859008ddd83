//! `host-sim sim --replay`: a recording through policies.

use std::path::Path;

use serde_json::json;

use super::super::{CommandError, Surroundings};
use super::named::makers;
use crate::cli::Sim as Arguments;
use crate::exit::Exit;
use crate::sim::Autoflow;
use crate::sim::policy::Maker;
use crate::sim::replay::{Difference, Player, RECORDED, Recording, Replayed, differences, play};
use crate::text::{Paint, Style, Table, complain};

/// Plays the file; what was chosen then is shown beside what the policies choose.
pub(super) fn run(
    file: &Path,
    arguments: &Arguments,
    around: &Surroundings,
) -> Result<Exit, CommandError> {
    let compared = match &arguments.compare[..] {
        [] => None,
        [one, other] => Some([one, other]),
        found => {
            let what = format!(
                "--compare takes two policies, as in A,B; found {}",
                found.len()
            );
            return Err(CommandError::Usage(what));
        }
    };
    let recording = Recording::open(file)?;
    for warning in warnings(&recording) {
        complain(&format!("{}: {warning}", file.display()));
    }
    let asked: Vec<_> = match compared {
        Some(pair) => pair
            .into_iter()
            .filter(|name| *name != RECORDED)
            .cloned()
            .collect(),
        None => arguments.policy.clone(),
    };
    let plugin = std::cell::OnceCell::new();
    let rivals = makers(&asked, &|| {
        let loaded = around.plugin()?;
        Ok(plugin.get_or_init(|| loaded).clone())
    })?;
    let mut played = vec![play(&recording, &Player::Recorded)?];
    for maker in &rivals {
        let maker: &dyn Maker = &**maker;
        let is_asked = asked.iter().any(|name| name == maker.name());
        if let Some(needed) = not_recorded(maker) {
            if is_asked {
                let name = maker.name();
                let what = format!("{name} goes by {needed}, which was not recorded; take another");
                return Err(CommandError::Usage(what));
            }
            continue;
        }
        let player = match plugin.get() {
            Some(plugin) if maker.name() == Autoflow::NAME => Player::Autoflow(plugin),
            _ => Player::Rival(maker),
        };
        played.push(play(&recording, &player)?);
    }
    let found = |name: &String| played.iter().find(|played| played.policy == *name);
    let compared = compared.and_then(|[one, other]| Some([found(one)?, found(other)?]));
    let apart = compared.map(|[one, other]| {
        let seconds = recording.seconds();
        ([one, other], differences(one, other, seconds))
    });
    around.output.object(&json!({
        "recording": {
            "file": file.display().to_string(),
            "seconds": recording.seconds(),
            "lines": recording.setting.lines.len(),
            "probes": recording.probes(),
            "dropped": recording.dropped,
            "ended": recording.ended,
            "cut": recording.cut.as_ref().map(ToString::to_string),
        },
        "policies": played,
        "compare": apart.as_ref().map(|([one, other], differences)| json!({
            "one": one.policy, "other": other.policy, "differences": differences,
        })),
    }))?;
    let paint = around.output.paint();
    let text = match &apart {
        Some((pair, differences)) => side_by_side(pair, differences, paint),
        None => table(&recording, &played, paint),
    };
    around.output.text(&text)?;
    Ok(Exit::Good)
}

/// What is to be known before the recording is believed.
fn warnings(recording: &Recording) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(cut) = &recording.cut {
        all.push(format!("its last line is not whole and is left out: {cut}"));
    } else if let Some(line) = recording.other_setting {
        all.push(format!(
            "from line {line} on it is of another configuration; what follows is left out"
        ));
    } else if !recording.ended {
        all.push("it does not say that it ends; the recorder was stopped at once".to_owned());
    }
    if recording.dropped > 0 {
        let dropped = recording.dropped;
        all.push(format!(
            "{dropped} records are missing: the recorder did not keep up"
        ));
    }
    if recording.unknown > 0 {
        let unknown = recording.unknown;
        all.push(format!(
            "{unknown} records of kinds that are not known are left out"
        ));
    }
    all
}

/// What a policy would need beside probes.
fn not_recorded(maker: &dyn Maker) -> Option<&'static str> {
    match (maker.looks_at_truth(), maker.is_in_line()) {
        (true, _) => Some("what is true of the lines"),
        (_, true) => Some("how traffic fares"),
        _ => None,
    }
}

/// How each policy and its classes fared.
fn table(recording: &Recording, played: &[Replayed], paint: Paint) -> String {
    let setting = &recording.setting;
    let mut headings = vec![
        "policy".to_owned(),
        "switches".to_owned(),
        "probes".to_owned(),
    ];
    headings.extend(["in gaps".to_owned(), "group".to_owned(), "class".to_owned()]);
    headings.extend([
        "lost %".to_owned(),
        "trip ms".to_owned(),
        "nowhere s".to_owned(),
    ]);
    let headings: Vec<_> = headings.iter().map(String::as_str).collect();
    let mut table = Table::new(&headings).left(4).left(5);
    for of in played {
        for (place, class) in of.classes.iter().enumerate() {
            let here = |switch: &&crate::sim::replay::Switch| {
                (&switch.group, &switch.class) == (&class.group, &class.class)
            };
            // The first choice is no switch.
            let switches = of.switches.iter().filter(here).count().saturating_sub(1);
            let once = |text: String| if place == 0 { text } else { String::new() };
            let figure = |value: Option<f64>, places: usize| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.places$}"))
            };
            table.row([
                once(of.policy.clone()),
                switches.to_string(),
                once(of.probes.to_string()),
                once(of.probes_in_gaps.to_string()),
                class.group.clone(),
                class.class.clone(),
                figure(class.lost_percent, 2),
                figure(class.round_trip_ms, 1),
                format!("{:.1}", class.unplaced_s),
            ]);
        }
    }
    let heading = format!(
        "{:.0} s of {} lines, {} probes",
        recording.seconds(),
        setting.lines.len(),
        recording.probes()
    );
    format!(
        "{}\n{}\n",
        paint.text(Style::Heading, &heading),
        table.render(paint)
    )
}

/// Where two disagree, and why.
fn side_by_side([one, other]: &[&Replayed; 2], differences: &[Difference], paint: Paint) -> String {
    let (one, other) = (&one.policy, &other.policy);
    if differences.is_empty() {
        return format!("{one} and {other} agree all the time\n");
    }
    let mut table = Table::new(&["from s", "to s", "group", "class", one, other]);
    for column in 2..6 {
        table = table.left(column);
    }
    let mut reasons = String::new();
    for of in differences {
        let line = |line: &Option<String>| line.clone().unwrap_or_else(|| "–".to_owned());
        table.row([
            format!("{:.1}", of.from_s),
            format!("{:.1}", of.to_s),
            of.group.clone(),
            of.class.clone(),
            line(&of.one),
            line(&of.other),
        ]);
        for (policy, why) in [(one, &of.one_why), (other, &of.other_why)] {
            if let Some(why) = why {
                reasons += &format!("{:.1} s, {}: {policy}: {why}\n", of.from_s, of.class);
            }
        }
    }
    table.render(paint) + "\n" + &paint.text(Style::Aside, &reasons)
}
