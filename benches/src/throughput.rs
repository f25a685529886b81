// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a second processor brings: as many processes one at a time and several at once.
//!
//! How much that is depends on what else the processors do at the moment, and on what the host's kernel
//! does for one process at a time. So seedvmm has two others beside it in each round: one that only
//! computes, which shows what the processors give, and the floor, which shows what KVM leaves of that.
//! A round's two times are compared with each other alone.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::contender::Contender;
use crate::ratios::Goal;
use crate::rounds::{self, Prepared};
use crate::scenario::{self, Scenario};
use crate::statistics::Sample;

/// Processes at once.
pub(crate) const AT_ONCE: usize = 8;

/// Processes of a round: a multiple of `AT_ONCE`.
pub(crate) const PER_ROUND: usize = 48;

const ROUNDS: usize = 16;

/// What the gain of seedvmm must reach on two processors.
const GOAL: Goal = Goal::AtLeast(1.6);

/// Processes of one kind, one at a time and several at once.
pub(crate) struct Throughput {
    contender: Contender,
    /// A round of each.
    pub(crate) one_at_a_time: Sample,
    pub(crate) at_once: Sample,
    /// How many times as many there are in a second when several run at once, in each round.
    pub(crate) gain: Sample,
}

impl Throughput {
    /// Its name in tables and JSON: the host's share is the computation.
    pub(crate) const fn name(&self) -> &'static str {
        match self.contender {
            Contender::Host => "computation",
            other => other.name(),
        }
    }

    const fn goal(&self) -> Goal {
        match self.contender {
            Contender::Seedvmm => GOAL,
            _ => Goal::None,
        }
    }

    /// The goal in words, if there is one.
    pub(crate) fn goal_text(&self) -> Option<String> {
        self.goal().text()
    }

    /// Whether the goal is met; true if there is none.
    pub(crate) fn is_met(&self) -> bool {
        self.goal().is_met_by(self.gain.median())
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name(),
            "one_at_a_time": self.one_at_a_time.times_to_json(),
            "all_at_once": self.at_once.times_to_json(),
            "gain": self.gain.ratios_to_json(),
            "goal": self.goal_text(),
            "is_met": self.is_met(),
        })
    }
}

/// Measures a computation of the host, the floor, and seedvmm with "hello".
pub(crate) fn measure(hello: &Scenario) -> Result<Vec<Throughput>, String> {
    let computation = scenario::that_computes();
    let computations = Prepared::several(&computation, AT_ONCE)?;
    let hellos = Prepared::several(hello, AT_ONCE)?;
    let mut series = [
        (Contender::Host, &computations),
        (Contender::Floor, &hellos),
        (Contender::Seedvmm, &hellos),
    ]
    .map(|(contender, lanes)| (contender, lanes, Vec::new()));
    for number in 0..ROUNDS {
        for (contender, lanes, rounds) in &mut series {
            rounds.push(round(*contender, lanes, number % 2 == 0)?);
        }
    }
    Ok(series.map(|(contender, _, rounds)| summary(contender, &rounds)).into())
}

/// How long the processes of a round take one at a time, and several at once.
type Round = (Duration, Duration);

fn summary(contender: Contender, rounds: &[Round]) -> Throughput {
    let (one_at_a_time, at_once): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
    let gain = rounds.iter().map(|(one, all)| one.as_secs_f64() / all.as_secs_f64()).collect();
    Throughput {
        contender,
        one_at_a_time: Sample::of_times(&one_at_a_time),
        at_once: Sample::of_times(&at_once),
        gain: Sample::new(gain),
    }
}

/// Which of the two comes first changes from round to round, so that a machine that gets slower or
/// faster favours neither.
fn round(
    contender: Contender,
    lanes: &[Prepared<'_>],
    is_one_first: bool,
) -> Result<Round, String> {
    if is_one_first {
        let one = run(contender, &lanes[..1])?;
        return Ok((one, run(contender, lanes)?));
    }
    let all = run(contender, lanes)?;
    Ok((run(contender, &lanes[..1])?, all))
}

/// Runs the processes of a round, those of each lane one after another, and returns how long all of
/// them took.
fn run(contender: Contender, lanes: &[Prepared<'_>]) -> Result<Duration, String> {
    let commands: Vec<Command> = lanes.iter().map(|lane| lane.command(contender)).collect();
    let per_lane = PER_ROUND / lanes.len();
    let one_after_another = |mut command: Command| {
        (0..per_lane)
            .try_for_each(|_| rounds::run_to_status(&mut command, contender.success()).map(drop))
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let spawn = |command| scope.spawn(move || one_after_another(command));
        let lanes: Vec<_> = commands.into_iter().map(spawn).collect();
        let join = |lane: thread::ScopedJoinHandle<'_, _>| lane.join().expect("no lane panics");
        lanes.into_iter().try_for_each(join)
    })?;
    Ok(start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_that_of_a_round_and_not_of_the_medians() {
        let ms = Duration::from_millis;
        // A machine that got slower all the time, with twice the throughput in each round.
        let rounds = [(ms(20), ms(10)), (ms(40), ms(20)), (ms(80), ms(40))];
        let throughput = summary(Contender::Floor, &rounds);
        assert_eq!((throughput.gain.min(), throughput.gain.median()), (2.0, 2.0));
    }
}
