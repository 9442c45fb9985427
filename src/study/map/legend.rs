//! What stands beside the map: title, scale, what shades, sizes, lines and crosses mean.

use super::svg::{Canvas, Point};
use super::{HEIGHT, LEFT, Map, SHADES, TOP, UNKNOWN_SHADE, View, float};

/// Where the legend begins, and the height of its lines.
const X: f64 = 880.0;
const LINE: f64 = 26.0;

/// Draws everything beside the field of the map.
pub(super) fn draw(map: &Map<'_>, canvas: &mut Canvas, view: &View, radius: &impl Fn(u64) -> f64, steps: &[f64; 5]) {
    canvas.text(Point { x: LEFT, y: 45.0 }, 24.0, map.title);
    let copies: usize = map.placement.map_or(0, |placement| placement.iter().map(Vec::len).sum());
    let lost = map.lost.iter().filter(|lost| **lost).count();
    let mut about = format!("{} sites 拠点", map.sites.len());
    if map.placement.is_some() {
        about += &format!(" · {copies} copies 複製");
    }
    if lost > 0 {
        about += &format!(" · {lost} lost 喪失");
    }
    canvas.text(Point { x: LEFT, y: 70.0 }, 15.0, &about);
    let mut y = TOP + 20.0;
    shades(map, canvas, steps, &mut y);
    sizes(map, canvas, radius, &mut y);
    lines(map, canvas, &mut y);
    notes(map, canvas, &mut y);
    scale(canvas, view);
}

fn heading(canvas: &mut Canvas, y: &mut f64, english: &str, japanese: &str) {
    canvas.text(Point { x: X, y: *y }, 15.0, english);
    canvas.text(Point { x: X, y: *y + 19.0 }, 14.0, japanese);
    *y += 19.0 + LINE;
}

fn shades(map: &Map<'_>, canvas: &mut Canvas, steps: &[f64; 5], y: &mut f64) {
    heading(canvas, y, "Probability of damage p", "被害確率");
    let known: Vec<f64> =
        map.sites.iter().zip(map.damage_is_known).filter(|(_, known)| **known).map(|(s, _)| s.damage).collect();
    let mut begin = known.iter().copied().fold(1.0, f64::min);
    let is_one_value = steps[0] >= steps[4];
    for (at, (end, shade)) in steps.iter().zip(SHADES).enumerate() {
        if known.is_empty() || (is_one_value && at > 0) {
            break;
        }
        let text = if is_one_value { format!("{end:.3}") } else { format!("{begin:.3} – {end:.3}") };
        entry(canvas, *y, shade, &text);
        *y += LINE;
        begin = *end;
    }
    if known.len() < map.sites.len() {
        entry(canvas, *y, UNKNOWN_SHADE, "unknown 不明");
        *y += LINE;
    }
    *y += 14.0;
}

fn entry(canvas: &mut Canvas, y: f64, shade: &str, text: &str) {
    canvas.circle(Point { x: X + 10.0, y: y - 5.0 }, 9.0, shade, 1.0, "");
    canvas.text(Point { x: X + 34.0, y }, 14.0, text);
}

fn sizes(map: &Map<'_>, canvas: &mut Canvas, radius: &impl Fn(u64) -> f64, y: &mut f64) {
    heading(canvas, y, "Patients (area)", "患者数（面積）");
    let largest = map.sites.iter().map(|site| site.patients).max().unwrap_or(0);
    let smallest = map.sites.iter().map(|site| site.patients).min().unwrap_or(0);
    let mut shown = vec![largest];
    if smallest < largest {
        shown.push(smallest);
    }
    for patients in shown {
        let size = radius(patients);
        *y += (size - LINE / 2.0).max(0.0);
        canvas.circle(Point { x: X + 20.0, y: *y - 5.0 }, size, UNKNOWN_SHADE, 1.0, "");
        canvas.text(Point { x: X + 52.0, y: *y }, 14.0, &patients.to_string());
        *y += (size + 8.0).max(LINE / 2.0) + LINE / 2.0;
    }
    *y += 14.0;
}

