//! `docs/reference/commands.md`, from the tree of commands.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{check, code, table};

fn page() -> String {
    let mut root = mintery::cli::command();
    root.build();
    let mut page = format!(
        "# Commands\n\n\
         `mintery NOUN VERB --help` shows the same text. A result goes to standard output (for a new\n\
         secret, the secret alone), everything else to standard error. The exit code is 0 (done), 1\n\
         (failed), 2 (wrong usage), 3 (not authenticated) or 4 (no permission).\n\n\
         Each command that prints takes `-o table` (the default) or `-o json`. All commands take these\n\
         options:\n\n{}",
        options(root.get_arguments())
    );
    for noun in visible(&root) {
        section(&mut page, noun, 2);
    }
    page
}

/// Appends the section of a command, and those of its own commands.
fn section(page: &mut String, command: &Command, level: usize) {
    let name = command.get_bin_name().unwrap();
    let about = command.get_long_about().or_else(|| command.get_about()).unwrap();
    write!(page, "\n{} {name}\n\n{}\n", "#".repeat(level), sentence(&about.to_string())).unwrap();
    if command.has_subcommands() {
        for verb in visible(command) {
            section(page, verb, level + 1);
        }
        return;
    }
    let usage = command.clone().render_usage().to_string();
    write!(page, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ")).unwrap();
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_global_set()).collect();
    if own.iter().any(|arg| is_shown(arg)) {
        write!(page, "\n{}", options(own)).unwrap();
    }
    if let Some(after) = command.get_after_help() {
        write!(page, "\n{after}\n").unwrap();
    }
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn is_shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && !["help", "version", "output"].contains(&arg.get_id().as_str())
}

fn options<'a>(args: impl IntoIterator<Item = &'a Arg>) -> String {
    let rows =
        args.into_iter().filter(|arg| is_shown(arg)).map(|arg| [code(&name(arg)), meaning(arg)]);
    table(["option", "meaning"], rows)
}

/// The flag or the position, with the name of the value.
fn name(arg: &Arg) -> String {
    if arg.is_positional() {
        return arg.to_string();
    }
    match arg.get_short() {
        Some(short) => format!("-{short}, {arg}"),
        None => arg.to_string(),
    }
}

fn meaning(arg: &Arg) -> String {
    let help =
        arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut meaning = sentence(&help);
    let values = arg.get_possible_values();
    let takes_value = arg.get_action().takes_values();
    if takes_value && !values.is_empty() {
        let values: Vec<String> = values.iter().map(|value| code(value.get_name())).collect();
        write!(meaning, " One of {}.", values.join(", ")).unwrap();
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| code(&value.to_string_lossy())).collect();
    if takes_value && !defaults.is_empty() {
        write!(meaning, " Default: {}.", defaults.join(", ")).unwrap();
    }
    meaning.trim().to_owned()
}

/// The text on one line, with the period that clap takes off the end.
fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.ends_with('.') { text } else { text + "." }
}

#[test]
fn the_page_of_commands_is_current() {
    check("commands.md", &page());
}
