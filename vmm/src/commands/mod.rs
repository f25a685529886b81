// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The commands: what each does between the command line and the engine.

mod boot;
mod doctor;
mod ending;
mod machine;
mod pack;
mod progress;
mod run;
mod source_date;
mod unpack;

use std::time::Instant;

use seed_protocols::end::EXIT_FAILURE;
use thiserror::Error;

use crate::cli::{Cli, Command};

/// Why a command failed before or after a machine ran.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// The machine.
    #[error(transparent)]
    Engine(#[from] seedvmm::engine::Error),
    /// `seedvmm run`.
    #[error(transparent)]
    Run(#[from] run::RunError),
    /// `seedvmm pack`.
    #[error(transparent)]
    Pack(#[from] pack::PackCommandError),
    /// `seedvmm unpack`.
    #[error(transparent)]
    Unpack(#[from] unpack::UnpackCommandError),
}

impl CommandError {
    /// The exit status that the failure leads to.
    pub(crate) const fn status(&self) -> u8 {
        match self {
            Self::Run(error) => error.status(),
            Self::Engine(_) | Self::Pack(_) | Self::Unpack(_) => EXIT_FAILURE,
        }
    }
}

/// Runs the command and returns the exit status.
pub(crate) fn execute(cli: Cli, started: Instant) -> Result<u8, CommandError> {
    match cli.command {
        None => boot::execute(cli.boot, started).map_err(CommandError::from),
        Some(Command::Run(options)) => Ok(run::execute(*options, started)?),
        Some(Command::Pack(options)) => Ok(pack::execute(&options)?),
        Some(Command::Unpack(options)) => Ok(unpack::execute(&options)?),
        Some(Command::Doctor(options)) => Ok(doctor::execute(&options)),
    }
}
