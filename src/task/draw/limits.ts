/** What may be drawn from a resource. Absent: no such limit. */
export interface ResourceLimits {
  /** Units at once: a number, or a range inside which the limit is found by trying. */
  readonly concurrency?: number | { readonly floor: number; readonly ceiling: number }
  readonly requestsPerMinute?: number
  readonly requestsPerDay?: number
  readonly tokensPerMinute?: number
  /**
   * Whether an overload that one call meets holds the others back. Default: true; false where the calls go to
   * different places, as downloads do.
   */
  readonly isOneProvider?: boolean
}
