/** Math functions. */
import { testCases } from "./cases.ts";

testCases([
  ["[floor, ceil, round, trunc, fabs]", -2.5, [[-3, -2, -3, -2, 2.5]]],
  ["[sqrt, cbrt]", 64, [[8, 4]]],
  ["[pow(2; 10), pow(2,3; 1,2)]", null, [[1024, 2, 3, 4, 9]]],
  ["[exp10, exp2, (exp | log)]", 3, [[1000, 8, 3]]],
  ["[log2, log10]", 1000, [[9.965784284662087, 3]]],
  ["[(1 | atan2(1; .)), (0 | sin, cos, tan)]", null, [[0.7853981633974483, 0, 1, 0]]],
  ["[significand, logb, frexp]", 10, [[1.25, 3, [0.625, 4]]]],
  ["[ldexp(3; 4), scalb(3; 4), scalbln(1; -2)]", null, [[48, 48, 0.25]]],
  ["[nearbyint, rint, round]", 2.5, [[2, 2, 3]]],
  ["[5 | tgamma], [5 | lgamma_r | .[1]]", null, [[24], [1]]],
  ["[modf]", 3.25, [[[0.25, 3]]]],
  ["[fmin(1; 2), fmax(1; 2), fmod(7; 3), fma(2; 3; 4), hypot(3; 4)]", null, [[1, 2, 1, 10, 5]]],
  ["[drem(10; 3), drem(11; 3), copysign(1; -2), fdim(5; 3)]", null, [[1, -1, -1, 2]]],
  ["[.[] | trunc]", [1.9, -1.9], [[1, -1]]],
  ["[1, 2 | j0 * 1000 | floor]", null, [[765, 223]]],
  ["[nextafter(1; 2) > 1, nexttoward(1; 0) < 1]", null, [[true, true]]],
  ["[0.5 | erf * 1e6 | floor]", null, [[520499]]],
]);
