//! Who waits for whom: references resolved, cycles told, an order found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::diagnostic::Report;
use super::document::OnErrorDoc;
use super::draft::{Draft, steps_of};
use super::fields::At;
use super::values::Placed;
use super::yaml::Mark;
use crate::text;

/// What of a workflow a step is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// `steps`.
    Main,
    /// `on_failure`.
    OnFailure,
    /// `finally`.
    Finally,
}

/// What an expression may read of its own step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Nothing,
    /// What it gave: before, or in the end.
    Output,
    /// That, and the steps inside of it.
    Inside,
}

/// Where a step stands: inside which loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'n> {
    /// The loop whose body it stands in.
    pub inside: Option<&'n str>,
    /// What it is part of.
    pub section: Section,
    /// Whether its own iterations read what it gave before.
    pub repeats: bool,
}

/// Every step of the file, by id.
pub(super) type Places<'n> = HashMap<&'n str, Place<'n>>;

/// How the steps of one level hang together; indexes are those of the level.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// What each step needs to have ended.
    pub needs: Vec<BTreeSet<usize>>,
    /// The needs that a join counts.
    pub among: Vec<BTreeSet<usize>>,
    /// The cases that each step needs one of, by switch.
    pub cases: Vec<BTreeMap<usize, Vec<String>>>,
    /// What each step waits for by data or control, stand-ins included.
    pub waits: Vec<BTreeSet<usize>>,
    /// The step that stands in for a failed one.
    pub stand_in: Vec<Option<usize>>,
    /// The step whose failure it handles.
    pub handles: Vec<Option<usize>>,
    /// Each step after all it waits for; file order where free.
    pub order: Vec<usize>,
}

/// Collects every step's place, and tells ids that are not unique.
pub(super) fn places<'n>(
    report: &mut Report<'_>,
    drafts: &[Draft<'n>],
    inside: Option<&'n str>,
    section: Section,
    found: &mut Places<'n>,
) {
    for draft in drafts {
        let id = draft.doc.id;
        let repeats = draft.doc.repeat.is_some();
        let place = Place {
            inside,
            section,
            repeats,
        };
        if found.insert(id, place).is_some() {
            report.error(
                "workflow.duplicate_id",
                draft.doc.at,
                text!("two steps are called `{step}`", step = id),
                text!("give each step of the file its own id"),
            );
        }
        if let Some(body) = &draft.body {
            places(report, body, Some(id), section, found);
        }
    }
}

/// Links the steps of one level; `around` are the loops it stands in, outermost first.
pub(super) fn link<'n>(
    report: &mut Report<'_>,
    places: &Places<'n>,
    drafts: &[Draft<'n>],
    around: &[&'n str],
    section: Section,
) -> Links {
    let linker = Linker {
        section,
        places,
        drafts,
        around,
        index: drafts
            .iter()
            .enumerate()
            .map(|(at, draft)| (draft.doc.id, at))
            .collect(),
    };
    let count = drafts.len();
    let mut links = Links {
        needs: vec![BTreeSet::new(); count],
        among: vec![BTreeSet::new(); count],
        cases: vec![BTreeMap::new(); count],
        waits: Vec::new(),
        stand_in: vec![None; count],
        handles: vec![None; count],
        order: Vec::new(),
    };
    for (at, draft) in drafts.iter().enumerate() {
        linker.needs(report, at, draft, &mut links);
        linker.check_reads(report, draft);
    }
    for (at, draft) in drafts.iter().enumerate() {
        if let OnErrorDoc::Step(target) = &draft.doc.on_error {
            linker.stand_in(report, at, target, &mut links);
        }
    }
    links.waits = waits(&links);
    tell_cycles(report, drafts, &links.waits);
    links.order = order(&links.waits);
    links
}

struct Linker<'l, 'n> {
    section: Section,
    places: &'l Places<'n>,
    drafts: &'l [Draft<'n>],
    around: &'l [&'n str],
    index: HashMap<&'n str, usize>,
}

