// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What many times of one thing say: order statistics, since a machine that does other work adds to
//! some times and takes away from none.

use std::time::Duration;

use serde_json::{Value, json};

/// Times of one thing in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// In ascending order, at least one.
    sorted_ms: Vec<f64>,
}

impl Times {
    /// # Panics
    /// There is none.
    pub(crate) fn new(times: &[Duration]) -> Self {
        assert!(!times.is_empty(), "a series has at least one time");
        let mut sorted_ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        sorted_ms.sort_by(f64::total_cmp);
        Self { sorted_ms }
    }

    pub(crate) fn to_json(&self) -> Value {
        let rounded = |time: f64| (time * 1e3).round() / 1e3;
        json!({
            "runs": self.runs(),
            "median_ms": rounded(self.median()),
            "first_quartile_ms": rounded(self.first_quartile()),
            "third_quartile_ms": rounded(self.third_quartile()),
            "min_ms": rounded(self.min()),
            "max_ms": rounded(self.quantile(1.0)),
        })
    }

    pub(crate) fn runs(&self) -> usize {
        self.sorted_ms.len()
    }

    pub(crate) fn min(&self) -> f64 {
        self.sorted_ms[0]
    }

    pub(crate) fn first_quartile(&self) -> f64 {
        self.quantile(0.25)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn third_quartile(&self) -> f64 {
        self.quantile(0.75)
    }

    /// The time below which `part` of all lie, in a straight line between the two next to it.
    fn quantile(&self, part: f64) -> f64 {
        let place = part * (self.sorted_ms.len() - 1) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        let step = self.sorted_ms[above] - self.sorted_ms[below];
        self.sorted_ms[below] + step * place.fract()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: &[u64]) -> Times {
        let times: Vec<_> = milliseconds.iter().map(|&ms| Duration::from_millis(ms)).collect();
        Times::new(&times)
    }

    #[test]
    fn quartiles_part_the_times_in_four() {
        let times = times(&[5, 1, 4, 2, 3]);
        let quartiles = [times.first_quartile(), times.median(), times.third_quartile()];
        assert_eq!(quartiles, [2.0, 3.0, 4.0]);
        assert_eq!((times.min(), times.runs()), (1.0, 5));
    }

    #[test]
    fn a_quantile_between_two_times_lies_between_them() {
        assert_eq!(times(&[1, 2]).median(), 1.5);
        assert_eq!(times(&[7]).third_quartile(), 7.0);
    }
}
