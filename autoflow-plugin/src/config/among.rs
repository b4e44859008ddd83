//! A line that comes by itself, judged among what is there already.

use plugin_abi::config::{Config, Line};
use plugin_abi::manage::Problem;

/// Why a line does not fit in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Its id or its name is taken.
    Taken(Vec<Problem>),
    /// It is in groups that are not there.
    UnknownGroups(Vec<Problem>),
}

/// Does `line`, which is good by itself, fit beside the other lines of `config`? The line that
/// it replaces, if any, is `replaced`. Takes no longer than a look at each line.
///
/// # Errors
/// [`Misfit`], with every mistake of its kind.
pub(crate) fn judge_among(
    line: &Line,
    replaced: Option<u64>,
    config: &Config,
) -> Result<(), Misfit> {
    let mut taken = Vec::new();
    for other in config
        .lines
        .iter()
        .filter(|other| Some(other.id) != replaced)
    {
        let mut one = |path: &str, same: bool, found: String| {
            if same {
                taken.push(Problem {
                    path: path.into(),
                    expected: "one that is not taken".into(),
                    found: format!("{found} as line {:?} has it", other.name),
                    fix: "choose another, or update that line".into(),
                });
            }
        };
        one("line.id", other.id == line.id, line.id.to_string());
        one(
            "line.name",
            other.name == line.name,
            format!("{:?}", line.name),
        );
    }
    if !taken.is_empty() {
        return Err(Misfit::Taken(taken));
    }

    let known = |id: u64| config.groups.iter().any(|group| group.id == id);
    let unknown = line
        .groups
        .iter()
        .enumerate()
        .filter(|(_, id)| !known(**id));
    let unknown: Vec<_> = unknown
        .map(|(index, id)| Problem {
            path: format!("line.groups[{index}]"),
            expected: "the id of a group of the configuration".into(),
            found: id.to_string(),
            fix: "apply a configuration with that group first".into(),
        })
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Misfit::UnknownGroups(unknown))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{judge, tests::good};
    use super::*;

    fn line(id: u64, name: &str, groups: &[u64]) -> Line {
        let line = json!({"id": id, "name": name, "remote": "192.0.2.1", "groups": groups});
        serde_json::from_value(line).unwrap()
    }

    fn sentences(misfit: Result<(), Misfit>) -> Vec<String> {
        match misfit {
            Ok(()) => Vec::new(),
            Err(Misfit::Taken(problems) | Misfit::UnknownGroups(problems)) => {
                problems.iter().map(ToString::to_string).collect()
            }
        }
    }

    #[test]
    fn a_line_with_an_id_and_a_name_of_its_own_fits_in() {
        let config = judge(&good()).unwrap();
        assert_eq!(judge_among(&line(9, "dsl", &[1]), None, &config), Ok(()));
        assert_eq!(judge_among(&line(9, "dsl", &[]), None, &config), Ok(()));
    }

    #[test]
    fn an_id_or_a_name_that_is_taken_is_said_with_its_owner() {
        let config = judge(&good()).unwrap();
        let misfit = judge_among(&line(1, "lte", &[7]), None, &config);
        assert!(matches!(misfit, Err(Misfit::Taken(_))));
        assert_eq!(
            sentences(misfit),
            [
                r#"line.id: expected one that is not taken, found 1 as line "fibre" has it; choose another, or update that line"#,
                r#"line.name: expected one that is not taken, found "lte" as line "lte" has it; choose another, or update that line"#,
            ]
        );
    }

    #[test]
    fn a_line_does_not_stand_in_its_own_way_when_it_is_replaced() {
        let config = judge(&good()).unwrap();
        assert_eq!(
            judge_among(&line(1, "fibre", &[1]), Some(1), &config),
            Ok(())
        );
        let misfit = judge_among(&line(1, "lte", &[1]), Some(1), &config);
        assert!(matches!(misfit, Err(Misfit::Taken(_))));
    }

    #[test]
    fn a_group_that_is_not_there_is_named() {
        let config = judge(&good()).unwrap();
        assert_eq!(
            sentences(judge_among(&line(9, "dsl", &[1, 7]), None, &config)),
            [
                "line.groups[1]: expected the id of a group of the configuration, found 7; apply a configuration with that group first"
            ]
        );
    }
}
