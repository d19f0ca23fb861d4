//! docs/functions.md read as data: a table whose first column is `function` and whose other columns are stores.

/// A store with counterparts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    MySql,
    Postgres,
    Sqlite,
}

impl Store {
    pub const ALL: [Store; 3] = [Store::MySql, Store::Postgres, Store::Sqlite];

    fn header(self) -> &'static str {
        match self {
            Store::MySql => "MySQL, MariaDB",
            Store::Postgres => "PostgreSQL",
            Store::Sqlite => "SQLite",
        }
    }
}

/// One row of the page.
#[derive(Clone, Debug)]
pub struct Counterpart {
    /// recon's own, a whole expression.
    pub function: String,
    stores: [Option<String>; 3],
}

impl Counterpart {
    /// The expression of a store; `None` where the page says that there is none.
    pub fn of(&self, store: Store) -> Option<&str> {
        let at = Store::ALL.iter().position(|s| *s == store).expect("one of all");
        self.stores[at].as_deref()
    }

    /// The names of columns that it takes, in order.
    pub fn columns(&self) -> Vec<&str> {
        // Outside of text literals, which are every second part.
        let outside = self.function.split('\'').step_by(2);
        let words = outside.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        words.filter(|word| word.len() == 1 && word.chars().all(|c| c.is_ascii_lowercase())).collect()
    }

    /// The type of its result, as recon.toml names it.
    pub fn result(&self) -> &'static str {
        let f = self.function.as_str();
        let starts = |names: &[&str]| names.iter().any(|name| f.starts_with(name));
        if starts(&["CAST(t AS DATE)", "add_days", "add_business_days", "month_"]) {
            "date"
        } else if starts(&["UPPER", "LOWER", "SUBSTR", "TRIM", "LTRIM", "RTRIM", "s ||", "CAST(x AS TEXT)"]) {
            "text"
        } else {
            "decimal"
        }
    }
}

/// Every row, in the order of the page.
pub fn counterparts() -> Vec<Counterpart> {
    let page = include_str!("../../docs/functions.md");
    let mut found = Vec::new();
    let mut header: Vec<String> = Vec::new();
    let mut business_days = None;
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("CASE WHEN n = 0") {
            let rest: Vec<&str> = page.lines().skip(number).take_while(|line| !line.starts_with("```")).collect();
            business_days = Some(rest.join("\n"));
        }
        if !line.starts_with('|') {
            header.clear();
            continue;
        }
        let cells = cells(line);
        if header.is_empty() {
            header = cells;
            continue;
        }
        assert_eq!(cells.len(), header.len(), "docs/functions.md, line {}", number + 1);
        if header[0] != "function" || cells[0].starts_with("---") {
            continue;
        }
        let function = code(&cells[0]).unwrap_or_else(|| panic!("docs/functions.md, line {}: no function", number + 1));
        let stores = Store::ALL.map(|store| {
            let at = header.iter().position(|name| name == store.header());
            let cell = &cells[at.unwrap_or_else(|| panic!("no column {} above line {}", store.header(), number + 1))];
            assert!(
                cell.contains('`') || cell.starts_with("none") || cell == "the query below",
                "docs/functions.md, line {}: neither a counterpart nor why there is none: {cell}",
                number + 1
            );
            code(cell).or_else(|| (cell == "the query below").then(String::new))
        });
        found.push(Counterpart { function, stores });
    }
    let query = business_days.expect("the query of business days");
    for store in found.iter_mut().flat_map(|row: &mut Counterpart| &mut row.stores).flatten() {
        if store.is_empty() {
            store.clone_from(&query);
        }
    }
    found
}

/// The cells of a table's line; `\|` is a bar in a cell.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\\|", "\u{1}");
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// The first code span of a cell.
fn code(cell: &str) -> Option<String> {
    let mut parts = cell.split('`');
    parts.next()?;
    parts.next().map(str::to_owned)
}
