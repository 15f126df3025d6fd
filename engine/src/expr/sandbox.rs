//! The Rhai engine with every limit set: no host, no clock, no modules, no
//! output, no binary floats.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package as _,
};
use rhai::{AST, Dynamic, Engine, EvalAltResult, OptimizationLevel, Scope};

use serde_json::Value;

use super::bridge::to_json;
use super::{ExprError, functions};
use crate::text;

/// What one evaluation may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    operations: u64,
    time: Duration,
    variables: usize,
    functions: usize,
}

/// An expression is evaluated inline, between two steps.
const EXPRESSION: Limits = Limits {
    operations: 1_000_000,
    time: Duration::from_millis(500),
    variables: 256,
    functions: 32,
};

/// A script is run apart, as a step.
const SCRIPT: Limits = Limits {
    operations: 20_000_000,
    time: Duration::from_secs(5),
    variables: 512,
    functions: 128,
};

/// Bytes of text in one value.
const MAX_TEXT: usize = 4 << 20;
/// Items of one list, nested ones included.
const MAX_ITEMS: usize = 100_000;
/// Fields of one object, nested ones included.
const MAX_FIELDS: usize = 100_000;
/// Bytes of stack for values nested as deep as they may have items or fields;
/// taken from the machine only as far as they are used.
const STACK: usize = 256 << 20;
/// Nesting of expressions, outside and inside functions.
const MAX_DEPTHS: (usize, usize) = (48, 32);
/// Functions that call functions.
const MAX_CALLS: usize = 32;

/// Functions of the packages that are not for workflows.
const WITHHELD: [&str; 3] = ["debug", "eval", "print"];

thread_local! {
    /// When the evaluation that runs on this thread must have ended.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Where expressions run: bounded, and blind to the host. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    expressions: Engine,
    scripts: Engine,
    functions: BTreeSet<String>,
}

/// Which of the two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Expression,
    Script,
}

impl Default for Sandbox {
    /// The sandbox of the process: it is always the same.
    fn default() -> Self {
        static SHARED: OnceLock<Arc<Inner>> = OnceLock::new();
        Self {
            inner: Arc::clone(SHARED.get_or_init(|| Arc::new(Inner::new()))),
        }
    }
}

impl Inner {
    fn new() -> Self {
        let expressions = engine(EXPRESSION);
        let functions = expressions
            .gen_fn_signatures(true)
            .iter()
            .filter_map(|signature| signature.split('(').next())
            .map(|name| name.trim_start_matches("get ").to_owned())
            .chain(["call", "curry", "Fn", "is_shared", "type_of"].map(str::to_owned))
            .filter(|name| !WITHHELD.contains(&name.as_str()))
            .collect();
        Self {
            expressions,
            scripts: engine(SCRIPT),
            functions,
        }
    }
}

impl Sandbox {
    /// The names that can be called.
    pub(super) fn functions(&self) -> &BTreeSet<String> {
        &self.inner.functions
    }

    pub(super) fn engine(&self, of: Use) -> &Engine {
        match of {
            Use::Expression => &self.inner.expressions,
            Use::Script => &self.inner.scripts,
        }
    }

    /// Evaluates within the limits; `told` makes an error of Rhai ours.
    ///
    /// What `nests` can make values as deep as its limits allow, and every copy
    /// of such a value recurses: it gets a stack that holds the deepest.
    pub(super) fn eval(
        &self,
        of: Use,
        ast: &AST,
        mut scope: Scope<'_>,
        nests: bool,
        told: impl FnOnce(&EvalAltResult) -> ExprError + Send,
    ) -> Result<Value, ExprError> {
        let limits = match of {
            Use::Expression => EXPRESSION,
            Use::Script => SCRIPT,
        };
        let engine = self.engine(of);
        let evaluate = move || {
            DEADLINE.set(Some(Instant::now() + limits.time));
            let result = engine.eval_ast_with_scope::<Dynamic>(&mut scope, ast);
            DEADLINE.set(None);
            match result {
                Ok(value) => to_json(&value),
                Err(error) => Err(told(&error)),
            }
        };
        if !nests {
            return evaluate();
        }
        std::thread::scope(|threads| {
            let apart = std::thread::Builder::new()
                .name("expression".to_owned())
                .stack_size(STACK)
                .spawn_scoped(threads, evaluate);
            let ended = apart.map(std::thread::ScopedJoinHandle::join);
            match ended {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(ExprError::new(
                    "expression.failed",
                    text!("it cannot be computed"),
                )),
                Err(error) => {
                    let reason = error.to_string();
                    let message = text!("it cannot be computed: {reason}", reason);
                    Err(ExprError::new("expression.limit", message))
                }
            }
        })
    }
}

fn engine(limits: Limits) -> Engine {
    let mut engine = Engine::new_raw();
    // Not the core package: it can sleep and leave the script.
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    for withheld in WITHHELD {
        engine.disable_symbol(withheld);
    }
    engine
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        // The built-in operators compare different types to `false`: ours come first.
        .set_fast_operators(false)
        .set_optimization_level(OptimizationLevel::None)
        .set_max_operations(limits.operations)
        .set_max_variables(limits.variables)
        .set_max_functions(limits.functions)
        .set_max_modules(0)
        .set_max_call_levels(MAX_CALLS)
        .set_max_expr_depths(MAX_DEPTHS.0, MAX_DEPTHS.1)
        .set_max_string_size(MAX_TEXT)
        .set_max_array_size(MAX_ITEMS)
        .set_max_map_size(MAX_FIELDS)
        // Read each time: a function called by a built-in one counts from zero again.
        .on_progress(|_| {
            let late = DEADLINE
                .get()
                .is_some_and(|deadline| Instant::now() > deadline);
            late.then(|| Dynamic::from("it took too long"))
        });
    functions::register(&mut engine);
    engine
}
