// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What many values of one thing say: order statistics, since a machine that does other work adds to
//! some times and takes away from none.

use std::time::Duration;

use serde_json::{Value, json};

/// Values of one thing: times in milliseconds, or ratios of them.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// In ascending order, at least one.
    sorted: Vec<f64>,
}

impl Sample {
    /// # Panics
    /// There is none.
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a sample has at least one value");
        values.sort_by(f64::total_cmp);
        Self { sorted: values }
    }

    /// In milliseconds.
    ///
    /// # Panics
    /// There is none.
    pub(crate) fn of_times(times: &[Duration]) -> Self {
        Self::new(times.iter().map(|time| time.as_secs_f64() * 1e3).collect())
    }

    /// Times in milliseconds.
    pub(crate) fn times_to_json(&self) -> Value {
        self.to_json("_ms")
    }

    /// Numbers without a unit.
    pub(crate) fn ratios_to_json(&self) -> Value {
        self.to_json("")
    }

    fn to_json(&self, unit: &str) -> Value {
        let rounded = |value: f64| (value * 1e3).round() / 1e3;
        let mut json = json!({ "runs": self.runs() });
        for (name, part) in [
            ("min", 0.0),
            ("first_quartile", 0.25),
            ("median", 0.5),
            ("third_quartile", 0.75),
            ("max", 1.0),
        ] {
            json[format!("{name}{unit}")] = rounded(self.quantile(part)).into();
        }
        json
    }

    pub(crate) fn runs(&self) -> usize {
        self.sorted.len()
    }

    pub(crate) fn min(&self) -> f64 {
        self.quantile(0.0)
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

    /// The value below which `part` of all lie, in a straight line between the two next to it.
    fn quantile(&self, part: f64) -> f64 {
        let place = part * (self.sorted.len() - 1) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        let step = self.sorted[above] - self.sorted[below];
        self.sorted[below] + step * place.fract()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_part_the_values_in_four() {
        let sample = Sample::new(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        let quartiles = [sample.first_quartile(), sample.median(), sample.third_quartile()];
        assert_eq!(quartiles, [2.0, 3.0, 4.0]);
        assert_eq!((sample.min(), sample.runs()), (1.0, 5));
    }

    #[test]
    fn a_quantile_between_two_values_lies_between_them() {
        assert_eq!(Sample::new(vec![1.0, 2.0]).median(), 1.5);
        assert_eq!(Sample::new(vec![7.0]).third_quartile(), 7.0);
    }

    #[test]
    fn times_are_milliseconds() {
        let json = Sample::of_times(&[Duration::from_micros(1500)]).times_to_json();
        assert_eq!((&json["runs"], &json["median_ms"]), (&1.into(), &1.5.into()));
    }
}
