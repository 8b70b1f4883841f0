use std::path::{Path, PathBuf};

use lazaret_protocol::{Compiled, Problem, Source};
use oxc_allocator::Allocator;
use oxc_ast_visit::Visit;
use oxc_codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use oxc_transformer::{TransformOptions, Transformer, TypeScriptOptions};

use crate::problem::{error_in, problem_at};
use crate::unsupported::Unsupported;

/// The name a module has in stack traces begins with this.
const PLUGIN_URL: &str = "file:///plugin/";

/// Compiles one source.
#[must_use]
pub fn compile(source: &Source) -> Compiled {
    let path = source.path.clone();
    match module(source) {
        Ok((code, map)) => Compiled::Module { path, code, map },
        Err(problem) => Compiled::Refused { path, problem },
    }
}

/// Code and source map.
fn module(source: &Source) -> Result<(String, String), Problem> {
    let text = source.text.as_str();
    let allocator = Allocator::default();
    let kind = SourceType::ts().with_module(true);
    let parsed = Parser::new(&allocator, text, kind).parse();
    error_in(text, parsed.diagnostics.errors().next())?;
    let mut program = parsed.program;
    let mut unsupported = Unsupported::default();
    unsupported.visit_program(&program);
    if let Some((what, span)) = unsupported.found {
        return Err(problem_at(text, what, Some(span)));
    }
    let checked = SemanticBuilder::new()
        .with_check_syntax_error(true)
        .with_enum_eval(true)
        .build(&program);
    error_in(text, checked.diagnostics.errors().next())?;
    let scoping = checked.semantic.into_scoping();
    let transformed = Transformer::new(&allocator, Path::new(&source.path), &options())
        .build_with_scoping(scoping, &mut program);
    // It warns of what it leaves out, as an `import x = require("x")`: that would run and do something else.
    error_in(text, transformed.diagnostics.first())?;
    let mut printed = Codegen::new()
        .with_options(CodegenOptions {
            // As the engine names the module: what is mapped keeps its file.
            source_map_path: Some(PathBuf::from(format!("{PLUGIN_URL}{}", source.path))),
            comments: CommentOptions::disabled(),
            ..CodegenOptions::default()
        })
        .with_scoping(Some(transformed.scoping))
        .build(&program);
    let map = printed.map.as_mut().map(|map| {
        // The text is the author's and in nobody's way to a place.
        map.set_source_contents(Vec::new());
        map.to_json_string()
    });
    Ok((printed.code, map.unwrap_or_default()))
}

fn options() -> TransformOptions {
    TransformOptions {
        typescript: TypeScriptOptions {
            only_remove_type_imports: true,
            ..TypeScriptOptions::default()
        },
        ..TransformOptions::default()
    }
}
