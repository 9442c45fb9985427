//! Founding, inviting, joining and keeping, in process.
