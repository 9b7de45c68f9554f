/** A pivot this small beside its diagonal element is rounding error: the column is a combination of earlier ones. */
const DEPENDENT = 1e-10;

/**
 * Solves A x = b for a symmetric, positive semidefinite A by Cholesky factorisation (Golub and Van Loan, Matrix
 * Computations, algorithm 4.2.1), in the given order of columns. A column that depends on earlier ones gets x = 0, as in
 * R's `lm`: the solution is then one of many, but always the same one.
 *
 * @param a n × n, row by row; only the lower triangle is read, and it is overwritten with the factor
 * @param b n; not changed
 */
export function solveSymmetric(a: Float64Array, b: Float64Array): { solution: Float64Array; dependent: number[] } {
  const n = b.length;
  const dependent: number[] = [];
  const kept = new Uint8Array(n);
  for (let j = 0; j < n; j++) {
    const diagonal = a[j * n + j] as number;
    let pivot = diagonal;
    for (let k = 0; k < j; k++) pivot -= (a[j * n + k] as number) ** 2;
    if (!(pivot > diagonal * DEPENDENT)) {
      dependent.push(j);
      for (let i = j; i < n; i++) a[i * n + j] = 0;
      continue;
    }
    kept[j] = 1;
    const root = Math.sqrt(pivot);
    a[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = a[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (a[i * n + k] as number) * (a[j * n + k] as number);
      a[i * n + j] = sum / root;
    }
  }
  const solution = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    if (kept[i] === 0) continue;
    let sum = b[i] as number;
    for (let k = 0; k < i; k++) sum -= (a[i * n + k] as number) * (solution[k] as number);
    solution[i] = sum / (a[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    if (kept[i] === 0) continue;
    let sum = solution[i] as number;
    for (let k = i + 1; k < n; k++) sum -= (a[k * n + i] as number) * (solution[k] as number);
    solution[i] = sum / (a[i * n + i] as number);
  }
  return { solution, dependent };
}
