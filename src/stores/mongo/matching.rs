//! `--where`, key ranges and key lists as MongoDB conditions.
//!
//! A condition keeps SQL's three truth values: a comparison with a missing field or null is neither true nor
//! false, and `NOT` does not make it true. A range is told by BSON's whole order of types, so that ranges that
//! cover all keys cover all records, of whatever type their keys are. Numbers are compared with numbers, texts
//! with texts; a literal in quotes also stands for a date, a UUID, an ObjectId or a number.

use jiff::tz::TimeZone;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, doc, oid::ObjectId};

use crate::domain::{
    Amount, Filter, Literal, Operator, Value, is_plain_literal, parse_date, parse_instant, parse_uuid, resolve_local,
};
use crate::stores::{KeyRange, StoreError};

use super::literal::{date, double_twin, instant, number, typed, uuid};

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

/// Refuses names that would be read as operators.
///
/// # Errors
/// `Usage`, naming the name.
pub(super) fn check_name(name: &str) -> Result<(), StoreError> {
    let wrong = name.contains('\0') || name.split('.').any(|part| part.is_empty() || part.starts_with('$'));
    if wrong {
        return Err(StoreError::usage(format!("`{name}` cannot be used as the name of a field in MongoDB")));
    }
    Ok(())
}

fn all(parts: Vec<Document>) -> Document {
    doc! { "$and": parts }
}

fn any(parts: Vec<Document>) -> Document {
    doc! { "$or": parts }
}

fn never() -> Document {
    doc! { "$expr": false }
}

/// The records for which a condition is true.
///
/// # Errors
/// `Usage` when a name or a literal has no form in MongoDB.
pub(super) fn condition(filter: &Filter, zone: &TimeZone) -> Result<Document, StoreError> {
    Condition { zone }.known(filter, true)
}

struct Condition<'a> {
    zone: &'a TimeZone,
}

