export interface Quantiles {
  readonly p50: number
  readonly p90: number
}

/** Nearest rank among values in rising order; 0 of none. @param share 0 to 1 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] ?? 0
}

export function computeQuantiles(values: Float64Array): Quantiles {
  const sorted = values.toSorted()
  return { p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) }
}
