//! How likely a building is damaged by how strong a shaking: fragility functions with where they come from, as configured.

use super::normal;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_10;

/// JMA intensity from peak ground velocity: I = 2.68 + 1.72 log10 PGV (cm/s).
const INTENSITY_AT_1_CM_S: f64 = 2.68;
const INTENSITY_PER_DECADE: f64 = 1.72;

/// The intensity that a peak ground velocity amounts to.
#[must_use]
pub fn intensity_of(pgv_cm_s: f64) -> f64 {
    INTENSITY_AT_1_CM_S + INTENSITY_PER_DECADE * libm::log10(pgv_cm_s)
}

/// The peak ground velocity, in cm/s, that an intensity amounts to.
#[must_use]
pub fn pgv_of(intensity: f64) -> f64 {
    libm::exp(LN_10 * (intensity - INTENSITY_AT_1_CM_S) / INTENSITY_PER_DECADE)
}

/// The five classes of equation 1, weakest first.
pub const CLASSES: [&str; 5] = ["≤4", "5-", "5+", "6-", "6+"];
/// Where damage is looked up in each class. The last has no upper end; 6.25 is the middle of its first half grade.
pub const MIDDLES: [f64; 5] = [4.25, 4.75, 5.25, 5.75, 6.25];

/// A fragility function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragility {
    /// What files and options call it.
    pub id: String,
    /// The curve.
    pub curve: Curve,
    /// The damage that it counts, such as "total and half collapse".
    pub damage: String,
    /// Where the numbers come from.
    pub provenance: String,
}

/// The shape of a fragility function. Both are cumulative normal; they differ in what they are given in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Curve {
    /// Normal in the natural logarithm of peak ground velocity in cm/s.
    LnPgv {
        /// Mean of the logarithm.
        lambda: f64,
        /// Its standard deviation; 0 is a step.
        zeta: f64,
    },
    /// Normal in JMA intensity.
    Intensity {
        /// Mean.
        mean: f64,
        /// Standard deviation; 0 is a step.
        sigma: f64,
    },
}

impl Curve {
    /// Mean and standard deviation in the natural logarithm of peak ground velocity in cm/s.
    #[must_use]
    pub fn ln_pgv(&self) -> (f64, f64) {
        match *self {
            Self::LnPgv { lambda, zeta } => (lambda, zeta),
            Self::Intensity { mean, sigma } => {
                let per_intensity = LN_10 / INTENSITY_PER_DECADE;
                ((mean - INTENSITY_AT_1_CM_S) * per_intensity, sigma * per_intensity)
            }
        }
    }

    /// Probability of damage at an intensity.
    #[must_use]
    pub fn at(&self, intensity: f64) -> f64 {
        let (mean, sigma) = match *self {
            Self::LnPgv { lambda, zeta } => (intensity_of(libm::exp(lambda)), zeta * INTENSITY_PER_DECADE / LN_10),
            Self::Intensity { mean, sigma } => (mean, sigma),
        };
        if sigma == 0.0 {
            return if intensity > mean { 1.0 } else { 0.0 };
        }
        normal::cumulative((intensity - mean) / sigma)
    }
}

/// Fragility functions, the one taken where none is named, and where in each class of intensity they are looked up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragilities {
    /// The function for sites that name none.
    pub default: String,
    /// Intensities that stand for the five classes, rising.
    #[serde(default = "middles")]
    pub middles: [f64; 5],
    /// The functions.
    pub functions: Vec<Fragility>,
}

fn middles() -> [f64; 5] {
    MIDDLES
}

/// What is wrong with configured fragility functions.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FragilityError {
    /// Not the JSON that is expected.
    #[error("{file}, line {line}, column {column}: {message}; compare it with docs/study/fragility.json")]
    Json {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in it, from 1.
        column: usize,
        /// What the reader says.
        message: String,
    },
    /// A function with a coefficient that makes no curve.
    #[error("{file}: function {id}: {what}; write a finite mean and a standard deviation of 0 or more")]
    Coefficient {
        /// The file's name.
        file: String,
        /// The function.
        id: String,
        /// What is wrong.
        what: String,
    },
    /// Two functions of one id, or no provenance.
    #[error("{file}: function {id}: {what}")]
    Function {
        /// The file's name.
        file: String,
        /// The function.
        id: String,
        /// What is wrong, and the cure.
        what: &'static str,
    },
    /// Middles that do not rise.
    #[error("{file}: middles {middles:?} do not rise; write five intensities, weakest first, such as {MIDDLES:?}")]
    Middles {
        /// The file's name.
        file: String,
        /// What is written.
        middles: [f64; 5],
    },
    /// A function that is not there.
    #[error("there is no fragility function “{id}”; use one of {known}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The ids that there are.
        known: String,
    },
}

