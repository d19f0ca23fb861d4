//! Paths that ask somebody else: a program over NDJSON, or a calculation API over HTTP. What got no proper answer is
//! unknown, with its reason. Must not compare.
