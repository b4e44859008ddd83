//! From the words of the command line to scenarios and policies.

use std::path::Path;

use plugin_abi::host::Plugin;

use super::super::{CommandError, nearest};
use crate::document::{Mistake, Source};
use crate::host::FindError;
use crate::sim::policy::Maker;
use crate::sim::scenario::{Scenario, embedded, names};
use crate::sim::{Autoflow, baselines};

const ALL: &str = "all";

/// A file with its mistakes.
pub(super) type Misread = (Source, Vec<Mistake>);

/// The scenarios that were asked for.
pub(super) enum Asked {
    /// All of them can be played.
    Sound(Vec<Scenario>),
    /// These files can't.
    Misread(Vec<Misread>),
}

/// The scenarios of these names, each once, and of these files.
pub(super) fn scenarios(asked: &[String]) -> Result<Asked, CommandError> {
    let (mut sound, mut misread) = (Vec::<Scenario>::new(), Vec::new());
    for name in asked {
        if is_file(name) {
            match Scenario::read(Source::read(Path::new(name))?) {
                Ok(scenario) if is_there(&sound, &scenario.name) => {
                    return Err(twice(&scenario.name));
                }
                Ok(scenario) => sound.push(scenario),
                Err(mistakes) => misread.push(mistakes),
            }
        }
    }
    let of_files = sound.len();
    for name in asked.iter().filter(|name| !is_file(name)) {
        let found: Vec<_> = match name.as_str() {
            ALL => names().filter_map(embedded).collect(),
            name => vec![embedded(name).ok_or_else(|| unknown("scenario", name, names()))?],
        };
        for scenario in found {
            if is_there(&sound[..of_files], &scenario.name) {
                return Err(twice(&scenario.name));
            }
            if !is_there(&sound, &scenario.name) {
                sound.push(scenario);
            }
        }
    }
    Ok(match misread.is_empty() {
        true => Asked::Sound(sound),
        false => Asked::Misread(misread),
    })
}

fn is_there(scenarios: &[Scenario], name: &str) -> bool {
    scenarios.iter().any(|known| known.name == name)
}

/// Rows are told by the names of scenarios.
fn twice(name: &str) -> CommandError {
    CommandError::Usage(format!(
        "two scenarios are called {name}, one of them in a file; write another `name` there"
    ))
}

/// The makers of these policies, each once, in the order of the list. The plugin is loaded only if
/// it is one of them.
pub(super) fn makers(
    asked: &[String],
    plugin: &dyn Fn() -> Result<Plugin, FindError>,
) -> Result<Vec<Box<dyn Maker>>, CommandError> {
    let rivals = baselines::all();
    let known = || {
        let rivals = rivals.iter().map(|maker| maker.name());
        std::iter::once(Autoflow::NAME).chain(rivals)
    };
    for name in asked {
        if name != ALL && known().all(|known| known != name) {
            return Err(unknown("policy", name, known()));
        }
    }
    let is_asked = |name: &str| asked.iter().any(|asked| asked == ALL || asked == name);
    let mut makers: Vec<Box<dyn Maker>> = Vec::new();
    if is_asked(Autoflow::NAME) {
        makers.push(Box::new(Autoflow::new(plugin()?)));
    }
    makers.extend(rivals.into_iter().filter(|maker| is_asked(maker.name())));
    Ok(makers)
}

/// A file has an ending or a way to it; a name has neither.
fn is_file(name: &str) -> bool {
    name.contains(['.', '/'])
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> CommandError {
    let nearest = nearest(name, known);
    CommandError::Usage(format!(
        "there is no {what} {name}{nearest} `host-sim sim --list` names all"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn none() -> Result<Plugin, FindError> {
        panic!("nobody asked for the plugin")
    }

    #[test]
    fn the_plugin_is_not_loaded_for_rivals_alone() {
        let makers = makers(&words(&["static", "oracle", "static"]), &none).unwrap();
        let names: Vec<_> = makers.iter().map(|maker| maker.name()).collect();
        assert_eq!(names, ["static", "oracle"]);
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest() {
        let Err(error) = makers(&words(&["autoflo"]), &none) else {
            panic!("there is none of this name");
        };
        assert!(
            error.to_string().contains("did you mean autoflow?"),
            "{error}"
        );
        let Err(error) = scenarios(&words(&["s01-hard-fall"])) else {
            panic!("there is none of this name");
        };
        assert!(
            error.to_string().contains("did you mean s01-hard-fail?"),
            "{error}"
        );
    }

    #[test]
    fn a_scenario_named_twice_is_played_once() {
        let Ok(Asked::Sound(all)) = scenarios(&words(&["all", "s01-hard-fail"])) else {
            panic!("all are sound");
        };
        assert_eq!(all.len(), names().count());
    }
}