fn lines(map: &Map<'_>, canvas: &mut Canvas, y: &mut f64) {
    let has_lost = map.lost.iter().any(|lost| *lost);
    let stroke = "stroke=\"#333333\" stroke-width=\"1.3\"";
    if map.placement.is_some() {
        let head = if map.is_crowded() { "" } else { " marker-end=\"url(#head)\"" };
        let text = if map.is_crowded() { "home and copy 主と複製" } else { "home → copy 主 → 複製" };
        canvas.straight(Point { x: X, y: *y - 5.0 }, Point { x: X + 40.0, y: *y - 5.0 }, &format!("{stroke}{head}"));
        canvas.text(Point { x: X + 52.0, y: *y }, 14.0, text);
        *y += LINE;
        if has_lost {
            canvas.straight(
                Point { x: X, y: *y - 5.0 },
                Point { x: X + 40.0, y: *y - 5.0 },
                &format!("{stroke} stroke-dasharray=\"2 3\""),
            );
            canvas.text(Point { x: X + 52.0, y: *y }, 14.0, "both lost 両方喪失");
            *y += LINE;
        }
    }
    if has_lost {
        canvas.circle(Point { x: X + 20.0, y: *y - 5.0 }, 8.0, UNKNOWN_SHADE, 1.0, "");
        canvas.cross(Point { x: X + 20.0, y: *y - 5.0 }, 8.0);
        canvas.text(Point { x: X + 52.0, y: *y }, 14.0, "lost 喪失");
        *y += LINE;
    }
    *y += 14.0;
}

/// What the drawing does not show as it is.
fn notes(map: &Map<'_>, canvas: &mut Canvas, y: &mut f64) {
    let undrawn = map.sites.iter().filter(|site| site.place.is_none()).count();
    let mut places: Vec<(u64, u64)> =
        map.sites.iter().filter_map(|site| site.place).map(|place| (place.lat.to_bits(), place.lon.to_bits())).collect();
    let drawn = places.len();
    places.sort_unstable();
    places.dedup();
    let mut note = |text: &str| {
        canvas.text(Point { x: X, y: *y }, 12.0, text);
        *y += 17.0;
    };
    if places.len() < drawn {
        note("Sites of one place stand around it.");
        note("同じ地点の拠点はその周りに示す");
    }
    if undrawn > 0 {
        note(&format!("{undrawn} without coordinates: not drawn"));
        note(&format!("座標のない {undrawn} 拠点は示していない"));
    }
}

/// A bar of 1, 2 or 5 times a power of ten that is at most 200 units long.
fn scale(canvas: &mut Canvas, view: &View) {
    let (mut km, mut metres_power) = (0.01, 1_u32);
    'found: for power in 1..8 {
        for step in [1.0, 2.0, 5.0] {
            let longer = step * 0.001 * float(10_u64.pow(power));
            if longer * view.per_km > 200.0 {
                break 'found;
            }
            (km, metres_power) = (longer, power);
        }
    }
    let text = if metres_power < 3 { format!("{:.0} m", km * 1000.0) } else { format!("{km:.0} km") };
    let (y, length) = (HEIGHT - 22.0, km * view.per_km);
    canvas.straight(Point { x: X, y }, Point { x: X + length, y }, "stroke=\"#000000\" stroke-width=\"2\"");
    for end in [X, X + length] {
        canvas.straight(Point { x: end, y: y - 6.0 }, Point { x: end, y: y + 6.0 }, "stroke=\"#000000\" stroke-width=\"2\"");
    }
    canvas.text(Point { x: X, y: y - 12.0 }, 14.0, &text);
    canvas.text(Point { x: X + 235.0, y: y - 30.0 }, 16.0, "N 北");
    let tip = Point { x: X + 250.0, y: y - 20.0 };
    canvas.straight(Point { x: tip.x, y: y + 6.0 }, tip, "stroke=\"#333333\" stroke-width=\"2\" marker-end=\"url(#head)\"");
}