impl Linker<'_, '_> {
    /// The steps of this level that one needs, by name, by reading, or by what its body reads.
    fn needs(&self, report: &mut Report<'_>, at: usize, draft: &Draft<'_>, links: &mut Links) {
        let mut reads = Vec::new();
        draft.reads(&mut reads);
        let needs = &mut links.needs[at];
        needs.extend(
            reads
                .iter()
                .filter_map(|id| self.index.get(id.as_str()).copied())
                .filter(|needed| *needed != at),
        );
        for need in &draft.doc.needs {
            match self.index.get(need.value) {
                Some(needed) if *needed != at => {
                    needs.insert(*needed);
                    links.among[at].insert(*needed);
                }
                _ => match self.case(report, at, need) {
                    Some(Ok((switch, case))) => {
                        needs.insert(switch);
                        links.among[at].insert(switch);
                        links.cases[at]
                            .entry(switch)
                            .or_default()
                            .push(case.to_owned());
                    }
                    Some(Err(())) => {}
                    None => self.bad_need(report, draft, need),
                },
            }
        }
        let counted = links.among[at].len();
        if let Some(join) = &draft.doc.join
            && join.count.get() > counted
        {
            report.error(
                "workflow.join_unreachable",
                join.at,
                text!(
                    "`join` counts the steps of `needs`, and there are {count}",
                    count = counted
                ),
                text!("name more steps in `needs`, or count fewer"),
            );
        }
    }

