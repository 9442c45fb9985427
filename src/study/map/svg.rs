//! SVG text: shapes with a tenth of a unit, text escaped, nothing that depends on the machine.

use std::fmt::Write;

/// A point of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Point {
    /// The point that lies this far before here, coming from elsewhere.
    pub(super) fn short_of(self, from: Self, distance: f64) -> Self {
        let (dx, dy) = (from.x - self.x, from.y - self.y);
        let length = libm::hypot(dx, dy);
        let share = if length > distance { distance / length } else { 0.0 };
        Self { x: self.x + dx * share, y: self.y + dy * share }
    }
}

/// A drawing in the making.
pub(super) struct Canvas {
    text: String,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let title = escape(title);
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" font-family=\"'Noto Sans CJK JP', 'Noto Sans JP', sans-serif\">\n<title>{title}</title>\n\
             <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\">\
             <path d=\"M0 0.8 8 4 0 7.2z\" fill=\"#333333\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        Self { text }
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    fn line(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = self.text.write_fmt(arguments);
        self.text.push('\n');
    }

    pub(super) fn open(&mut self, element: &str) {
        self.line(format_args!("{element}"));
    }

    pub(super) fn close(&mut self, element: &str) {
        self.line(format_args!("{element}"));
    }

    /// A line that bends a little to its right, so that two copies between the same two sites are two lines; straight where many are drawn.
    pub(super) fn arrow(&mut self, from: Point, to: Point, has_head: bool, style: &str, is_straight: bool) {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let head = if has_head { " marker-end=\"url(#head)\"" } else { "" };
        if is_straight {
            return self.line(format_args!(
                "<path d=\"M{} {}L{} {}\"{style}{head}/>",
                tenth(from.x),
                tenth(from.y),
                tenth(to.x),
                tenth(to.y)
            ));
        }
        let bend = Point { x: from.x + dx / 2.0 - dy * 0.1, y: from.y + dy / 2.0 + dx * 0.1 };
        let (from, bend, to) = (pair(from), pair(bend), pair(to));
        self.line(format_args!("<path d=\"M{from}Q{bend} {to}\"{style}{head}/>"));
    }

    pub(super) fn circle(&mut self, at: Point, radius: f64, fill: &str, outline: f64, tip: &str) {
        let (x, y, r) = (tenth(at.x), tenth(at.y), tenth(radius));
        let tip = if tip.is_empty() { String::new() } else { format!("<title>{tip}</title>") };
        self.line(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" fill=\"{fill}\" stroke=\"#000000\" stroke-width=\"{outline}\">{tip}</circle>"));
    }

    /// A cross in black on white, so that it is seen on every shade.
    pub(super) fn cross(&mut self, at: Point, size: f64) {
        let (west, east, north, south) = (tenth(at.x - size), tenth(at.x + size), tenth(at.y - size), tenth(at.y + size));
        let path = format!("M{west} {north}L{east} {south}M{east} {north}L{west} {south}");
        let width = (size / 3.0).clamp(1.2, 3.0);
        let (outer, inner) = (tenth(width * 2.2), tenth(width));
        self.line(format_args!("<path d=\"{path}\" stroke=\"#ffffff\" stroke-width=\"{outer}\"/><path d=\"{path}\" stroke=\"#000000\" stroke-width=\"{inner}\"/>"));
    }

    /// A small text with a white edge, so that it is read on lines.
    pub(super) fn label(&mut self, at: Point, text: &str) {
        let (x, y, text) = (tenth(at.x), tenth(at.y), escape(text));
        self.line(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"13\" stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\" stroke-linejoin=\"round\">{text}</text>"
        ));
    }

    pub(super) fn text(&mut self, at: Point, size: f64, text: &str) {
        let (x, y, text) = (tenth(at.x), tenth(at.y), escape(text));
        self.line(format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{text}</text>"));
    }

    pub(super) fn straight(&mut self, from: Point, to: Point, style: &str) {
        let (x1, y1, x2, y2) = (tenth(from.x), tenth(from.y), tenth(to.x), tenth(to.y));
        self.line(format_args!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {style}/>"));
    }
}

fn pair(at: Point) -> String {
    format!("{} {}", tenth(at.x), tenth(at.y))
}

/// A number with one decimal; never a negative zero.
fn tenth(number: f64) -> String {
    let text = format!("{number:.1}");
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

/// Text that is safe between and in tags.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
