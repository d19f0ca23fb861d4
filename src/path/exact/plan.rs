//! The proved query: relations and expressions with every column numbered and every type known. Names are gone, so
//! nothing that runs it can resolve one differently. Must not know polars' plans or the parser's tree.

use std::sync::Arc;

use super::kernel::Mode;
use super::refusal::Place;
use super::types::Ty;

/// A column of some relation, unique in the whole query.
pub(super) type Id = usize;

/// Where an expression stands; two expressions are the same wherever they stand.
#[derive(Clone, Debug)]
pub(super) struct At(pub Arc<Place>);

impl PartialEq for At {
    fn eq(&self, _: &At) -> bool {
        true
    }
}

/// An expression and its type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Typed {
    pub node: Node,
    pub ty: Ty,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Column(Id),
    Literal(Literal),
    /// A kernel over rows. `fallible` when a value may have no result; such a call is not evaluated for rows that a
    /// CASE, COALESCE, AND or OR does not ask it for.
    Call {
        op: Op,
        args: Vec<Typed>,
        fallible: bool,
        at: At,
    },
    /// Conditions and results in order, then ELSE.
    Case {
        arms: Vec<(Typed, Typed)>,
        otherwise: Box<Typed>,
    },
    Coalesce(Vec<Typed>),
    /// Both sides have the same type.
    Compare(Comparison, Box<Typed>, Box<Typed>),
    And(Box<Typed>, Box<Typed>),
    Or(Box<Typed>, Box<Typed>),
    Not(Box<Typed>),
    IsNull(Box<Typed>),
    IsNotNull(Box<Typed>),
    Part(Part, Box<Typed>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    /// A coefficient; its scale is in the type.
    Number(i128),
    Text(String),
    Boolean(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Count of the type's unit since 1970-01-01T00:00Z.
    Instant(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Functions of polars that mean the same as SQL's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Month,
    Day,
    /// The date (UTC) of an instant.
    DateOf,
    Upper,
    Lower,
    /// Characters, not bytes.
    Length,
}

/// Kernels. Scales are worked out before; a number's argument is its coefficient.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Op {
    /// The sum of both, each first multiplied by 10^up.
    Add(u32, u32),
    /// The difference of both, each first multiplied by 10^up.
    Subtract(u32, u32),
    Multiply,
    Negate,
    Absolute,
    /// Multiplied by 10^up; from integer to decimal with 0.
    Rescale(u32),
    /// Checked to have at most so many digits.
    Precision(u32),
    /// A decimal of scale 0 as an integer.
    ToInteger,
    /// The scale cut by so many digits.
    Round(u32, Mode),
    /// Two numbers; shift of the dividend, rounding.
    Divide(i32, Mode),
    /// A number, its unit, and how much each is multiplied to meet.
    Truncate(u32, u32),
    Greatest,
    Least,
    /// By value over different scales.
    Compare(Comparison, u32, u32),
    /// The part of a number that counts 10^19.
    SumHigh,
    SumLow,
    /// A coefficient's upper 64 bits, and its lower ones with the sign bit flipped: two integers that are equal and
    /// ordered as the coefficients are.
    KeyHigh,
    KeyLow,
    /// The coefficient of both halves.
    KeyJoin,
    /// `high × 10^19 + low`.
    SumJoin,
    /// Numbers to text, with all digits of the scale.
    NumberToText(u32),
    /// Text to a number of this precision and scale.
    TextToNumber(u32, u32),
    Concat,
    Trim(Side),
    /// Text, start from 1, and length in characters.
    Substring,
    /// Text against a pattern of `%` and `_`.
    Like(String),
    AddDays,
    /// The first or last day of a date's month.
    MonthEdge {
        last: bool,
    },
    DaysBetween,
    /// Date and number; closed days are in this column of this table.
    AddBusinessDays(usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Left,
    Right,
}

/// A relation: what it yields is known to its maker by id.
#[derive(Clone, Debug)]
pub(super) enum Rel {
    /// Columns of a table by position.
    Scan {
        table: usize,
        columns: Vec<(usize, Id)>,
    },
    /// One row without columns.
    One,
    /// Exactly these columns.
    Project {
        input: Arc<Rel>,
        columns: Vec<(Id, Typed)>,
    },
    Filter {
        input: Arc<Rel>,
        condition: Typed,
    },
    /// Keys are pairs of the same type; equal by value, NULL never equal.
    Join {
        left: Arc<Rel>,
        right: Arc<Rel>,
        kind: JoinKind,
        keys: Vec<(Typed, Typed)>,
    },
    /// All keys and aggregates, and nothing else. Without keys: one row.
    Aggregate {
        input: Arc<Rel>,
        keys: Vec<(Id, Typed)>,
        aggregates: Vec<(Id, Aggregate)>,
    },
    /// By position.
    Union {
        inputs: Vec<(Arc<Rel>, Vec<Id>)>,
        columns: Vec<Id>,
    },
    Distinct {
        input: Arc<Rel>,
        columns: Vec<(Id, Ty)>,
    },
    Sort {
        input: Arc<Rel>,
        by: Vec<SortKey>,
    },
    Limit {
        input: Arc<Rel>,
        offset: u64,
        rows: Option<u64>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct SortKey {
    pub value: Typed,
    pub descending: bool,
    pub nulls_last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinKind {
    Inner,
    Left,
    Cross,
    Semi,
    Anti,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aggregate {
    pub kind: AggregateKind,
    /// `None` for COUNT(*).
    pub argument: Option<Typed>,
    pub ty: Ty,
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AggregateKind {
    /// In two halves unless `direct`: then the digits prove that no sum of 2^63 rows can overflow.
    Sum {
        direct: bool,
    },
    Min,
    Max,
    Count,
    CountDistinct,
}

impl Typed {
    pub(super) fn column(id: Id, ty: Ty) -> Typed {
        Typed { node: Node::Column(id), ty }
    }

    pub(super) fn null(ty: Ty) -> Typed {
        Typed { node: Node::Literal(Literal::Null), ty }
    }

    pub(super) fn boolean(value: bool) -> Typed {
        Typed { node: Node::Literal(Literal::Boolean(value)), ty: Ty::Boolean }
    }

    pub(super) fn literal(&self) -> Option<&Literal> {
        match &self.node {
            Node::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    pub(super) fn truth(node: Node) -> Typed {
        Typed { node, ty: Ty::Boolean }
    }

    /// The expressions directly below.
    pub(super) fn children(&self) -> Vec<&Typed> {
        match &self.node {
            Node::Column(_) | Node::Literal(_) => Vec::new(),
            Node::Call { args, .. } => args.iter().collect(),
            Node::Case { arms, otherwise } => {
                arms.iter().flat_map(|(c, r)| [c, r]).chain([otherwise.as_ref()]).collect()
            }
            Node::Coalesce(args) => args.iter().collect(),
            Node::Compare(_, a, b) | Node::And(a, b) | Node::Or(a, b) => vec![a, b],
            Node::Not(a) | Node::IsNull(a) | Node::IsNotNull(a) | Node::Part(_, a) => vec![a],
        }
    }

    /// Whether some row may have no value for it.
    pub(super) fn fallible(&self) -> bool {
        matches!(&self.node, Node::Call { fallible: true, .. }) || self.children().into_iter().any(Typed::fallible)
    }

    /// Adds the ids of every column it reads.
    pub(super) fn reads(&self, into: &mut std::collections::BTreeSet<Id>) {
        if let Node::Column(id) = &self.node {
            into.insert(*id);
        }
        for child in self.children() {
            child.reads(into);
        }
    }
}