    /// The switch and the case of `needs: [switch.case]`; none when it does not
    /// begin with a step of this level, an error when that has been told.
    fn case<'d>(
        &self,
        report: &mut Report<'_>,
        at: usize,
        need: &At<&'d str>,
    ) -> Option<Result<(usize, &'d str), ()>> {
        let (id, case) = need.value.split_once('.')?;
        let switch = *self.index.get(id).filter(|switch| **switch != at)?;
        let draft = &self.drafts[switch];
        let (message, fix) = match &draft.branches {
            // Its node is unknown, and told.
            None if draft.node.is_none() && draft.body.is_none() => return Some(Err(())),
            Some(_) if draft.doc.for_each.is_some() => (
                text!(
                    "`{step}` is a loop: it chooses a case for each of its items",
                    step = id
                ),
                text!("follow a case inside of the loop"),
            ),
            None => (
                text!(
                    "`{step}` is no switch: it has no case `{case}`",
                    step = id,
                    case
                ),
                text!("write `{step}` to wait for it", step = id),
            ),
            Some(branches) if branches.names.contains(&case) => return Some(Ok((switch, case))),
            Some(branches) => (
                text!("switch `{step}` has no case `{case}`", step = id, case),
                match crate::nearest::nearest(case, branches.names.iter().copied()) {
                    Some(near) => text!("did you mean `{near}`?", near = format!("{id}.{near}")),
                    None => text!("its cases are: {words}", words = branches.names.join(", ")),
                },
            ),
        };
        report.error("workflow.unknown_case", need.at, message, fix);
        Some(Err(()))
    }

    fn bad_need(&self, report: &mut Report<'_>, draft: &Draft<'_>, need: &At<&str>) {
        let id = draft.doc.id;
        if need.value == id || self.around.contains(&need.value) {
            self_reference(report, id, need.value, need.at);
        } else if let Some(place) = self.places.get(need.value) {
            match place.inside {
                Some(inside) if !self.around.contains(&inside) => {
                    inside_loop(report, need.value, inside, need.at);
                }
                _ if !self.has_run(place) => runs_after(report, need.value, need.at),
                _ if place.section != self.section => report.error(
                    "workflow.conflict",
                    need.at,
                    text!(
                        "`{step}` has ended, or never will, when this step runs",
                        step = need.value
                    ),
                    text!("take it out of `needs`"),
                ),
                _ => report.error(
                    "workflow.nested_step",
                    need.at,
                    text!("`{step}` stands outside this loop", step = need.value),
                    text!(
                        "put it into the `needs` of `{outer}`",
                        outer = *self.around.last().unwrap_or(&id)
                    ),
                ),
            }
        } else {
            self.unknown(report, need.value, need.at);
        }
    }

    /// Tells what the step's own expressions read and cannot.
    fn check_reads(&self, report: &mut Report<'_>, draft: &Draft<'_>) {
        for placed in draft.outside() {
            self.check_read(report, draft, placed, Own::Nothing);
        }
        let repeats = match draft.doc.repeat {
            Some(_) => Own::Output,
            None => Own::Nothing,
        };
        for placed in draft.inside() {
            self.check_read(report, draft, placed, repeats);
        }
        for placed in &draft.until.placed {
            self.check_read(report, draft, placed, Own::Inside);
        }
        for placed in draft.compensate.iter().flat_map(|undo| undo.own()) {
            self.check_read(report, draft, placed, Own::Output);
        }
    }

    fn check_read(
        &self,
        report: &mut Report<'_>,
        draft: &Draft<'_>,
        placed: &Placed<'_>,
        own: Own,
    ) {
        for (id, byte) in steps_of(&placed.expression) {
            let at = placed.mark(report.source, byte);
            let place = self.places.get(id);
            if id == draft.doc.id || self.around.contains(&id) {
                let readable = match id == draft.doc.id {
                    true => own != Own::Nothing,
                    false => place.is_some_and(|place| place.repeats),
                };
                if !readable {
                    self_reference(report, draft.doc.id, id, at);
                }
                continue;
            }
            match place {
                None => self.unknown(report, id, at),
                Some(place) if !self.has_run(place) => runs_after(report, id, at),
                Some(place) => {
                    if let Some(inside) = place.inside
                        && !self.around.contains(&inside)
                        && !(own == Own::Inside && inside == draft.doc.id)
                    {
                        inside_loop(report, id, inside, at);
                    }
                }
            }
        }
    }

    fn stand_in(&self, report: &mut Report<'_>, at: usize, target: &At<&str>, links: &mut Links) {
        match self.index.get(target.value) {
            Some(other) if *other == at => {
                self_reference(report, self.drafts[at].doc.id, target.value, target.at);
            }
            Some(other) => match links.handles[*other] {
                Some(first) => report.error(
                    "workflow.conflict",
                    target.at,
                    text!(
                        "`{step}` stands in for `{failed}` already",
                        step = target.value,
                        failed = self.drafts[first].doc.id
                    ),
                    text!("give each step a stand-in of its own"),
                ),
                None => {
                    links.stand_in[at] = Some(*other);
                    links.handles[*other] = Some(at);
                }
            },
            None => match self.places.get(target.value) {
                Some(_) => report.error(
                    "workflow.nested_step",
                    target.at,
                    text!("`{step}` stands in another level", step = target.value),
                    text!("a stand-in stands beside the step that may fail"),
                ),
                None => self.unknown(report, target.value, target.at),
            },
        }
    }

    /// Whether a step of this place can have run by now.
    fn has_run(&self, place: &Place<'_>) -> bool {
        place.section == Section::Main || place.section == self.section
    }

    fn unknown(&self, report: &mut Report<'_>, id: &str, at: Mark) {
        let fix = match crate::nearest::nearest(id, self.places.keys().copied()) {
            Some(near) => text!("did you mean `{near}`?", near),
            None => text!("name a step of this file"),
        };
        report.error(
            "workflow.unknown_step",
            at,
            text!("there is no step `{step}`", step = id),
            fix,
        );
    }
}

/// Tells what some expressions outside all steps read and cannot.
pub(super) fn check_outside<'p>(
    report: &mut Report<'_>,
    places: &Places<'_>,
    placed: impl IntoIterator<Item = &'p Placed<'p>>,
) {
    let linker = Linker {
        section: Section::Main,
        places,
        drafts: &[],
        around: &[],
        index: HashMap::new(),
    };
    for placed in placed {
        for (id, byte) in steps_of(&placed.expression) {
            let at = placed.mark(report.source, byte);
            match places.get(id) {
                None => linker.unknown(report, id, at),
                Some(place) if !linker.has_run(place) => runs_after(report, id, at),
                Some(place) => {
                    if let Some(inside) = place.inside {
                        inside_loop(report, id, inside, at);
                    }
                }
            }
        }
    }
}

