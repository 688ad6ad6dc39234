/** What `headgate doctor` has found out about one thing. */
export interface Finding {
  readonly about: string
  readonly detail: string
  /** What to do; absent: nothing is wrong. */
  readonly fix?: string
}
