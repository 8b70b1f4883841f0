use oxc_ast::ast::{AccessorProperty, Decorator, TSExportAssignment, TSExternalModuleReference};
use oxc_ast_visit::Visit;
use oxc_span::Span;

/// Looks for what is left as it is by the compiler and is a syntax error, or something else, for the engines.
#[derive(Default)]
pub(crate) struct Unsupported {
    /// The first there is, and where.
    pub(crate) found: Option<(&'static str, Span)>,
}

impl Unsupported {
    fn note(&mut self, what: &'static str, span: Span) {
        self.found.get_or_insert((what, span));
    }
}

impl<'a> Visit<'a> for Unsupported {
    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.note(
            "decorators are not supported: call the function instead",
            decorator.span,
        );
    }

    fn visit_accessor_property(&mut self, accessor: &AccessorProperty<'a>) {
        self.note(
            "`accessor` fields are not supported: write `get` and `set`",
            accessor.span,
        );
    }

    fn visit_ts_external_module_reference(&mut self, reference: &TSExternalModuleReference<'a>) {
        self.note(
            "there is no `require` here: write `import x from \"...\"`",
            reference.span,
        );
    }

    fn visit_ts_export_assignment(&mut self, assignment: &TSExportAssignment<'a>) {
        self.note(
            "there is no `export =` in a module: write `export default`",
            assignment.span,
        );
    }
}
