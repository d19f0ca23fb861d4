//! The shape of a Parquet file: its columns as a tree, with what Arrow types alone do not say. Must not read
//! values.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, TimeUnit};
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::super::ColumnKind;

/// A column, or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A value, the leaf's number in the file, and its Arrow type.
    Leaf(Leaf, usize, DataType),
    /// Named parts.
    Struct(Vec<(String, Shape)>),
    /// Values in order.
    List(Box<Shape>),
    /// Keys and values.
    Map(Box<Shape>, Box<Shape>),
}

/// What a leaf's Arrow type does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// Nothing more.
    Plain,
    /// 16 bytes that are a UUID.
    Uuid,
    /// Text that is JSON.
    Json,
    /// Bytes that are BSON.
    Bson,
    /// Bytes that are text.
    Enum,
    /// A timestamp of the old 96-bit type.
    Int96,
}

impl Leaf {
    fn of(column: &ColumnDescriptor) -> Leaf {
        if column.physical_type() == PhysicalType::INT96 {
            return Leaf::Int96;
        }
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Uuid), _) if column.type_length() == 16 => Leaf::Uuid,
            (Some(LogicalType::Json), _) | (None, ConvertedType::JSON) => Leaf::Json,
            (Some(LogicalType::Bson), _) | (None, ConvertedType::BSON) => Leaf::Bson,
            (Some(LogicalType::Enum), _) | (None, ConvertedType::ENUM) => Leaf::Enum,
            _ => Leaf::Plain,
        }
    }
}

impl Shape {
    /// The shape of a whole file, from its two schemas.
    ///
    /// # Errors
    /// When the schemas do not fit each other.
    pub(super) fn of_file(arrow: &Schema, parquet: &SchemaDescriptor) -> Result<Shape, String> {
        let mut next = 0;
        let shape = fields_shape(arrow.fields(), parquet, &mut next)?;
        match next == parquet.num_columns() {
            true => Ok(shape),
            false => Err(format!("its schema has {} leaf columns, of which {next} are known", parquet.num_columns())),
        }
    }

    /// The parts of a struct.
    pub(super) fn parts(&self) -> &[(String, Shape)] {
        match self {
            Shape::Struct(parts) => parts,
            _ => &[],
        }
    }

    /// Finds a part by its name or dotted path; a name that itself holds dots comes before a path. Returns
    /// the names on the way. A name that stands twice is not found: nobody could tell which is meant.
    pub(super) fn find(&self, path: &str) -> Option<(Vec<String>, &Shape)> {
        let named = |name: &str| {
            let mut found = self.parts().iter().filter(|(n, _)| n == name);
            found.next().filter(|_| found.next().is_none()).map(|(_, shape)| shape)
        };
        if let Some(shape) = named(path) {
            return Some((vec![path.to_owned()], shape));
        }
        path.match_indices('.').find_map(|(dot, _)| {
            let (mut names, shape) = named(&path[..dot])?.find(&path[dot + 1..])?;
            names.insert(0, path[..dot].to_owned());
            Some((names, shape))
        })
    }

    /// Hands every leaf below to `visit`.
    pub(super) fn leaves(&self, visit: &mut dyn FnMut(Leaf, usize)) {
        match self {
            Shape::Leaf(leaf, at, _) => visit(*leaf, *at),
            Shape::Struct(parts) => parts.iter().for_each(|(_, part)| part.leaves(visit)),
            Shape::List(items) => items.leaves(visit),
            Shape::Map(keys, values) => {
                keys.leaves(visit);
                values.leaves(visit);
            }
        }
    }

    /// What its values are.
    pub(super) fn kind(&self) -> ColumnKind {
        use DataType as T;
        match self {
            Shape::Leaf(Leaf::Uuid, ..) => ColumnKind::Uuid,
            Shape::Leaf(Leaf::Json | Leaf::Bson, ..) => ColumnKind::Document,
            Shape::Leaf(Leaf::Enum, ..) => ColumnKind::Text,
            Shape::Leaf(_, _, kind) => match kind {
                T::Boolean => ColumnKind::Bool,
                T::Utf8 | T::LargeUtf8 | T::Utf8View => ColumnKind::Text,
                T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => ColumnKind::Bytes,
                T::Date32 | T::Date64 | T::Timestamp(..) => ColumnKind::Instant,
                T::Time32(_) | T::Time64(_) => ColumnKind::Time,
                kind if kind.is_numeric() => ColumnKind::Number,
                _ => ColumnKind::Mixed,
            },
            _ => ColumnKind::Document,
        }
    }
}

fn fields_shape(fields: &[FieldRef], parquet: &SchemaDescriptor, next: &mut usize) -> Result<Shape, String> {
    let part = |field: &FieldRef| Ok((field.name().clone(), type_shape(field.data_type(), parquet, next)?));
    fields.iter().map(part).collect::<Result<_, String>>().map(Shape::Struct)
}

/// Leaves come in the same order, depth first, in both schemas.
fn type_shape(kind: &DataType, parquet: &SchemaDescriptor, next: &mut usize) -> Result<Shape, String> {
    Ok(match kind {
        DataType::Struct(fields) => fields_shape(fields, parquet, next)?,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Shape::List(Box::new(type_shape(item.data_type(), parquet, next)?))
        }
        DataType::Map(entries, _) => match fields_of(entries) {
            [keys, values] => {
                let keys = type_shape(keys.data_type(), parquet, next)?;
                Shape::Map(Box::new(keys), Box::new(type_shape(values.data_type(), parquet, next)?))
            }
            _ => return Err("a map in its schema has no keys and values".into()),
        },
        _ => {
            let at = *next;
            *next += 1;
            if at >= parquet.num_columns() {
                return Err("its schema has fewer leaf columns than expected".into());
            }
            Shape::Leaf(Leaf::of(&parquet.column(at)), at, kind.clone())
        }
    })
}

fn fields_of(entries: &Field) -> &[FieldRef] {
    match entries.data_type() {
        DataType::Struct(fields) => fields,
        _ => &[],
    }
}

/// The schema to read with, in place of the one that the file suggests: dictionaries unpacked (a page's whole
/// dictionary would be decoded for every batch), and 96-bit timestamps in `int96` units.
pub(super) fn reading_schema(arrow: &Schema, parquet: &SchemaDescriptor, int96: TimeUnit) -> Schema {
    let mut next = 0;
    let fields = arrow.fields().iter().map(|f| reading_field(f, parquet, int96, &mut next)).collect::<Vec<_>>();
    Schema::new_with_metadata(fields, arrow.metadata().clone())
}

fn reading_field(field: &FieldRef, parquet: &SchemaDescriptor, int96: TimeUnit, next: &mut usize) -> FieldRef {
    let mut inner = |field: &FieldRef| reading_field(field, parquet, int96, next);
    let kind = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::FixedSizeList(item, len) => DataType::FixedSizeList(inner(item), *len),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        leaf => {
            let at = *next;
            *next += 1;
            let old_timestamp = at < parquet.num_columns() && parquet.column(at).physical_type() == PhysicalType::INT96;
            match leaf {
                DataType::Timestamp(_, zone) if old_timestamp => DataType::Timestamp(int96, zone.clone()),
                DataType::Dictionary(_, value) => value.as_ref().clone(),
                other => other.clone(),
            }
        }
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
}