impl Condition<'_> {
    /// The records for which the condition is `truth`; for the others it is the opposite or unknown.
    fn known(&self, filter: &Filter, truth: bool) -> Result<Document, StoreError> {
        let every = |parts: &[Filter]| parts.iter().map(|p| self.known(p, truth)).collect::<Result<Vec<_>, _>>();
        match filter {
            Filter::Not(inner) => self.known(inner, !truth),
            Filter::All(parts) if parts.is_empty() => Ok(if truth {
                doc! {}
            } else {
                never()
            }),
            Filter::Any(parts) if parts.is_empty() => Ok(if truth {
                never()
            } else {
                doc! {}
            }),
            Filter::All(parts) => every(parts).map(if truth { all } else { any }),
            Filter::Any(parts) => every(parts).map(if truth { any } else { all }),
            Filter::IsNull { column } => {
                check_name(column)?;
                // `null` alone would also find it among an array's items.
                Ok(if truth {
                    all(vec![doc! { column: null }, doc! { column: { "$not": { "$type": "array" } } }])
                } else {
                    any(vec![doc! { column: { "$ne": null } }, doc! { column: { "$type": "array" } }])
                })
            }
            Filter::In { column, literals } => self.among(column, literals, truth),
            Filter::Compare { column, operator: Operator::Equal, literal } => {
                self.among(column, std::slice::from_ref(literal), truth)
            }
            Filter::Compare { column, operator: Operator::NotEqual, literal } => {
                self.among(column, std::slice::from_ref(literal), !truth)
            }
            Filter::Compare { column, operator, literal } => self.ordered(column, *operator, literal, truth),
        }
    }

    fn among(&self, column: &str, literals: &[Literal], truth: bool) -> Result<Document, StoreError> {
        check_name(column)?;
        let mut list = Vec::new();
        for literal in literals {
            self.equal(literal, &mut list)?;
        }
        Ok(if truth {
            doc! { column: { "$in": list, "$not": { "$type": "array" } } }
        } else {
            list.push(Bson::Null);
            any(vec![doc! { column: { "$nin": list } }, doc! { column: { "$type": "array" } }])
        })
    }

    /// Every BSON value that a literal equals.
    fn equal(&self, literal: &Literal, list: &mut Vec<Bson>) -> Result<(), StoreError> {
        match literal {
            Literal::Number(amount) => {
                list.push(needed(amount)?);
                list.extend(double_twin(amount).map(Bson::Double));
                if amount.is_zero() {
                    list.push(Bson::Boolean(false));
                } else if amount.same_value(&Amount::new(1, 0)) {
                    list.push(Bson::Boolean(true));
                }
            }
            Literal::Bool(b) => {
                list.extend([Bson::Boolean(*b), Bson::Int32(i32::from(*b)), Bson::String(b.to_string())]);
            }
            Literal::Text(text) | Literal::Moment(text) => {
                list.push(Bson::String(text.clone()));
                if is_plain_literal(text.as_bytes())
                    && let Ok(amount) = Amount::parse(text)
                {
                    list.extend(number(&amount));
                    list.extend(double_twin(&amount).map(Bson::Double));
                }
                if let Some((at, true)) = self.moment(text) {
                    list.push(at);
                }
                list.extend(ObjectId::parse_str(text).ok().map(Bson::ObjectId));
                list.extend(parse_uuid(text).map(uuid));
                list.extend(text.parse::<bool>().ok().map(Bson::Boolean));
            }
        }
        Ok(())
    }

    /// The BSON date that a text names, and whether it is exactly it or the next above.
    fn moment(&self, text: &str) -> Option<(Bson, bool)> {
        let midnight = || resolve_local(i128::from(parse_date(text)?) * NANOS_PER_DAY, self.zone);
        instant(parse_instant(text, self.zone).map(|i| i.nanos).or_else(midnight)?)
    }

    fn ordered(
        &self,
        column: &str,
        operator: Operator,
        literal: &Literal,
        truth: bool,
    ) -> Result<Document, StoreError> {
        check_name(column)?;
        let name = match (operator, truth) {
            (Operator::Less, true) | (Operator::GreaterOrEqual, false) => "$lt",
            (Operator::LessOrEqual, true) | (Operator::Greater, false) => "$lte",
            (Operator::Greater, true) | (Operator::LessOrEqual, false) => "$gt",
            _ => "$gte",
        };
        let found = match literal {
            // Truth values have no order.
            Literal::Bool(_) => return Ok(never()),
            Literal::Number(amount) => {
                let exact = doc! { column: { name: needed(amount)? } };
                match double_twin(amount) {
                    None => exact,
                    Some(double) => any(vec![
                        all(vec![exact, doc! { column: { "$not": { "$type": "double" } } }]),
                        doc! { column: { name: double, "$type": "double" } },
                    ]),
                }
            }
            Literal::Text(text) | Literal::Moment(text) => {
                let as_text = doc! { column: { name: text } };
                match self.moment(text) {
                    None => as_text,
                    Some((at, exact)) => {
                        // Of a moment between two milliseconds only the next one is at hand, and that is beyond it.
                        let name = match (exact, name) {
                            (false, "$lte") => "$lt",
                            (false, "$gt") => "$gte",
                            _ => name,
                        };
                        any(vec![as_text, doc! { column: { name: at } }])
                    }
                }
            }
        };
        Ok(all(vec![found, doc! { column: { "$not": { "$type": "array" } } }]))
    }
}

fn needed(amount: &Amount) -> Result<Bson, StoreError> {
    let what =
        || format!("{amount} has more than the 34 digits that MongoDB holds, so nothing can be compared with it");
    number(amount).ok_or_else(|| StoreError::usage(what()))
}

/// The records whose key lies in a range; `None` when that is all of them.
///
/// # Errors
/// When a bound has no form in MongoDB.
pub(super) fn range(key: &str, range: &KeyRange) -> Result<Option<Document>, StoreError> {
    check_name(key)?;
    let field = format!("${key}");
    let mut parts = Vec::new();
    for (operator, bound) in [("$gte", &range.from), ("$lt", &range.below)] {
        match bound {
            None => {}
            // Nothing sorts before NULL and absent.
            Some(value) if value.is_missing() && operator == "$lt" => return Ok(Some(never())),
            Some(value) if value.is_missing() => {}
            Some(value) => parts.push(bounded(&field, operator, value)?),
        }
    }
    Ok((!parts.is_empty()).then(|| doc! { "$expr": { "$and": parts } }))
}

