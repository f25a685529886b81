// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a terminal does between the line and a program: settings and line discipline.

mod discipline;
mod termios;

pub use discipline::{Discipline, Key};
pub use termios::{Termios, WindowSize};
