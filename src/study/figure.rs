//! Figure 1 of the paper: how availability is distributed under two placements. SVG, the same on any machine.

use crate::availability::distribution::Distribution;
use std::fmt::Write;

/// A placement's bars.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    /// What it is called, in English and Japanese.
    pub name: &'a str,
    /// Its distribution.
    pub distribution: &'a Distribution,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 80.0;

/// Blue and orange of the Okabe–Ito palette: told apart by people of every colour vision; the second is hatched besides.
const COLOURS: [&str; 2] = ["#0072b2", "#e69f00"];

/// The means' lines: dark enough to be seen on the bars.
const MEANS: [&str; 2] = ["#00395c", "#7a4f00"];

/// The lowest availability that has a place on the axis.
const LOWEST: f64 = 0.45;

/// The figure as SVG. `note` stands under the title: where p comes from.
#[must_use]
pub fn figure_1(series: &[Series<'_>; 2], note: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"'Noto Sans JP', 'Noto Sans CJK JP', 'Hiragino Sans', Meiryo, sans-serif\">\n\
         <title>Distribution of availability 可用性の分布</title>\n\
         <defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect width=\"6\" height=\"6\" fill=\"{}\"/><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"#ffffff\" stroke-width=\"2\"/>\
         </pattern></defs>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n",
        COLOURS[1]
    );
    text(&mut svg, LEFT, 28.0, 18, "start", "Figure 1: availability with 12 of 24 sites lost; dashed: the mean");
    text(&mut svg, LEFT, 50.0, 15, "start", "図1 24拠点中12拠点が被災したときの可用性の分布（破線は平均）");
    text(&mut svg, LEFT, 70.0, 13, "start", note);
    let highest = series.iter().flat_map(|s| s.distribution.atoms()).map(|atom| atom.probability).fold(0.0, f64::max);
    let steps: u32 = (1..=20).find(|steps| f64::from(*steps) * 0.05 >= highest).unwrap_or(20);
    let top = f64::from(steps) * 0.05;
    axes(&mut svg, steps, top);
    for (which, one) in series.iter().enumerate() {
        bars(&mut svg, which, one, top);
    }
    for (which, one) in series.iter().enumerate() {
        legend(&mut svg, which, one);
    }
    svg.push_str("</svg>\n");
    svg
}

fn x(availability: f64) -> f64 {
    LEFT + (availability - LOWEST) / (1.0 + 0.03 - LOWEST) * (WIDTH - LEFT - RIGHT)
}

fn y(probability: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - probability / top * (HEIGHT - TOP - BOTTOM)
}

fn axes(svg: &mut String, steps: u32, top: f64) {
    for step in 0..=steps {
        let (share, at) = (f64::from(step) * 0.05, y(f64::from(step) * 0.05, top));
        line(svg, [LEFT, at, WIDTH - RIGHT, at], if step == 0 { "#333333" } else { "#dddddd" });
        text(svg, LEFT - 8.0, at + 4.0, 13, "end", &format!("{:.0} %", 100.0 * share));
    }
    for twelfth in 6..=12 {
        let share = f64::from(twelfth) / 12.0;
        line(svg, [x(share), HEIGHT - BOTTOM, x(share), HEIGHT - BOTTOM + 6.0], "#333333");
        text(svg, x(share), HEIGHT - BOTTOM + 22.0, 13, "middle", &format!("{:.1} %", 100.0 * share));
    }
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    text(
        svg,
        middle,
        HEIGHT - 34.0,
        14,
        "middle",
        "Availability: patients whose record a surviving site holds　可用性（記録を読める患者の割合）",
    );
    let _ = writeln!(
        svg,
        "<text transform=\"translate(24 {:.1}) rotate(-90)\" font-size=\"14\" text-anchor=\"middle\" fill=\"#222222\">Probability 確率</text>",
        f64::midpoint(TOP, HEIGHT - BOTTOM)
    );
}

fn bars(svg: &mut String, which: usize, series: &Series<'_>, top: f64) {
    let wide = (x(1.0 / 24.0) - x(0.0)) * 0.4;
    let (shift, fill) = if which == 0 { (-wide, COLOURS[0]) } else { (0.0, "url(#hatch)") };
    for atom in series.distribution.atoms().iter().filter(|atom| atom.availability >= LOWEST) {
        let (at, high) = (x(atom.availability) + shift, y(atom.probability, top));
        let _ = writeln!(
            svg,
            "<rect x=\"{at:.2}\" y=\"{high:.2}\" width=\"{wide:.2}\" height=\"{:.2}\" fill=\"{fill}\"><title>{}: {:.4} → {:.6}</title></rect>",
            HEIGHT - BOTTOM - high,
            escape(series.name),
            atom.availability,
            atom.probability
        );
    }
    let mean = x(series.distribution.mean());
    let _ = writeln!(
        svg,
        "<line x1=\"{mean:.2}\" y1=\"{TOP}\" x2=\"{mean:.2}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"6 4\"/>",
        HEIGHT - BOTTOM,
        MEANS[which]
    );
}

fn legend(svg: &mut String, which: usize, series: &Series<'_>) {
    let (at, high) = (LEFT + 20.0, TOP + 14.0 + if which == 0 { 0.0 } else { 26.0 });
    let fill = if which == 0 { COLOURS[0] } else { "url(#hatch)" };
    let _ = writeln!(svg, "<rect x=\"{at}\" y=\"{high}\" width=\"16\" height=\"16\" fill=\"{fill}\"/>");
    text(svg, at + 24.0, high + 13.0, 14, "start", &format!("{}: E[A] = {:.4}", series.name, series.distribution.mean()));
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str) {
    let _ = writeln!(svg, "<line x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\" stroke=\"{colour}\"/>");
}

fn text(svg: &mut String, x: f64, y: f64, size: u32, anchor: &str, said: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"#222222\">{}</text>",
        escape(said)
    );
}

/// A text as it may stand in SVG and HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
