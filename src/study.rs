//! The founding paper's study, and a region's own: tables in, evaluations, plans, maps and reports out.

pub mod figure;
pub mod hazard;
pub mod map;
pub mod paper;
pub mod report;
pub mod tables;
