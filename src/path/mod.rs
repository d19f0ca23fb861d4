//! A path as a whole: how one side's records come to be. Read from a store, computed by it, computed by exact SQL over
//! inputs, or asked of a program or a calculation API. Yields canonical records through the same trait as a store
//! ([`crate::stores::Source`]); must not compare or decide.

pub mod ask;
mod asked;
mod build;
mod chain;
mod computed;
pub mod exact;
mod frame;
mod gather;
mod identifiers;
mod input;
mod lake;
mod located;
mod partitioned;
mod shape;
mod texts;

pub use asked::Asking;
pub use build::{Context, Path, build};
pub use chain::ChainSource;
pub(crate) use computed::cell as frame_cell;
pub(crate) use frame::ColumnBuilder;
pub use frame::{FrameBuilder, Gathered, RecordsHash};
pub use gather::{Picked, documents, picked, records_of};
pub(crate) use identifiers::Identifiers;
pub use input::{ReadyInput, ready};
pub(crate) use located::located;
pub use partitioned::PartitionedSource;
pub use shape::{Shape, ShapedSource};
pub use texts::texts;
