//! Rows turned into the columns that `unnest` takes.

/// One value of each row.
pub(super) fn column<'a, R, T>(rows: &'a [R], pick: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(pick).collect()
}

/// Parents with their children, flattened: the parent, the child's position, the child.
pub(super) fn children<'a, P, C>(
    parents: &'a [P],
    pick: impl Fn(&'a P) -> &'a [C],
) -> Vec<(&'a P, usize, &'a C)> {
    parents
        .iter()
        .flat_map(|parent| {
            pick(parent)
                .iter()
                .enumerate()
                .map(move |(position, child)| (parent, position, child))
        })
        .collect()
}

/// A position as a column holds it.
pub(super) fn place(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}
