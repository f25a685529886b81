// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A chart of the jobs: a bar for each contender's median on a logarithmic scale, and a line from
//! the first to the third quartile.

use std::fmt::Write as _;

use crate::compare::Results;
use crate::contender::Contender;
use crate::rounds::Measured;
use crate::statistics::Sample;
use crate::table::number;

/// Sizes in pixels.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 50.0;
const BAR: f64 = 12.0;
const GAP: f64 = 14.0;

/// Draws the chart as SVG.
pub(crate) fn draw(results: &Results) -> String {
    let nr_bars: usize = results.measured.iter().map(|measured| measured.series.len()).sum();
    let bottom = TOP + nr_bars as f64 * BAR + results.measured.len() as f64 * GAP;
    let height = bottom + 30.0;
    let scale = Scale::of(&results.measured);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">Process start to exit, milliseconds, \
         logarithmic: median, first to third quartile</text>\n"
    );
    legend(&mut svg);
    for power in scale.low..=scale.high {
        let x = scale.x(10f64.powi(power));
        let label = 10f64.powi(power);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ccc\"/>"
        );
        let y = bottom + 15.0;
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>");
    }
    let mut y = TOP + GAP / 2.0;
    for measured in &results.measured {
        group(&mut svg, &scale, measured, &mut y);
    }
    svg + "</svg>\n"
}

/// Whole powers of ten around all times.
struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    fn of(measured: &[Measured]) -> Self {
        let times =
            || measured.iter().flat_map(|measured| &measured.series).map(|(_, times)| times);
        let least = times().map(Sample::first_quartile).fold(f64::INFINITY, f64::min);
        let most = times().map(Sample::third_quartile).fold(f64::MIN_POSITIVE, f64::max);
        let low = least.min(most).log10().floor() as i32;
        Self { low, high: (most.log10().ceil() as i32).max(low + 1) }
    }

    fn x(&self, milliseconds: f64) -> f64 {
        let part = (milliseconds.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }
}

const fn colour(contender: Contender) -> &'static str {
    match contender {
        Contender::Floor => "#8c8c8c",
        Contender::Host => "#c9c9c9",
        Contender::Run => "#7fb3e6",
        Contender::Seedvmm => "#1f6fbf",
        Contender::QemuKvm => "#e07b39",
        Contender::QemuTcg => "#f2bd94",
    }
}

fn legend(svg: &mut String) {
    use Contender::{Floor, Host, QemuKvm, QemuTcg, Run, Seedvmm};
    for (place, contender) in [Floor, Host, Run, Seedvmm, QemuKvm, QemuTcg].into_iter().enumerate()
    {
        let x = 10.0 + place as f64 * 100.0;
        let (fill, name) = (colour(contender), contender.name());
        let _ =
            writeln!(svg, "<rect x=\"{x}\" y=\"29\" width=\"10\" height=\"10\" fill=\"{fill}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"38\">{name}</text>", x + 14.0);
    }
}

/// The bars of a scenario from `y` on, which becomes the next one's.
fn group(svg: &mut String, scale: &Scale, measured: &Measured, y: &mut f64) {
    let middle = *y + measured.series.len() as f64 * BAR / 2.0 + 4.0;
    let (end, title) = (LEFT - 8.0, measured.scenario.job_title());
    let _ = writeln!(svg, "<text x=\"{end}\" y=\"{middle}\" text-anchor=\"end\">{title}</text>");
    for (contender, times) in &measured.series {
        let [first, median, third] =
            [times.first_quartile(), times.median(), times.third_quartile()].map(|t| scale.x(t));
        let (fill, thick, width) = (colour(*contender), BAR - 2.0, median - LEFT);
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{thick}\" fill=\"{fill}\"/>"
        );
        let line = *y + thick / 2.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{first:.1}\" y1=\"{line}\" x2=\"{third:.1}\" y2=\"{line}\" stroke=\"black\"/>"
        );
        let (x, base, value) = (third.max(median) + 5.0, *y + thick - 1.0, number(times.median()));
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{base}\" font-size=\"9\">{value}</text>");
        *y += BAR;
    }
    *y += GAP;
}
