//! A path as a whole: how one side's records come to be. Read from a store, computed by it, computed by exact SQL over
//! inputs, or asked of a program or a calculation API. Yields canonical records through the same trait as a store
//! ([`crate::stores::Source`]); must not compare or decide.

pub mod ask;
pub mod exact;
mod frame;
mod shape;

pub use frame::{FrameBuilder, Gathered};
pub use shape::{Shape, ShapedSource};
