//! What is only described once its noun is asked for.

use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};

/// The verbs of a noun, or its flags. Describing those of all nouns takes a server that is only
/// told to serve a thousandth of a second and 1 MB that it keeps.
#[derive(Debug)]
pub struct Deferred<V>(pub V);

impl<V: Args> Args for Deferred<V> {
    fn augment_args(command: Command) -> Command {
        command.defer(V::augment_args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(V::augment_args_for_update)
    }
}

impl<V: Subcommand> Subcommand for Deferred<V> {
    fn augment_subcommands(command: Command) -> Command {
        command.defer(V::augment_subcommands)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        command.defer(V::augment_subcommands_for_update)
    }

    fn has_subcommand(name: &str) -> bool {
        V::has_subcommand(name)
    }
}

impl<V: FromArgMatches> FromArgMatches for Deferred<V> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        V::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        V::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}
