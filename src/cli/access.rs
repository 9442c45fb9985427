//! `access`: how phones get to the box.

mod recipe;

use super::output::Output;
use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct AccessArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// What a router or an access point has to be told, with your values
    Recipe(recipe::RecipeArgs),
}

pub(crate) fn run(args: &AccessArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match &args.action {
        Action::Recipe(args) => recipe::run(args, output),
    }
}
