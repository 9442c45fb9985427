//! The founding paper's study, and a region's own: tables in, evaluations, plans, maps and reports out.

pub mod hazard;
pub mod map;
pub mod tables;
