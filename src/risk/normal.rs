//! The normal distribution, also far out in its tails.

/// Probability that a standard normal value is at most `z`. Through erfc, so that small probabilities keep their digits down to 1e-300.
pub(crate) fn cumulative(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::cumulative;

    /// Values from 50-digit arithmetic.
    #[test]
    fn tails_keep_their_digits() {
        for (z, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.96, 0.024_997_895_148_220_435),
            (-6.0, 9.865_876_450_376_98e-10),
            (-20.0, 2.753_624_118_606_233_7e-89),
            (-37.0, 5.725_571_222_524_577e-300),
        ] {
            let relative: f64 = (cumulative(z) - p) / p;
            assert!(relative.abs() < 1e-13, "{z}: {}", cumulative(z));
        }
        assert!((1.0 - cumulative(9.0)).abs() < 1e-15);
    }
}
