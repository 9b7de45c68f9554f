/**
 * e^x by reduction to |r| ≤ ln 2 / 2 and the rational approximation of FreeBSD's e_exp.c (error below 1 unit in the last
 * place), without its table or the standard library's, which lives in static memory.
 */
export function exponential(x: f64): f64 {
  if (x !== x) return x;
  if (x > 709.0) x = 709.0;
  if (x < -708.0) return 0;
  const k = nearest(x * 1.4426950408889634);
  const high = x - k * 6.9314718036912381649e-1;
  const low = k * 1.90821492927058770002e-10;
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t * (6.61375632143793436117e-5 + t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))));
  const y = 1.0 - (low - (r * c) / (2.0 - c) - high);
  return y * reinterpret<f64>((1023 + <i64>k) << 52);
}

/** ln x for finite x > 0, after FreeBSD's e_log.c. */
export function logarithm(x: f64): f64 {
  let bits = reinterpret<i64>(x);
  let k: i64 = 0;
  if (bits < 0x10000000000000) {
    bits = reinterpret<i64>(x * 18014398509481984.0);
    k = -54;
  }
  k += (bits >> 52) - 1023;
  // The mantissa, in [√½, √2).
  let m = reinterpret<f64>((bits & 0xfffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k++;
  }
  const f = m - 1.0;
  const s = f / (2.0 + f);
  const z = s * s;
  const w = z * z;
  const r =
    w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1)) +
    z *
      (6.66666666666673513e-1 +
        w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  const half = 0.5 * f * f;
  const e = <f64>k;
  return e * 6.9314718036912381649e-1 - (half - (s * (half + r) + e * 1.90821492927058770002e-10) - f);
}

/** ln(1 + e^x) without overflow. */
export function softplus(x: f64): f64 {
  const small = exponential(-abs(x));
  // ln(1 + t): below 2^-27 the first term is all there is.
  const tail = small < 7.450580596923828e-9 ? small : logarithm(1.0 + small);
  return max(x, 0.0) + tail;
}

/** 32 well-mixed bits of three numbers: two rounds of the finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
export function mix(a: u32, b: u32, c: u32): u32 {
  return <u32>(scramble(scramble(((<u64>a) << 32) | <u64>b) + <u64>c) >> 32);
}

function scramble(value: u64): u64 {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/** Smallest e with x < 2^e, for finite x ≥ 0. */
export function exponentAbove(x: f64): i32 {
  return <i32>((reinterpret<i64>(x) >> 52) & 2047) - 1022;
}

/** 2^e for −1022 ≤ e ≤ 1023. */
export function powerOfTwo(e: i32): f64 {
  return reinterpret<f64>((<i64>(min(1023, max(-1022, e)) + 1023)) << 52);
}
