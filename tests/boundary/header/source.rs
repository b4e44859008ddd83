//! plugin-abi's source as one C-minded file: constants carry the name of their module.
//!
//! A C header has no modules, and cbindgen writes `answer::LINE` and `capability_of_host::LOG`
//! as `LINE` and `LOG`. So each constant is renamed in a copy of the source before cbindgen
//! reads it: `answer::LINE` becomes `TWAMP_ANSWER_LINE`, and so it does in the documentation.

use std::path::Path;

/// The files that say what crosses, in the order of the header. Configuration and requests
/// cross as JSON; `host` is for Rust alone.
const FILES: [&str; 9] = [
    "lib", "code", "callback", "line", "snapshot", "choice", "observe", "sample", "vtable",
];

/// Stands before what a module says about its constants.
pub(super) const SECTION: &str = "@section";

/// The source for cbindgen, and the rules of the boundary.
pub(super) struct Source {
    /// All types and constants, in one file.
    pub(super) items: String,
    /// What the crate says of the boundary, in Markdown.
    pub(super) rules: String,
}

/// A constant and the module that holds it; the crate's own have an empty one.
struct Constant {
    module: String,
    name: String,
}

/// Reads the source of plugin-abi in `directory`.
pub(super) fn read(directory: &Path) -> Source {
    let files = FILES.map(|name| {
        let path = directory.join(name).with_extension("rs");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("can't read {}: {error}", path.display()));
        (name, text)
    });
    let names = Names(
        files
            .iter()
            .flat_map(|(file, text)| constants(file, text))
            .collect(),
    );
    let rules = files[0]
        .1
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .skip_while(|line| !line.contains("# The rules"))
        .map(|line| names.in_doc("", line.strip_prefix(' ').unwrap_or(line)) + "\n")
        .collect();
    let items = files
        .iter()
        .map(|(file, text)| names.in_file(file, text))
        .collect();
    Source { items, rules }
}

/// The module of the constants that stand at the left margin of a file.
fn outer(file: &str) -> &str {
    if file == "code" { "code" } else { "" }
}

/// Calls `each` with every line of code and the module that it is in.
fn walk<'text>(file: &'text str, text: &'text str, mut each: impl FnMut(&'text str, &'text str)) {
    let mut module = outer(file);
    for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
        if let Some(name) = line
            .strip_prefix("pub mod ")
            .and_then(|rest| rest.strip_suffix(" {"))
        {
            module = name;
        }
        each(module, line);
        if line == "}" {
            module = outer(file);
        }
    }
}

fn constants(file: &str, text: &str) -> Vec<Constant> {
    let mut found = Vec::new();
    walk(file, text, |module, line| {
        // Deeper ones belong to a type, and are none for C.
        let depth = if module == outer(file) { 0 } else { 4 };
        if let Some(name) = constant(line).filter(|_| indent(line) == depth) {
            let (module, name) = (module.to_owned(), name.to_owned());
            found.push(Constant { module, name });
        }
    });
    found
}

fn constant(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub const ")?;
    let (name, kind) = rest.split_once(": ")?;
    kind.starts_with(['u', 'i']).then_some(name)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What every constant is called in C.
struct Names(Vec<Constant>);

impl Names {
    /// A file without what is not for C.
    fn in_file(&self, file: &str, text: &str) -> String {
        let mut items = String::new();
        let mut docs: Vec<&str> = Vec::new();
        let mut section: Vec<&str> = text
            .lines()
            .map_while(|line| line.strip_prefix("//! "))
            .collect();
        if file != "code" {
            section.clear();
        }
        walk(file, text, |module, line| {
            let code = line.trim_start();
            if let Some(doc) = code.strip_prefix("///") {
                docs.push(doc.trim());
                return;
            }
            let is_module = code.starts_with("pub mod ") && code.ends_with('{');
            if is_module {
                section = std::mem::take(&mut docs);
            }
            if constant(line).is_some() {
                for doc in section.drain(..) {
                    items += &format!("/// {SECTION} {}\n", self.in_doc(module, doc));
                }
            }
            for doc in docs.drain(..) {
                items += &format!("/// {}\n", self.in_doc(module, doc));
            }
            let another_file =
                code.ends_with(';') && (code.starts_with("mod ") || code.starts_with("pub mod "));
            if !another_file && !code.starts_with("//") {
                // A word of C++, which cbindgen minds in fields but not in parameters.
                let line = line.replace(" class:", " class_:");
                items += &match constant(&line).filter(|name| self.has(module, name)) {
                    Some(name) => line.replacen(name, &in_c(module, name), 1),
                    None => line,
                };
                items.push('\n');
            }
        });
        items
    }

    fn has(&self, module: &str, name: &str) -> bool {
        self.0
            .iter()
            .any(|known| known.module == module && known.name == name)
    }

    fn is_module(&self, module: &str) -> bool {
        self.0.iter().any(|known| known.module == module)
    }

    /// Documentation with the names that C knows: every odd piece between backticks is code.
    fn in_doc(&self, module: &str, doc: &str) -> String {
        let plain = doc.replace("[`", "`").replace("`]", "`");
        let pieces = plain.split('`').enumerate();
        let renamed = pieces.map(|(index, piece)| match index % 2 {
            0 => piece.to_owned(),
            _ => self.in_code(module, piece),
        });
        renamed.collect::<Vec<_>>().join("`")
    }

    fn in_code(&self, module: &str, word: &str) -> String {
        match word {
            "u32" => return "uint32_t".into(),
            "u64" => return "uint64_t".into(),
            "i32" => return "int32_t".into(),
            _ => {}
        }
        let word = word.trim_start_matches("crate::");
        if let Some((of, name)) = word
            .split_once("::")
            .filter(|(of, name)| self.has(of, name))
        {
            return in_c(of, name);
        }
        if self.is_module(word) && !word.is_empty() {
            return in_c(word, "*");
        }
        if self.has(module, word) {
            return in_c(module, word);
        }
        let mut named = self.0.iter().filter(|known| known.name == word);
        let root = named.clone().find(|known| known.module.is_empty());
        match (root, named.next(), named.next()) {
            (Some(root), ..) => in_c(&root.module, word),
            (None, Some(only), None) => in_c(&only.module, word),
            _ => word.to_owned(),
        }
    }
}

/// `answer::LINE` → `TWAMP_ANSWER_LINE`.
fn in_c(module: &str, name: &str) -> String {
    match module {
        "" => format!("TWAMP_{name}"),
        _ => format!("TWAMP_{}_{name}", module.to_uppercase()),
    }
}
