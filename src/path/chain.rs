//! Several files as one source, one after the other. Must not care what is in them.

use crate::stores::{MakeSource, Opened, Outlet, ReadEnd, ReadRequest, Source, StoreError, Wish};

/// The records of several sources, in no order.
pub struct ChainSource {
    parts: Vec<MakeSource>,
    opened: Vec<Box<dyn Source>>,
}

impl ChainSource {
    /// Of what makes each source.
    pub fn new(parts: Vec<MakeSource>) -> Self {
        ChainSource { parts, opened: Vec::new() }
    }
}

impl Source for ChainSource {
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        let mut whole: Option<Opened> = None;
        for make in &self.parts {
            let mut source = make()?;
            let part = source.open(wish)?;
            self.opened.push(source);
            let Some(whole) = &mut whole else {
                whole = Some(part);
                continue;
            };
            // A field that one file has and another has not is more often renamed than meant.
            let lacks = |one: &Opened, other: &Opened| {
                let missing = one.columns.iter().filter(|c| other.columns.iter().all(|known| known.name != c.name));
                missing.map(|c| c.name.clone()).collect::<Vec<_>>()
            };
            let (new, gone) = (lacks(&part, whole), lacks(whole, &part));
            let differs = !new.is_empty() || !gone.is_empty();
            if differs && !part.columns.is_empty() {
                let listed = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                whole.notices.push(format!(
                    "file {} of {} does not have the same fields as those before it (not there: {}; new: {})",
                    self.opened.len(),
                    self.parts.len(),
                    listed(&gone),
                    listed(&new)
                ));
            }
            for column in part.columns {
                if whole.columns.iter().all(|known| known.name != column.name) {
                    whole.columns.push(column);
                }
            }
            whole.fixed_columns &= part.fixed_columns;
            whole.estimated_records = whole.estimated_records.zip(part.estimated_records).map(|(all, part)| all + part);
            whole.snapshot.taken_at = whole.snapshot.taken_at.min(part.snapshot.taken_at);
            whole.snapshot.consistent = false;
            whole.notices.extend(part.notices);
        }
        let mut whole = whole.ok_or_else(|| StoreError::usage("an input without files"))?;
        whole.ordered = false;
        whole.natural = false;
        whole.filters = false;
        whole.seeks = false;
        Ok(whole)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let mut all = ReadEnd::default();
        for source in &mut self.opened {
            let end = source.read(request, out)?;
            all.other_fields_cut |= end.other_fields_cut;
            for field in end.other_fields {
                if !all.other_fields.contains(&field) {
                    all.other_fields.push(field);
                }
            }
        }
        Ok(all)
    }
}
