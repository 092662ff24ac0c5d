//! Names that are given once.

/// `wanted`, or the first of `wanted_2`, `wanted_3`, ... that is free.
pub fn free_name(wanted: &str, is_free: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number: u64| format!("{wanted}_{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(|name| is_free(name)).expect("numbers do not end")
}
