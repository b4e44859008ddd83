//! The report: one page that stands alone, to be passed on.
//!
//! ```text
//!   Table ─┬─ rows ─────► verdict, tables (columns.rs)
//!          ├─ courses ──► timelines: panel.rs draws one window of one class
//!          └─ curves ───► delay against idle switches (curves.rs)
//! ```
//!
//! No script, style or picture of it comes from elsewhere: it works wherever it lies. Pictures are
//! SVG. Figures carry their exact values (`data-value`), so that what is shown can be held against
//! the JSON.

mod columns;
mod curves;
mod markup;
mod panel;
mod scale;
mod tables;
mod verdict;
mod windows;

use self::markup::escape;
use super::course::Course;
use super::policy::Maker;
use super::scenario::Scenario;
use super::table::Table;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a report is about.
pub struct Report<'a> {
    /// What was played, in the order of the table.
    pub scenarios: &'a [Scenario],
    /// By whom.
    pub makers: &'a [&'a dyn Maker],
    /// What came of it.
    pub table: &'a Table,
    /// How to get the same figures again.
    pub command: &'a str,
}

impl Report<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        let mut body = String::new();
        body.push_str(&self.head());
        for scenario in self.scenarios {
            body.push_str(&self.section(scenario));
        }
        body.push_str(&self.foot());
        format!(
            "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <title>Path policies side by side</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n{}{body}<script>\n//<![CDATA[\n{SCRIPT}//]]>\n</script>\n</body>\n</html>\n",
            panel::PATTERNS,
        )
    }

    fn head(&self) -> String {
        let mut head = String::from("<header>\n<h1>Path policies side by side</h1>\n");
        head.push_str(&verdict::render(self.scenarios, self.table));
        head.push_str("</header>\n");
        if self.scenarios.len() > 1 {
            head.push_str("<section id=\"overall\">\n<h2>All scenarios together</h2>\n");
            head.push_str(&tables::overall(self.table, self.makers));
            head.push_str("</section>\n<nav>\n<h2>The scenarios</h2>\n<ol>\n");
            for Scenario { name, says, .. } in self.scenarios {
                let (name, says) = (escape(name), escape(says));
                head.push_str(&format!(
                    "<li><a href=\"#{name}\">{name}</a>: {says}</li>\n"
                ));
            }
            head.push_str("</ol>\n</nav>\n");
        }
        head
    }

    fn section(&self, scenario: &Scenario) -> String {
        let name = escape(&scenario.name);
        let mut section = format!("<section class=\"scenario\" id=\"{name}\">\n<h2>{name}</h2>\n");
        section.push_str(&format!(
            "<p class=\"says\">{}.</p>\n",
            sentence(&scenario.says)
        ));
        let rows = self.table.rows.iter();
        let rows: Vec<_> = rows.filter(|row| row.scenario == scenario.name).collect();
        section.push_str(&tables::of_scenario(
            scenario,
            &rows,
            &self.table.cost,
            self.makers,
        ));
        let courses = self.table.courses.iter();
        for course in courses.filter(|course| course.scenario == scenario.name) {
            section.push_str(&timelines(scenario, course));
        }
        let curves = self.table.curves.iter();
        let curves: Vec<_> = curves.filter(|of| of.scenario == scenario.name).collect();
        if !curves.is_empty() {
            section.push_str(&curves::render(&curves));
        }
        section + "</section>\n"
    }

    fn foot(&self) -> String {
        let mut foot = String::from("<footer>\n<h2>What the columns mean</h2>\n<dl>\n");
        for column in columns::ALL {
            let unit = match column.unit {
                "" => String::new(),
                unit => format!(" <span class=\"unit\">{}</span>", escape(unit)),
            };
            let (heading, says) = (escape(column.heading), escape(column.says));
            foot.push_str(&format!("<dt>{heading}{unit}</dt><dd>{says}</dd>\n"));
        }
        foot.push_str("</dl>\n<h2>The policies</h2>\n<dl>\n");
        for maker in self.makers {
            let (name, says) = (escape(maker.name()), escape(maker.says()));
            foot.push_str(&format!("<dt>{name}</dt><dd>{says}</dd>\n"));
        }
        foot.push_str("</dl>\n<h2>How to get these figures again</h2>\n");
        foot.push_str(&format!(
            "<pre>{}</pre>\n<p>Everything is drawn from seeds: the same command gives the same \
             figures, on any machine. Choices are held against what was done to the lines, never \
             against what somebody measured. Rivals are written from what is known of them; their \
             update rules, and where each parameter comes from, stand in \
             <code>host-sim/src/sim/baselines/</code>.</p>\n</footer>\n",
            escape(self.command)
        ));
        foot
    }
}

/// What happened in one run, whole and near its events, for each class.
fn timelines(scenario: &Scenario, course: &Course) -> String {
    let mut text = format!(
        "<h3>What happened, and who chose what</h3>\n<p class=\"aside\">One run, that of seed {}",
        course.seed
    );
    if course.groups > 1 {
        let Course { groups, group, .. } = course;
        text.push_str(&format!("; of {groups} groups, that with number {group}"));
    }
    text.push_str(". The figures above are of all runs.</p>\n");
    text.push_str(&panel::legend(course));
    let windows = windows::of(course);
    for class in &course.classes {
        if course.classes.len() > 1 {
            text.push_str(&format!("<h4>Class {}</h4>\n", escape(&class.name)));
        }
        for window in &windows {
            text.push_str(&panel::render(scenario, course, class, window));
        }
    }
    text
}

/// With a capital at its start.
fn sentence(says: &str) -> String {
    let mut letters = says.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    escape(&first.chain(letters).collect::<String>())
}

#[cfg(test)]
mod tests;