/// An expression, because those compare values of all types in BSON's order; conditions of `find` only see
/// values of the bound's own type.
fn bounded(field: &str, operator: &str, value: &Value) -> Result<Bson, StoreError> {
    let compare = |bound: Bson| Bson::Document(doc! { operator: [field, { "$literal": bound }] });
    let cannot = |why: String| StoreError::usage(format!("the key {value} cannot bound a range in MongoDB: {why}"));
    match value {
        Value::Number { amount, .. } => {
            let exact = compare(number(amount).ok_or_else(|| cannot("it has more than 34 digits".into()))?);
            let Some(double) = double_twin(amount) else { return Ok(exact) };
            let is_double = doc! { "$eq": [{ "$type": field }, "double"] };
            Ok(Bson::Document(doc! { "$cond": [is_double, compare(Bson::Double(double)), exact] }))
        }
        // Between two milliseconds: no BSON date lies between it and the next.
        Value::Instant { nanos, .. } => match instant(*nanos) {
            Some((at, _)) => Ok(compare(at)),
            None => Err(cannot("it lies outside of what BSON dates hold".into())),
        },
        Value::Document(_) | Value::Array(_) | Value::Time { .. } => {
            Err(cannot(format!("it is of the kind {}", value.type_name())))
        }
        other => typed(other).map(compare).map_err(cannot),
    }
}

/// The records with one of these keys, and perhaps a few more (of equal keys in other types).
///
/// # Errors
/// When a key has no form in MongoDB.
pub(super) fn key_list(names: &[&str], keys: &[Vec<Value>]) -> Result<Document, StoreError> {
    for name in names {
        check_name(name)?;
    }
    if let [name] = names {
        let mut list = Vec::new();
        for value in keys.iter().filter_map(|key| key.first()) {
            list.extend(same_key(value)?);
        }
        return Ok(doc! { *name: { "$in": list } });
    }
    let mut alternatives = Vec::new();
    for key in keys {
        let mut wanted = Document::new();
        for (name, value) in names.iter().zip(key) {
            let same = same_key(value)?;
            wanted.insert(*name, if same.len() == 1 { same[0].clone() } else { doc! { "$in": same }.into() });
        }
        alternatives.push(wanted);
    }
    Ok(if alternatives.is_empty() { never() } else { any(alternatives) })
}

/// Every BSON value that is this key.
fn same_key(value: &Value) -> Result<Vec<Bson>, StoreError> {
    let binary = |subtype, bytes: &[u8]| Bson::Binary(Binary { subtype, bytes: bytes.to_vec() });
    Ok(match value {
        Value::Absent | Value::Null => vec![Bson::Null],
        // A number that MongoDB cannot hold is no key there.
        Value::Number { amount, .. } => {
            number(amount).into_iter().chain(double_twin(amount).map(Bson::Double)).collect()
        }
        Value::Uuid(bytes) => vec![
            uuid(*bytes),
            binary(BinarySubtype::UuidOld, bytes),
            binary(BinarySubtype::Generic, bytes),
            binary(BinarySubtype::BinaryOld, bytes),
        ],
        Value::Bytes(bytes) => {
            let subtypes = [
                BinarySubtype::Generic,
                BinarySubtype::BinaryOld,
                BinarySubtype::UuidOld,
                BinarySubtype::Uuid,
                BinarySubtype::Md5,
            ];
            subtypes.into_iter().map(|subtype| binary(subtype, bytes)).collect()
        }
        Value::Date(days) => vec![date(*days)],
        Value::Instant { nanos, .. } => {
            instant(*nanos).filter(|(_, exact)| *exact).map(|(at, _)| at).into_iter().collect()
        }
        Value::Bool(_) | Value::ObjectId(_) | Value::Text { .. } => {
            vec![typed(value).map_err(StoreError::failed)?]
        }
        Value::Time { .. } | Value::Document(_) | Value::Array(_) | Value::Unknown(_) => {
            let what = format!("a key of kind {} cannot be looked up in MongoDB: {value}", value.type_name());
            return Err(StoreError::failed(what));
        }
    })
}
