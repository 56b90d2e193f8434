/** The cases of jq's own test files that fail here, and why. A case of this list that passes fails the test. */

export interface Exception {
  /** The program of the case, as it stands in the file. */
  readonly program: string;
  readonly reason: string;
}

const MODULES = "programs have no files to load modules from; `import` and `include` are refused";
const METADATA = "`modulemeta` reads a module's file, and programs have no files";
const ENVIRONMENT = "programs cannot read the environment of the process that runs them";
const INPUT = "a program gets one input; there is no stream of inputs to read on from";

const modules = [
  'import "a" as foo; import "b" as bar; def fooa: foo::a; [fooa, bar::a, bar::b, foo::a]',
  'import "c" as foo; [foo::a, foo::c]',
  'include "c"; [a, c]',
  'import "data" as $e; import "data" as $d; [$d[].this,$e[].that,$d::d[].this,$e::e[].that]|join(";")',
  'import "data" as $a; import "data" as $b; def f: {$a, $b}; f',
  'include "shadow1"; e',
  'include "shadow1"; include "shadow2"; e',
  'import "shadow1" as f; import "shadow2" as f; import "shadow1" as e; [e::e, f::e]',
  'import "test_bind_order" as check; check::check',
];
const metadata = ["modulemeta", "modulemeta | .deps | length", "modulemeta | .defs | length"];
const environment = ["$ENV.PAGER", "env.PAGER"];
const input = ["try input catch ."];

const because = (programs: readonly string[], reason: string): Exception[] =>
  programs.map((program) => ({ program, reason }));

export const EXCEPTIONS: readonly Exception[] = [
  ...because(modules, MODULES),
  ...because(metadata, METADATA),
  ...because(environment, ENVIRONMENT),
  ...because(input, INPUT),
];
