//! stub
use super::*;
/// The example `royalty`.
pub struct Royalty;