fn self_reference(report: &mut Report<'_>, id: &str, reads: &str, at: Mark) {
    let message = if id == reads {
        text!("step `{step}` refers to itself", step = id)
    } else {
        text!(
            "step `{step}` refers to `{outer}`, the loop it stands in",
            step = id,
            outer = reads
        )
    };
    report.error(
        "workflow.self_reference",
        at,
        message,
        text!("refer to a step that ends before"),
    );
}

fn runs_after(report: &mut Report<'_>, id: &str, at: Mark) {
    report.error(
        "workflow.nested_step",
        at,
        text!("`{step}` runs only after the run's own steps", step = id),
        text!("refer to a step that ends before"),
    );
}

fn inside_loop(report: &mut Report<'_>, id: &str, inside: &str, at: Mark) {
    report.error(
        "workflow.nested_step",
        at,
        text!(
            "`{step}` stands inside loop `{outer}`: it has one result an item",
            step = id,
            outer = inside
        ),
        text!(
            "refer to `{outer}`, the list of its items' results",
            outer = inside
        ),
    );
}

/// All that a step waits for: its needs, their stand-ins, and the step that it stands in for.
fn waits(links: &Links) -> Vec<BTreeSet<usize>> {
    links
        .needs
        .iter()
        .enumerate()
        .map(|(at, needs)| {
            let mut waits = needs.clone();
            waits.extend(needs.iter().filter_map(|need| links.stand_in[*need]));
            waits.extend(links.handles[at]);
            waits.remove(&at);
            waits
        })
        .collect()
}

fn tell_cycles(report: &mut Report<'_>, drafts: &[Draft<'_>], waits: &[BTreeSet<usize>]) {
    let mut graph = DiGraph::<(), ()>::new();
    for _ in waits {
        graph.add_node(());
    }
    for (at, waits) in waits.iter().enumerate() {
        for waited in waits {
            graph.add_edge(NodeIndex::new(*waited), NodeIndex::new(at), ());
        }
    }
    for component in tarjan_scc(&graph) {
        let component: Vec<usize> = component.into_iter().map(NodeIndex::index).collect();
        if component.len() < 2 {
            continue;
        }
        let cycle = path_of(&component, waits);
        let names: Vec<_> = cycle.iter().map(|at| drafts[*at].doc.id).collect();
        let first = &drafts[cycle[0]].doc;
        report.error(
            "workflow.cycle",
            first.at,
            text!(
                "these steps wait for one another: {steps}",
                steps = names.join(" → ")
            ),
            text!("take one of the references or `needs` away"),
        );
    }
}

/// One cycle through a component, from its first step back to it.
fn path_of(component: &[usize], waits: &[BTreeSet<usize>]) -> Vec<usize> {
    let start = component.iter().copied().min().unwrap_or_default();
    let mut path = vec![start];
    let mut at = start;
    loop {
        // Backwards along what is waited for; every step of a component has a way on.
        let next = waits[at]
            .iter()
            .copied()
            .find(|next| component.contains(next) && (*next == start || !path.contains(next)))
            .or_else(|| {
                waits[at]
                    .iter()
                    .copied()
                    .find(|next| component.contains(next))
            });
        let Some(next) = next else { break };
        if let Some(seen) = path.iter().position(|step| *step == next) {
            path.drain(..seen);
            path.push(next);
            break;
        }
        path.push(next);
        at = next;
    }
    path.reverse();
    path
}

/// Each step after all it waits for; in a cycle, file order.
fn order(waits: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut order = Vec::with_capacity(waits.len());
    let mut left: BTreeSet<usize> = (0..waits.len()).collect();
    while let Some(first) = left.first().copied() {
        let ready = left
            .iter()
            .copied()
            .find(|at| waits[*at].is_disjoint(&left));
        let next = ready.unwrap_or(first);
        left.remove(&next);
        order.push(next);
    }
    order
}
