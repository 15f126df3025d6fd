//! Keywords of load: how runs share what there is.

use super::diagnostic::Report;
use super::scope::{Env, Here, check_paths};
use super::values::{Names, template};
use super::yaml::{Node, Yaml};
use crate::expr::{Sandbox, Shape, Template};
use crate::graph::{HIGHEST_PRIORITY, priority as as_priority};
use crate::text;
use crate::text::Text;

/// Reads `priority`: a whole number, or an expression over the inputs that gives one.
pub(super) fn priority(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    node: &Node,
) -> Template {
    let value = at_start(report, sandbox, env, node);
    // An expression that does not compile is told, and leaves a null behind.
    let told = matches!(node.value, Yaml::Text(_)) && value.outline().is_null();
    let is_number = match &value {
        Template::Literal(value) => as_priority(value).is_some() || told,
        Template::Expression(expression) => matches!(
            env.shape_of(expression),
            Shape::Any | Shape::Integer | Shape::OneOf(_)
        ),
        Template::Text(_) | Template::List(_) | Template::Map(_) => false,
    };
    if !is_number {
        let most = HIGHEST_PRIORITY;
        let wanted = text!(
            "a whole number from -{most} to {most}, or an expression that gives one",
            most
        );
        report.wrong_type(node.at, Text::name("priority"), node.kind(), wanted);
    }
    value
}

/// Compiles a value that is told when a run starts: it reads inputs, and no step.
pub(super) fn at_start(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    node: &Node,
) -> Template {
    let names = Names {
        sandbox,
        items: &[],
    };
    let mut placed = Vec::new();
    let value = template(report, names, node, &mut placed);
    check_paths(report, env, Here::START, &placed);
    value
}

#[cfg(test)]
mod tests {
    use crate::language::check;
    use crate::node::Registry;

    /// What is said of a workflow with these lines, but for its node.
    fn told(lines: &str) -> Vec<String> {
        let registry = Registry::builder().build().unwrap();
        let yaml = format!(
            "name: load\ninputs: {{ n: {{ type: integer }}, t: {{ type: string, required: true }} }}\n{lines}\n\
             steps:\n  a: {{ uses: x }}\n"
        );
        let found = check(&yaml, &registry).diagnostics;
        let found = found.iter().filter(|it| it.code != "workflow.unknown_node");
        found.map(ToString::to_string).collect()
    }

    #[test]
    fn a_priority_is_a_whole_number_or_an_expression_over_the_inputs() {
        assert_eq!(told("priority: -5"), Vec::<String>::new());
        assert_eq!(
            told("priority: '${{ inputs.n + 1 }}'"),
            Vec::<String>::new()
        );
        for wrong in ["1.5", "2000", "high", "[1]", "~", "'${{ inputs.t }}'"] {
            let told = told(&format!("priority: {wrong}"));
            assert_eq!(told.len(), 1, "{wrong}: {told:?}");
            assert!(
                told[0].contains("a whole number from -1000 to 1000"),
                "{told:?}"
            );
        }
        let told = told("priority: '${{ steps.a.x }}'");
        assert!(told[0].starts_with("3:"), "{told:?}");
    }
}
