//! `docs/operating.md` is true: each command of it is run, in the order of the page.
//!
//! The addresses of the page are for documents (RFC 5737, RFC 3849); here they stand for the
//! loopback. Blocks of `sh` and words in backticks that begin with `host-sim ` are commands; a block
//! of `toml` is the file that the sentence before it names. A command that ends in `&` goes on.

use std::path::Path;

use autoflow_tests::address;
use autoflow_tests::artifacts;
use autoflow_tests::host::{Answer, Running, answer, host_command};

/// What the page has for a reader with a terminal, in its order.
#[derive(Debug)]
enum Piece {
    File { name: String, text: String },
    Command(String),
}

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let page = artifacts().root.join("docs/operating.md");
    let page = std::fs::read_to_string(page).unwrap();
    let [far, near] = [address::own(), address::own()].map(|own| own.to_string());
    let v6 = address::free_port_v6();
    let page = page
        .replace("[2001:db8::1]:8620", &format!("[::1]:{v6}"))
        .replace("192.0.2.1", &far)
        .replace("192.0.2.9", &near);
    let directory = tempfile::tempdir().unwrap();
    let mut background = Vec::new();
    let mut run = 0;
    for piece in pieces(&page) {
        match piece {
            Piece::File { name, text } => {
                std::fs::write(directory.path().join(name), text).unwrap();
            }
            Piece::Command(command) => {
                run += 1;
                match command.strip_suffix(" &") {
                    Some(command) => {
                        let mut host = ready_to_run(command, directory.path());
                        let running = Running::start(&mut host);
                        // The first line is told once it is ready.
                        running.line();
                        background.push(running);
                    }
                    None => {
                        let answer = run_to_its_end(&command, directory.path());
                        assert_eq!(answer.code, 0, "{command}: {answer:?}");
                    }
                }
            }
        }
    }
    assert!(run > 30, "only {run} commands are found in the page");
    for running in background {
        running.interrupt();
        assert_eq!(running.end().code, 0);
    }
}

fn run_to_its_end(command: &str, directory: &Path) -> Answer {
    answer(&mut ready_to_run(command, directory))
}

fn ready_to_run(command: &str, directory: &Path) -> std::process::Command {
    let mut host = host_command();
    host.args(words(command))
        .current_dir(directory)
        .env("XDG_RUNTIME_DIR", directory);
    host
}

/// The words behind `host-sim`; what is quoted is one.
fn words(command: &str) -> Vec<String> {
    let command = command
        .strip_prefix("host-sim ")
        .expect("it is one of ours");
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = page.lines();
    let mut named = String::new();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            let quoted: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
            let file = quoted.iter().rev().find(|word| word.ends_with(".toml"));
            if let Some(file) = file {
                named = (*file).to_owned();
            }
            let commands = quoted.iter().filter(|word| word.starts_with("host-sim "));
            pieces.extend(commands.map(|command| Piece::Command((*command).to_owned())));
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "toml" => pieces.push(Piece::File {
                name: named.clone(),
                text: block.join("\n"),
            }),
            "sh" => {
                let commands = block
                    .iter()
                    .map(|line| line.split("  #").next().unwrap_or(line));
                let commands = commands.map(|line| line.trim().to_owned());
                pieces.extend(commands.filter(|line| !line.is_empty()).map(Piece::Command));
            }
            _ => {}
        }
    }
    pieces
}
