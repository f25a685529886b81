// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Ratios of times of one run: what is compared with a goal, and from one commit to the next with
//! what `ratios.json` keeps. A ratio depends on the kind of machine, so there is a set for each kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::contender::Contender::{self, Floor, Host, QemuKvm, QemuTcg, Run, Seedvmm};
use crate::machine::Machine;
use crate::rounds::Measured;
use crate::statistics::Sample;

/// How much worse than the kept one a ratio may be: machines are shared, and quick runs few.
const MARGIN: f64 = 2.0;

/// Which way a ratio is better, and what it must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// A limit from above.
    AtMost(f64),
    /// A limit from below.
    AtLeast(f64),
    /// The higher the better.
    None,
}

impl Goal {
    /// In words, if there is one.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::AtMost(limit) => Some(format!("at most {limit}")),
            Self::AtLeast(limit) => Some(format!("at least {limit}")),
            Self::None => None,
        }
    }

    /// Whether a value meets it; true if there is none.
    pub(crate) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::None => true,
        }
    }
}

/// Time of one contender by that of another in the same scenario.
struct Definition {
    scenario: &'static str,
    of: Contender,
    to: Contender,
    goal: Goal,
}

const DEFINITIONS: &[Definition] = &[
    define("hello", Seedvmm, Floor, Goal::AtMost(2.0)),
    define("hello", Run, Floor, Goal::AtMost(2.0)),
    define("hello", QemuKvm, Seedvmm, Goal::AtLeast(10.0)),
    define("hello", QemuTcg, Seedvmm, Goal::AtLeast(6.0)),
    define("files", QemuKvm, Seedvmm, Goal::None),
    define("tree", QemuKvm, Seedvmm, Goal::None),
    define("disk-read", QemuKvm, Seedvmm, Goal::AtLeast(1.0)),
    define("disk-read", Host, Seedvmm, Goal::AtLeast(0.7)),
    define("disk-write", QemuKvm, Seedvmm, Goal::AtLeast(1.0)),
    define("disk-write", Host, Seedvmm, Goal::None),
    define("compile", QemuKvm, Seedvmm, Goal::None),
    define("spawn", QemuKvm, Seedvmm, Goal::None),
    define("matrix", Host, Seedvmm, Goal::AtLeast(0.97)),
    define("sha256", Host, Seedvmm, Goal::AtLeast(0.97)),
];

const fn define(scenario: &'static str, of: Contender, to: Contender, goal: Goal) -> Definition {
    Definition { scenario, of, to, goal }
}

/// A ratio that was measured.
pub(crate) struct Ratio {
    pub(crate) scenario: &'static str,
    pub(crate) name: String,
    pub(crate) value: f64,
    goal: Goal,
}

impl Ratio {
    /// The goal in words, if there is one.
    pub(crate) fn goal_text(&self) -> Option<String> {
        self.goal.text()
    }

    /// Whether the goal is met; true if there is none.
    pub(crate) fn is_met(&self) -> bool {
        self.goal.is_met_by(self.value)
    }

    /// Whether it is worse than `kept` by more than the margin.
    fn has_fallen_back(&self, kept: f64) -> bool {
        match self.goal {
            Goal::AtMost(_) => self.value > kept * MARGIN,
            Goal::AtLeast(_) | Goal::None => self.value < kept / MARGIN,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "goal": self.goal_text(),
            "is_met": self.is_met(),
        })
    }
}

/// The ratios of everything that was measured; `of_times` picks the time of a series.
pub(crate) fn all(measured: &[Measured], of_times: fn(&Sample) -> f64) -> Vec<Ratio> {
    let time = |scenario, contender| {
        let measured = measured.iter().find(|measured| measured.scenario.name == scenario)?;
        measured.times(contender).map(of_times)
    };
    let ratio = |definition: &Definition| {
        let &Definition { scenario, of, to, goal } = definition;
        let value = time(scenario, of)? / time(scenario, to)?;
        let name = format!("{scenario}: {} / {}", of.name(), to.name());
        Some(Ratio { scenario, name, value, goal })
    };
    DEFINITIONS.iter().filter_map(ratio).collect()
}

/// Prints ratios beside those that are kept for this kind of machine, and returns those that are
/// worse by more than the margin.
///
/// # Errors
/// The kept ratios cannot be read.
pub(crate) fn fallen_back<'r>(
    ratios: &'r [Ratio],
    machine: &Machine,
) -> Result<Vec<&'r Ratio>, String> {
    let kept = read_kept()?;
    let Some(kept) = kept.get(machine.kvm_kind()) else {
        println!("no ratios are kept for machines whose KVM is {}", machine.kvm_kind());
        return Ok(Vec::new());
    };
    let mut fallen = Vec::new();
    for ratio in ratios {
        let Some(&before) = kept.get(&ratio.name) else { continue };
        let has_fallen = ratio.has_fallen_back(before);
        let remark = if has_fallen { "; worse by more than the margin" } else { "" };
        println!("{:<36} {:>8.3}, kept {before:.3}{remark}", ratio.name, ratio.value);
        if has_fallen {
            fallen.push(ratio);
        }
    }
    Ok(fallen)
}

/// Keeps these ratios for this kind of machine.
pub(crate) fn keep(ratios: &[Ratio], machine: &Machine) -> Result<(), String> {
    let mut kept = read_kept()?;
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    let pairs = ratios.iter().map(|ratio| (ratio.name.clone(), rounded(ratio.value)));
    kept.insert(machine.kvm_kind().to_owned(), pairs.collect());
    let document = json!({ "schema": "seedvmm-bench-ratios", "version": 1, "kvm": kept });
    let path = path();
    fs::write(&path, format!("{document:#}\n"))
        .map_err(|error| format!("{}: {error}", path.display()))
}

type Kept = BTreeMap<String, BTreeMap<String, f64>>;

fn read_kept() -> Result<Kept, String> {
    let path = path();
    let error = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|cause| error(&cause))?;
    let mut document: Value = serde_json::from_str(&text).map_err(|cause| error(&cause))?;
    serde_json::from_value(document["kvm"].take()).map_err(|cause| error(&cause))
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ratios.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(value: f64, goal: Goal) -> Ratio {
        Ratio { scenario: "", name: String::new(), value, goal }
    }

    #[test]
    fn a_goal_says_which_way_is_back() {
        assert!(ratio(4.1, Goal::AtMost(9.0)).has_fallen_back(2.0));
        assert!(!ratio(1.0, Goal::AtMost(9.0)).has_fallen_back(2.0));
        assert!(ratio(0.9, Goal::AtLeast(0.0)).has_fallen_back(2.0));
        assert!(!ratio(9.0, Goal::None).has_fallen_back(2.0));
    }

    #[test]
    fn a_goal_is_met_at_its_limit() {
        assert!(ratio(2.0, Goal::AtMost(2.0)).is_met());
        assert!(!ratio(0.96, Goal::AtLeast(0.97)).is_met());
        assert!(ratio(0.0, Goal::None).is_met());
    }
}
