//! What is computed row by row: straight loops over `i128` coefficients, texts and dates, inside polars' engine.
//!
//! A kernel gives the exact value or a [`Fault`]; it never rounds unasked and never turns a fault into NULL.

mod column;
mod days;
pub(super) mod number;
mod text;

pub(super) use column::{Argument, run};
pub use number::{Fault, Mode};
pub(super) use number::{LIMIT, ten};

use super::plan::Op;

/// A call on literals, worked out; `None` for kernels that are not arithmetic. Conditions give 0 or 1.
pub(super) fn fold(op: &Op, args: &[i128]) -> Option<Result<i128, Fault>> {
    match *args {
        [a] => Some(number_1(op)?(a)),
        [a, b] => Some(number_2(op)?(a, b)),
        _ => None,
    }
}

type One = Box<dyn Fn(i128) -> Result<i128, Fault>>;
type Two = Box<dyn Fn(i128, i128) -> Result<i128, Fault>>;

fn number_1(op: &Op) -> Option<One> {
    Some(match *op {
        Op::Negate => Box::new(|a| Ok(-a)),
        Op::Absolute => Box::new(|a| Ok(a.abs())),
        Op::Rescale(up) => Box::new(move |a| number::rescale(a, up)),
        Op::Round(down, mode) => Box::new(move |a| number::round(a, down, mode)),
        Op::Precision(digits) => Box::new(move |a| precision(a, digits)),
        Op::ToInteger => Box::new(|a| i64::try_from(a).map(i128::from).map_err(|_| Fault::Overflow)),
        _ => return None,
    })
}

fn number_2(op: &Op) -> Option<Two> {
    Some(match *op {
        Op::Add(up_a, up_b) => Box::new(move |a, b| number::add(a, up_a, b, up_b)),
        Op::Subtract(up_a, up_b) => Box::new(move |a, b| number::add(a, up_a, -b, up_b)),
        Op::Multiply => Box::new(number::multiply),
        Op::Divide(shift, mode) => Box::new(move |a, b| number::divide(a, b, shift, mode)),
        Op::Truncate(up_a, up_b) => Box::new(move |a, b| number::truncate(a, up_a, b, up_b)),
        Op::Greatest => Box::new(|a, b| Ok(a.max(b))),
        Op::Least => Box::new(|a, b| Ok(a.min(b))),
        Op::Compare(comparison, up_a, up_b) => {
            Box::new(move |a, b| Ok(i128::from(comparison.holds(number::compare(a, up_a, b, up_b)))))
        }
        _ => return None,
    })
}

/// A value of at most so many digits.
#[inline]
fn precision(a: i128, digits: u32) -> Result<i128, Fault> {
    let fits = digits >= 38 || a.unsigned_abs() < ten(digits).unsigned_abs();
    if fits { number::fit(a) } else { Err(Fault::Precision(digits)) }
}