impl Fragilities {
    /// The functions of Miyakoshi et al. 1997 for wooden buildings.
    ///
    /// Source: Miyakoshi, Hayashi, Tamura, Fukuwa (1997), vulnerability functions from the damage of the 1995 Hyogo-ken Nanbu earthquake;
    /// normal in ln PGV. These are not the curves of Midorikawa et al. 2011 that the founding paper used: those were never published as numbers.
    #[must_use]
    pub fn miyakoshi_1997() -> Self {
        const YEARS: [&str; 5] = ["before-1951", "1951-1960", "1961-1970", "1971-1980", "from-1981"];
        const HALF: [(f64, f64); 5] = [(3.26, 0.945), (3.77, 0.674), (3.72, 0.614), (4.08, 0.551), (4.56, 0.624)];
        const TOTAL: [(f64, f64); 5] = [(4.22, 0.558), (4.38, 0.445), (4.32, 0.467), (4.67, 0.462), (5.12, 0.552)];
        let function = |kind: &str, damage: &str, year: &str, (lambda, zeta): (f64, f64)| Fragility {
            id: format!("wood-{year}-{kind}"),
            curve: Curve::LnPgv { lambda, zeta },
            damage: damage.to_owned(),
            provenance: format!(
                "Miyakoshi et al. 1997, wooden buildings, built {}",
                year.replace("before-", "before ").replace("from-", "from ")
            ),
        };
        let half = YEARS.iter().zip(HALF).map(|(year, c)| function("half", "total and half collapse", year, c));
        let total = YEARS.iter().zip(TOTAL).map(|(year, c)| function("total", "total collapse", year, c));
        Self { default: "wood-from-1981-half".to_owned(), middles: MIDDLES, functions: half.chain(total).collect() }
    }

    /// Reads configured functions from JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str, file: &str) -> Result<Self, FragilityError> {
        let read: Self = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            FragilityError::Json { file: file.to_owned(), line, column, message }
        })?;
        read.check(file)?;
        read.find(None).map(|_| ())?;
        Ok(read)
    }

    fn check(&self, file: &str) -> Result<(), FragilityError> {
        let file = file.to_owned();
        if self.middles.windows(2).any(|pair| pair[0].partial_cmp(&pair[1]) != Some(std::cmp::Ordering::Less)) {
            return Err(FragilityError::Middles { file, middles: self.middles });
        }
        for (at, function) in self.functions.iter().enumerate() {
            let id = function.id.clone();
            let (mean, sigma) = function.curve.ln_pgv();
            if !(mean.is_finite() && sigma.is_finite() && sigma >= 0.0) {
                return Err(FragilityError::Coefficient { file, id, what: format!("{:?} makes no curve", function.curve) });
            }
            if function.provenance.trim().is_empty() {
                return Err(FragilityError::Function { file, id, what: "says not where it comes from; write its provenance" });
            }
            if self.functions[..at].iter().any(|other| other.id == function.id) {
                return Err(FragilityError::Function { file, id, what: "is there twice; give each an id of its own" });
            }
        }
        Ok(())
    }

    /// A function by its id, or the default one.
    ///
    /// # Errors
    /// Where there is none of that id.
    pub fn find(&self, id: Option<&str>) -> Result<&Fragility, FragilityError> {
        let id = id.unwrap_or(&self.default);
        self.functions.iter().find(|function| function.id == id).ok_or_else(|| FragilityError::Unknown {
            id: id.to_owned(),
            known: self.functions.iter().map(|function| function.id.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_curve_are_one_family() {
        let ln = Curve::LnPgv { lambda: 4.56, zeta: 0.624 };
        let per = INTENSITY_PER_DECADE / LN_10;
        let same = Curve::Intensity { mean: intensity_of(libm::exp(4.56)), sigma: 0.624 * per };
        for intensity in [3.0, 4.25, 5.5, 6.25, 7.0] {
            assert!((ln.at(intensity) - same.at(intensity)).abs() < 1e-14);
            assert!((intensity_of(pgv_of(intensity)) - intensity).abs() < 1e-12);
        }
        let (lambda, zeta) = same.ln_pgv();
        assert!((lambda - 4.56).abs() < 1e-12 && (zeta - 0.624).abs() < 1e-12);
    }

    /// PGV 100 cm/s is intensity 6.12; z = (ln 100 - 4.56) / 0.624 = 0.072388…, whose cumulative normal is 0.52885….
    #[test]
    fn a_value_worked_out_by_hand() {
        let p = Fragilities::miyakoshi_1997().find(Some("wood-from-1981-half")).unwrap().curve.at(intensity_of(100.0));
        assert!((p - 0.528_85).abs() < 5e-5, "{p}");
        assert!((intensity_of(100.0) - 6.12).abs() < 1e-12);
    }

    #[test]
    fn what_is_configured_wrongly_is_named() {
        let right = serde_json::to_string(&Fragilities::miyakoshi_1997()).unwrap();
        assert_eq!(Fragilities::read(&right, "f.json"), Ok(Fragilities::miyakoshi_1997()));
        for (from, to, said) in [
            ("\"default\"", "\"defualt\"", "f.json, line 1, column"),
            ("[4.25,4.75", "[4.75,4.25", "do not rise"),
            ("\"zeta\":0.945", "\"zeta\":-1", "standard deviation"),
            ("\"default\":\"wood", "\"default\":\"brick", "use one of wood-before-1951-half"),
            ("Miyakoshi et al. 1997, wooden buildings, built 1951-1960", " ", "write its provenance"),
            ("wood-1951-1960-half", "wood-before-1951-half", "twice"),
        ] {
            let wrong = Fragilities::read(&right.replacen(from, to, 1), "f.json").unwrap_err().to_string();
            assert!(wrong.contains(said), "{wrong}");
        }
    }
}
