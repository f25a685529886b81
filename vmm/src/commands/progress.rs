// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A bar on the terminal for work that takes longer than a moment, and nothing otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How long work stays silent.
const SILENT: Duration = Duration::from_secs(1);

/// Bytes done of bytes in all.
pub(super) struct Progress {
    title: &'static str,
    total_bytes: u64,
    done_bytes: u64,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(title: &'static str, total_bytes: u64) -> Self {
        Self { title, total_bytes, done_bytes: 0, started: Instant::now(), bar: None }
    }

    /// Counts `bytes` more as done.
    pub(super) fn advance(&mut self, bytes: u64) {
        self.done_bytes = self.done_bytes.saturating_add(bytes);
        if self.bar.is_none() && self.started.elapsed() > SILENT && std::io::stderr().is_terminal()
        {
            self.bar = Some(self.draw());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done_bytes);
        }
    }

    fn draw(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}")
            .expect("the template is correct");
        ProgressBar::new(self.total_bytes).with_style(style).with_message(self.title)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
