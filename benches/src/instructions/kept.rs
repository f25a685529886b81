// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Counts that the repository keeps, and the comparison with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Figure;

/// How much a count may rise: another compiler makes other code of the same sources.
const MARGIN: f64 = 1.1;

/// Rises that never count, for figures near zero.
const SLACK: f64 = 3.0;

/// Kept counts of ring 0 and ring 3, by name.
pub(super) struct Kept {
    figures: BTreeMap<String, [f64; 2]>,
}

impl Kept {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let error = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|cause| error(&cause))?;
        let mut document: Value = serde_json::from_str(&text).map_err(|cause| error(&cause))?;
        let figures = document["ring0_and_ring3"].take();
        let figures = serde_json::from_value(figures).map_err(|cause| error(&cause))?;
        Ok(Self { figures })
    }

    pub(super) fn write(path: &Path, figures: &[(&str, Figure)]) -> Result<(), String> {
        let rounded = |value: f64| (value * 10.0).round() / 10.0;
        let pairs = figures.iter().map(|(name, figure)| {
            ((*name).to_owned(), json!([rounded(figure.ring0), rounded(figure.ring3)]))
        });
        let document = json!({
            "schema": "seedvmm-bench-instructions",
            "version": 2,
            "ring0_and_ring3": pairs.collect::<serde_json::Map<_, _>>(),
        });
        fs::write(path, format!("{document:#}\n"))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Fails if a count has risen by more than the margin, or is not kept.
    pub(super) fn check(&self, figures: &[(&str, Figure)]) -> Result<(), String> {
        let mut faults = Vec::new();
        for (name, figure) in figures {
            let Some(kept) = self.figures.get(*name) else {
                faults.push(format!("{name}: nothing is kept"));
                continue;
            };
            for (ring, counted, kept) in [(0, figure.ring0, kept[0]), (3, figure.ring3, kept[1])] {
                if counted > kept * MARGIN + SLACK {
                    faults.push(format!("{name}: {counted:.1} in ring {ring}, kept {kept:.1}"));
                }
                if counted < kept / MARGIN - SLACK {
                    println!("{name}: {counted:.1} in ring {ring} is less than {kept:.1}; keep it");
                }
            }
        }
        match faults.as_slice() {
            [] => Ok(()),
            faults => Err(format!("counts rose by more than the margin:\n{}", faults.join("\n"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept { figures: BTreeMap::from([("call".to_owned(), [10.0, 200.0])]) }
    }

    fn figure(ring0: f64, ring3: f64) -> Figure {
        Figure { ring0, ring3, iterations: 0.0 }
    }

    #[test]
    fn counts_may_rise_by_the_margin_alone() {
        assert!(kept().check(&[("call", figure(13.0, 220.0))]).is_ok());
        assert!(kept().check(&[("call", figure(15.0, 200.0))]).is_err());
        assert!(kept().check(&[("call", figure(10.0, 224.0))]).is_err());
    }

    #[test]
    fn a_count_that_is_not_kept_is_a_fault() {
        assert!(kept().check(&[("fault", figure(0.0, 0.0))]).is_err());
    }
}
