//! SQL over inputs, made exact before polars runs it: what cannot be proved exact is refused, with the place and what
//! to write instead. Must not read stores.
