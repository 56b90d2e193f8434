/**
 * The grammar's plain rules, as data: what a piece of program gives, what kind of input it needs, how likely it is beside
 * others (1 unless said), since which version jq knows it, and its texts, separated by broken bars (which are no characters of the language).
 *
 * In a text «kind» is a program that gives that kind; «kind!» one that stands where only a term may; «kind:input» one whose
 * input is of another kind than the rule's. «#int», «#num», «#str», «#key» (as after a dot), «#name», «#regex» and «#flags»
 * are literals.
 */
import type { Kind } from "./documents.ts";

/** `path`: a program that gives places, not values. */
export type Want = Kind | "path";

export interface Template {
  readonly want: Want;
  readonly needs: Kind;
  readonly text: string;
  readonly weight: number;
  /** The version of jq whose grammar knows it first. What functions there are, each version says itself. */
  readonly since: string;
}

const GRAMMAR = String.raw`
num from any ×3
  «num!» + «num!» ¦ «num!» - «num!» ¦ «num!» * «num!»

num from any ×2
  «num!» / «num!» ¦ «num!» % «num!» ¦ -«num!» ¦ length

num from any
  reduce «nums!»[] as $n (0; . + $n) ¦ [«any»] | length

num from num
  floor ¦ ceil ¦ round ¦ fabs ¦ trunc ¦ abs ¦ sqrt ¦ rint

num from num ×0.4
  pow(.; «num») ¦ log2 ¦ exp10 ¦ exp2 ¦ significand ¦ logb ¦ cbrt

num from num ×0.4
  fmin(.; «num») ¦ fmax(«num»; .) ¦ fma(.; «num»; «num») ¦ ldexp(.; «num»)

num from num ×0.3
  scalb(.; «num») ¦ nearbyint ¦ trunc ¦ frexp[] ¦ modf[] ¦ drem(.; «num»)

num from num
  tostring | tonumber ¦ gmtime | mktime ¦ range(. % 9) ¦ limit(9; range(.; «num»)) ¦ tojson | fromjson

num from num
  limit(9; range(.; «num»; «#int»)) ¦ limit(3; range(.; .+ 9)) ¦ until(. > 100; if . < 0 then 1 else . * 2 + 1 end) ¦ limit(9; while(. < 9; . + 2))

num from str ×1.5
  tonumber ¦ utf8bytelength ¦ length ¦ index(«str») ¦ rindex(«str») ¦ explode[] ¦ indices(«str»)[]

num from str
  fromdate ¦ [match(«#regex»).offset] | length ¦ ascii_downcase | length ¦ strptime("%Y-%m-%dT%H:%M:%SZ") | mktime

num from nums ×2
  add ¦ min ¦ max ¦ .[«#int»] ¦ first ¦ last ¦ .[] ¦ length ¦ nth(1)

num from nums
  max_by(-.) ¦ min_by(. % 3) ¦ index(«num») ¦ bsearch(«num») ¦ add / length ¦ rindex(«num»)

num from nums
  add(.[] | «num:num») ¦ nth(«num») ¦ limit(«#int»; .[]) ¦ skip(«#int»; .[]) ¦ first(.[] | select(. > 1)) ¦
  getpath([«#int»])

num from arr
  length ¦ index(«any») ¦ indices(«arr»)[] ¦ flatten | length

num from obj
  length ¦ [.[]] | length ¦ keys | length ¦ .a | numbers ¦ [paths] | length

str from any ×2
  tostring ¦ tojson ¦ type ¦ @json ¦ @text ¦ «str!» + «str!» ¦ "<\(«any»)>"

str from any
  @base64 ¦ @html ¦ @uri ¦ [«num», «str»] | @csv ¦ [«str», «num»] | @tsv ¦ «strs!» | join(«str!») ¦ @sh

str from any
  @html "<\(«any»)>" ¦ @json "\(«any») \(«str»)" ¦ @uri "?\(«str»)" ¦ @base64 "a\(«str»)"

str from str ×1.3
  ascii_downcase ¦ ascii_upcase ¦ ltrimstr(«str») ¦ rtrimstr(«str») ¦ trim ¦ ltrim ¦ rtrim ¦ trimstr(«str») ¦
  explode | implode

str from str
  explode | reverse | implode ¦ .[«#int»:] ¦ .[:«#int»] ¦ .[«#int»:«#int»] ¦ . * «#int» ¦ @base64 | @base64d ¦
  @base64d ¦ @urid ¦ split(«str»)[]

str from str
  sub(«#regex»; «str!») ¦ gsub(«#regex»; «str!») ¦ gsub(«#regex»; "-\(.)") ¦ sub(«#regex»; «str»; «#flags») ¦
  gsub(«#regex»; "x"; «#flags») ¦ gsub("(?<x>.)"; "\(.x)-") ¦ scan(«#regex») | tostring ¦ match(«#regex»).string

str from str
  ascii ¦ splits(«#regex») ¦ ltrimstr("a") ¦ split(", *"; null) | join("-") ¦ getpath([]) ¦
  [limit(3; repeat(.))] | add ¦ tojson | fromjson ¦ fromjson | tojson ¦ fromdate | todate

str from num
  tostring ¦ todate ¦ strftime("%Y-%m-%dT%H:%M:%SZ") ¦ strftime("%A %B %d %j %e %H %I %p %U %w %Z") ¦
  [.] | implode ¦ gmtime | todate ¦ tojson

str from strs ×1.5
  add ¦ join(«str») ¦ .[] ¦ first ¦ last ¦ .[«#int»] ¦ min ¦ max ¦ join(",") ¦ sort | first ¦
  map(ascii_downcase) | add

str from obj
  keys[] ¦ keys_unsorted[] ¦ to_entries[].key ¦ tojson ¦ [.[] | tostring] | add ¦ paths | tojson

str from arr
  map(tostring) | join(«str») ¦ tojson ¦ @csv ¦ @tsv ¦ @sh ¦ @json ¦ join(«str»)

bool from any ×2
  «any!» == «any!» ¦ «any!» != «any!» ¦ «any!» < «any!» ¦ «num!» <= «num!» ¦ «str!» > «str!» ¦ «any!» >= «any!»

bool from any
  «bool!» and «bool!» ¦ «bool!» or «bool!» ¦ «any» | not ¦ [«any»] | any ¦ [«bool»] | all ¦ isempty(«any») ¦
  IN(«any») ¦ IN(«any»; «any»)

bool from any
  any(«any»; «bool:any») ¦ all(«any»; «bool:any») ¦ . as [$p] | $p == «any» ¦ «any!» | contains(«any») ¦
  «any!» | inside(«any»)

bool from str
  test(«#regex») ¦ test(«#regex»; «#flags») ¦ startswith(«str») ¦ endswith(«str») ¦ contains(«str») ¦
  inside(«str») ¦ toboolean ¦ tojson | toboolean

bool from arr
  contains(«arr») ¦ inside(«arr») ¦ any ¦ all ¦ has(«#int») ¦ any(.[]; «bool:any») ¦ all(«bool:any») ¦ .[0] < .[1]

bool from obj
  has(«#name») ¦ contains({a: «any!»}) ¦ inside(«obj») ¦ any(.[]; . == «any:any») ¦ all

bool from num
  isnan ¦ isinfinite ¦ isnormal ¦ . > «num» ¦ . == («num») ¦ infinite > . ¦ nan < .

arr from any ×1.6
  [«any»] ¦ [«any», «any»] ¦ [«any», «any», «any»] ¦ «arr!» + «arr!» ¦ [.[]?] ¦ [..] ¦ [paths] ¦ [tostream]

arr from any
  [limit(«#int»; «any»)] ¦ [first(«any»)] ¦ [.[]? | «any:any»] ¦ [«any» | select(«bool:any»)] ¦
  [«any» | scalars, arrays, nulls] ¦ [leaf_paths] ¦ [path(«path»)] ¦ [paths(«bool:any»)] ¦
  [«any»] | tojson | fromjson ¦ [until(true; .)] ¦ toarray ¦ [splits("a")?]

arr from any
  [range(«#int»; «#int»)] | map(«any:num») ¦ [foreach «any!» as $f (first(«any»); «any:any»)] ¦
  [foreach «any!» as $f (0; . + 1; [$f, .])] ¦ [limit(4; recurse(«any:any»))] ¦
  [limit(5; recurse(«any:any»; «bool:any»))] ¦ [getpath([«#name», «#int»])]

arr from arr ×1.6
  map(«any:any») ¦ map(select(«bool:any»)) ¦ sort ¦ sort_by(«any:any») ¦ group_by(«any:any») ¦ unique ¦
  unique_by(«any:any») ¦ reverse ¦ flatten ¦ flatten(«#int») ¦ .[«#int»:] ¦ .[«#int»:«#int»]

arr from arr
  «arr!» - «arr!» ¦ to_entries ¦ [.[] | «any:any»] ¦ transpose ¦ [.[:2], .[2:]] | add ¦ map(tojson) ¦
  indices(«any») ¦ [combinations(2)] ¦ [limit(9; combinations)] ¦ map_values(«any:any») ¦ map(.) ¦
  [.[] as $e | $e, «any»] ¦ [first, last] ¦ del(.[«#int»]) ¦ walk(«any:any») ¦ [limit(2; .[])] ¦
  sort_by(«any:any», «any:any») ¦ [min, max] ¦ [skip(1; .[])] ¦ map([.] | implode?) ¦ ascii?, .

arr from str
  explode ¦ split(«str») ¦ [match(«#regex»; «#flags»)] ¦ [match(«#regex»; "g") | .offset, .length, .string] ¦
  [scan(«#regex»)] ¦ [scan(«#regex»; «#flags»)] ¦ [splits(«#regex»)] ¦ [splits(«#regex»; «#flags»)] ¦
  [capture(«#regex»; "g")] ¦ split(«#regex»; «#flags») ¦ indices(«str») ¦ [match(«#regex»).captures]

arr from num
  gmtime ¦ [range(. % 9)] ¦ [limit(5; range(0; .; «num»))] ¦ [range(0, 1; 3, 4)] ¦ [., «num»] ¦ [frexp, modf] ¦
  [limit(3; repeat(. * 2))] ¦ [ltrimstr(1), splits("a")?]

arr from obj
  keys ¦ keys_unsorted ¦ to_entries ¦ [.[]] ¦ [paths] ¦ [.a, .b] ¦ [.[] | numbers] ¦ map(«any:any») ¦
  [getpath(paths)] ¦ add | arrays ¦ tostream | tojson | [.] ¦ [with_entries(.value |= tostring)]

nums from any
  [range(«#int»)] ¦ [«num», «num»] ¦ [«num»] ¦ [1, 2, 3] | map(«num:num») ¦ [.[]? | numbers] ¦ [limit(5; «num»)]

nums from nums
  sort ¦ map(. * 2) ¦ map(«num:num») ¦ reverse ¦ unique ¦ map(select(«bool:num»)) ¦ sort_by(«any:num») ¦ .[1:] ¦
  [limit(3; .[])]

strs from any
  [«str», «str»] ¦ [.[]? | strings] ¦ [.. | strings] ¦ "a,b,c" | split(«str») ¦ [«str»] | map(«str:str») ¦
  [.[]? | tostring]

strs from str
  split(«str») ¦ [.[:1], .[1:]] ¦ [scan(".")] ¦ split("") ¦ [splits(«#regex»)]

strs from strs
  sort ¦ map(ascii_upcase) ¦ unique_by(length) ¦ map(«str:str») ¦ group_by(length) | map(add) ¦ sort_by(length, .)

objs from any
  [«obj», «obj»] ¦ [.. | objects] ¦ [«obj»] | map(«obj:obj»)

objs from objs
  sort_by(.a) ¦ map(select(.a == «any:obj»)) ¦ unique_by(.b) ¦ group_by(.c) | map(first) ¦ [.[] | {a, b}] ¦
  map(del(.a)) ¦ sort ¦ [max_by(.a), min_by(.b)]

objs from obj
  to_entries ¦ [to_entries[] | {(.key): .value}] ¦ [.[] | objects]

obj from any ×1.5
  {«#key»: «any!»} ¦ {(«str!»): «any!»} ¦ {«#key»: «any!», «#key»: «any!»} ¦ {a: «any!», ("b", "c"): «any!»} ¦
  «obj!» + «obj!» ¦ «obj!» * «obj!» ¦ {"x\(«num»)": 1} ¦ {@base64 "k": «any!»}

obj from any
  [«str», «str»] | INDEX(.) ¦ [{name: «str!», value: «any!»}] | from_entries ¦ [«strs»[]?] | map({(.): 1}) | add ¦
  reduce «strs!»[] as $k ({}; .[$k] += 1) ¦ INDEX(«any»; tojson) ¦ [«obj»] | add ¦ getpath([]) | objects ¦
  [tostream] | fromstream(.[]) | objects ¦ {a: 1} | .b = «any:obj!»

obj from obj ×1.2
  del(.«#key») ¦ del(.[«str»]) ¦ with_entries(.value |= «any:any!») ¦ with_entries(select(.key != «str:obj»)) ¦
  map_values(«any:any») ¦ to_entries | from_entries ¦ {a, b} ¦ {"a", b: .c} ¦ walk(«any:any») ¦ .«#key» = «any!» ¦
  .«#key» |= «any:any!» ¦ pick(.«#key») ¦ fromstream(tostream) ¦
  fromstream(1 | truncate_stream([[0], 1], [[1, 0], 2])) ¦ . * {a: {b: «any!»}} ¦ delpaths([[«str»]]) ¦
  with_entries(.key |= «str:str!») ¦ tojson | fromjson ¦ setpath([«str»]; «any») ¦ pick(«path») ¦ map_values(empty) ¦
  to_entries | map({(.key): 1}) | add ¦ {(keys[]): 1} ¦ walk(if type == "object" then del(.a) else . end)

obj from str
  capture(«#regex») ¦ {(.): 1} ¦ match(«#regex») ¦ capture("(?<x>[a-z])(?<n>[0-9])?") ¦ ascii_downcase | {a: .}

obj from objs
  add ¦ first ¦ .[] ¦ INDEX(.a) ¦ map({key: (.a | tostring), value: .b}) | from_entries ¦ max_by(.a) ¦
  group_by(.a)[] | add ¦ reduce .[] as {a: $x, b: $y} ({}; .[$x | tostring] = $y)

any from any ×1.5
  . ¦ .. ¦ .[]? ¦ .a? ¦ .[0]? ¦ «any!», «any!» ¦ «any!» // «any!» ¦ «any» | «any:any» ¦
  if «bool» then «any» else «any» end ¦ if «any» then «any» end ¦
  if «any» then «any» elif «bool» then «any» else «any» end ¦ first(«any») ¦ last(«any») ¦ select(«bool») ¦ empty ¦
  getpath([«#name»])?

any from any
  nth(«#int»; «any») ¦ recurse ¦ tojson | fromjson ¦ «any!»? ¦ try «any!» catch "caught" ¦
  try error(«any») catch . ¦ error?, «any» ¦ limit(«#int»; «any») ¦ walk(«any:any») ¦ add?, «any» ¦ getpath(paths) ¦
  getpath([«any»]?)? ¦ fromstream(tostream) ¦ paths ¦ setpath([«#name»]; «any»)? ¦ [«any»] | .[0] ¦ {a: «any!»} | .a ¦
  map(«any:any»)? ¦ label $fin | «any!», break $fin, 1 ¦ abs? ¦ splits(«str»)? ¦ tostream ¦ del(..)? ¦
  [.[]?] | min, max ¦ limit(0; «any») ¦ isempty(«any») ¦ any, all? ¦ scalars ¦ values ¦ iterables ¦
  strings, numbers ¦ add(.[]?) ¦ getpath(["a", "b"])? ¦ debug ¦ have_literal_numbers ¦ @json ¦ toarray[]

any from any
  «path!» |= «any:any!» ¦ «path!» = «any!» ¦ «path!» += «any!» ¦ «path!» //= «any!» ¦ «path!» -= «num!» ¦ «path!» *= «num!» ¦
  del(«path») ¦ path(«path») ¦ to_entries? ¦ delpaths([path(«path»)]) ¦ [paths(«bool:any»)] ¦
  reduce path(«path») as $p (.; setpath($p; 1)) ¦ pick(«path») ¦ «path!» |= empty ¦ limit(2; «path») ¦
  reduce «any!» as $r (first(«any»); [., $r]) ¦ «path!» /= 2 ¦ «path!» %= 3 ¦ getpath(path(«path»)) ¦ first(«path») ¦
  [.[]? |= «any:any»]

any from obj ×1.5
  .a ¦ .b ¦ .c ¦ .["d"] ¦ .[] ¦ .a.b ¦ .a[0] ¦ to_entries[] ¦ map_values(.)[] ¦ .[«str»] ¦ .. ¦ .a?, .b? ¦ .a.b?.c ¦
  ."a" ¦ .«#key»[]? ¦ add ¦ tostream ¦ first(.[]) ¦ min_by(.a)?

any from arr ×1.2
  .[] ¦ .[0] ¦ .[-1] ¦ .[«num»] ¦ first ¦ last ¦ min ¦ max ¦ add ¦ min_by(«any:any») ¦ max_by(«any:any») ¦
  .[«arr»] ¦ nth(«num») ¦ .[1:][] ¦ combinations ¦ .. ¦ .[«#int»:«#int»] = «arr!» ¦ flatten[] ¦ limit(2; .[]) ¦
  del(.[«#int», «#int»]) ¦ del(.[«#int»:]) ¦ to_entries[] ¦ implode ¦ .[«#int»] = «any!» ¦ any, all ¦ tostream ¦
  getpath([«num»]) ¦ sort_by(.a?) ¦ delpaths([[0], [1]]) ¦ join(",")

any from str
  fromjson ¦ fromjson? ¦ explode ¦ tonumber? ¦ .[«#int»:] ¦ split(«str») ¦ match(«#regex») ¦
  [match(«#regex»; «#flags»)] ¦ ascii_downcase, ascii_upcase ¦ @json ¦ test(«#regex»), test(«#regex»; «#flags») ¦
  strptime("%Y-%m-%dT%H:%M:%SZ") ¦ ltrimstr(«any») ¦ . / «str» ¦ error ¦ fromdateiso8601

any from num
  . as $n | [range($n % 9)] | .[$n] ¦ todate ¦ . + «any» ¦ [.] + «arr» ¦ [limit(3; range(.; infinite))] ¦
  . == (tojson | fromjson) ¦ tostring ¦ «any» | «any:any» ¦ gmtime ¦ significand ¦ splits("a")? ¦ @text ¦ tojson

any from any ×1.5 since 1.7
  if «any» then «any» end ¦ if «bool» then «any» elif «any» then «any» end ¦ «any!».["a"]? ¦ .a.[0]?

null from any
  null ¦ [«any»] | first(.[] | nulls) ¦ «any» | .[0]? | nulls ¦ {a: «any!»} | .b

path from any ×2
  . ¦ .a ¦ .b ¦ .[0] ¦ .[] ¦ .[]? ¦ .a? ¦ .. ¦ .[«#int»]? ¦ .[«#name»]? ¦ .a.b ¦ .a[1:]? ¦ .[1:2]? ¦ .[:1]? ¦ .[-1]?

path from any
  «path» | «path:any» ¦ «path», «path» ¦ select(«bool») ¦ «path» | select(«bool:any») ¦
  if «bool» then «path» else «path» end ¦ «path!» // «path!» ¦ first(«path») ¦ recurse ¦ getpath([«#name»]) ¦
  getpath([«#name», «#int»])? ¦ («path»)? ¦ empty ¦ last(«path») ¦ limit(2; «path») ¦ recurse(.[]?; «bool:any») ¦
  paths ¦ to_entries ¦ «any» as $pv | «path» ¦ .. | scalars ¦ error("x")? ¦ skip(1; «path») ¦ nth(«#int»; «path») ¦
  getpath(«any!» | paths) ¦ try «path!» catch . ¦ label $pl | «path!», break $pl ¦ del(.a) ¦ select(.a?) ¦
  .. | select(type == "number") ¦ until(true; .a) ¦ walk(.) ¦ first(.[]?) ¦ recurse(.a?)
`;

function readRule(paragraph: string): Template[] {
  const [header = "", ...lines] = paragraph.trim().split("\n");
  const match = /^(\w+) from (\w+)(?: ×([\d.]+))?(?: since ([\d.]+))?$/.exec(header);
  if (match === null) throw new Error(`no rule: ${header}`);
  const [, want, needs, weight = "1", since = "1.6"] = match;
  return lines
    .join(" ")
    .split("¦")
    .map((text) => ({
      want: want as Want,
      needs: needs as Kind,
      text: text.trim(),
      weight: Number(weight),
      since,
    }));
}

export const TEMPLATES: readonly Template[] = GRAMMAR.split("\n\n").flatMap(readRule);
